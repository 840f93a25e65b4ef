//! Who wants nothing from which number of ours: `sb_opt_out`, one row for each pair and channel.

use super::event::{self, NewEvent, Order, Told};
use super::{Change, Query, Result, Store, Value, audit};
use crate::model::{Channel, ClientId, Millis};

/// What a person said, or a carrier for them.
#[derive(Clone, Debug)]
pub struct OptOut {
    /// The keys of the pair on this channel, which are those of their lanes: one for each form in which carriers write
    /// the person's number. A new entry gets the first.
    pub ids: Vec<String>,
    pub channel: Channel,
    pub number: String,
    pub person: String,
    pub is_out: bool,
    /// `keyword`, `carrier` or `administrator`.
    pub reason: &'static str,
    /// When it was said: what was said later stands.
    pub at_ms: Millis,
}

/// Texts have no name in the table.
fn written(channel: Channel) -> Option<&'static str> {
    (channel != Channel::Sms).then(|| channel.name())
}

/// What an entry of the pair says: there is more than one where both forms had an entry of their own once.
struct Stands {
    id: String,
    is_out: bool,
    changed_ms: Millis,
    sequence: i64,
}

async fn stands(store: &Store, ids: &[String]) -> Result<Vec<Stands>> {
    let query = over("SELECT id, is_out, changed_ms, sequence FROM sb_opt_out WHERE id IN ({})", ids);
    let parse = |row: &super::Row| {
        let (id, is_out, changed_ms) = (row.text(0)?.to_owned(), row.int(1)? != 0, row.int(2)?);
        Ok(Stands { id, is_out, changed_ms, sequence: row.maybe_int(3)?.unwrap_or_default() })
    };
    store.look_up(vec![query]).await?.concat().iter().map(parse).collect()
}

/// Writes what was said, unless something later was. Whether this changed what stands; saying it
/// again at the very same time counts as the first time. `told`, due now, and `entry` are written with a change.
pub async fn write(
    store: &Store,
    said: &OptOut,
    (told, now_ms): (&Told, Millis),
    entry: Option<audit::Entry>,
) -> Result<bool> {
    let stands = stands(store, &said.ids).await?;
    let last_ms = stands.iter().map(|one| one.changed_ms).max().unwrap_or(Millis::MIN);
    let others = || stands.iter().filter(|one| one.is_out != said.is_out);
    if last_ms > said.at_ms {
        return Ok(false);
    }
    if !stands.is_empty() && others().next().is_none() {
        return Ok(last_ms == said.at_ms);
    }
    // the entry counts what is told of it: the statement that changes it sees to it that nobody else has since
    let sequence = 1 + stands.iter().map(|one| one.sequence).max().unwrap_or_default();
    let is_out = Value::from(i64::from(said.is_out));
    let mut change = Change::new();
    if stands.is_empty() {
        change = change.one(
            "INSERT INTO sb_opt_out (id, number, person, is_out, reason, changed_ms, channel, sequence) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                said.ids.first().map(String::as_str).into(),
                said.number.as_str().into(),
                said.person.as_str().into(),
                is_out.clone(),
                said.reason.into(),
                said.at_ms.into(),
                written(said.channel).into(),
                sequence.into(),
            ],
        );
    }
    for one in others() {
        let (reason, id) = (said.reason.into(), one.id.as_str().into());
        change = change.one(
            "UPDATE sb_opt_out SET is_out = ?, reason = ?, changed_ms = ?, sequence = ? WHERE id = ? AND changed_ms = ?",
            vec![is_out.clone(), reason, said.at_ms.into(), sequence.into(), id, one.changed_ms.into()],
        );
    }
    // who never was out changes nothing by saying that they are in
    let told = if stands.is_empty() && !said.is_out { &Told::default() } else { told };
    let numbered = |event: &NewEvent| NewEvent { order: Order::Known(sequence), ..event.clone() };
    let events: Vec<NewEvent> = told.new.iter().map(numbered).collect();
    store.commit(event::add(change, &events, &told.targets, now_ms).audited(entry)).await?;
    Ok(true)
}

/// What stands between a number and a person.
#[derive(Clone, Debug)]
pub struct Entry {
    pub channel: Channel,
    pub number: String,
    pub person: String,
    pub is_out: bool,
    pub reason: String,
    pub changed_ms: Millis,
}

/// Which entries a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub number: Option<String>,
    /// All forms in which carriers write the person's number; none: everybody's.
    pub person: Vec<String>,
    pub channel: Option<Channel>,
    /// Behind this number, person and channel.
    pub after: Option<(String, String, Channel)>,
}

const COLUMNS: &str = "SELECT o.number, o.person, o.is_out, o.reason, o.changed_ms, o.channel FROM sb_opt_out o";

fn parse(row: &super::Row) -> Result<Entry> {
    let channel = row.maybe_text(5)?.map_or(Some(Channel::Sms), Channel::parse);
    Ok(Entry {
        channel: channel.ok_or_else(|| super::Error::Data("opt-out channel".into()))?,
        number: row.text(0)?.to_owned(),
        person: row.text(1)?.to_owned(),
        is_out: row.int(2)? != 0,
        reason: row.text(3)?.to_owned(),
        changed_ms: row.int(4)?,
    })
}

/// The entries of a client's numbers, by number, person and channel.
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Vec<Entry>> {
    let mut sql =
        format!("{COLUMNS} WHERE EXISTS (SELECT 1 FROM sb_number n WHERE n.address = o.number AND n.client_id = ?)");
    let mut params: Vec<Value> = vec![client.hex().into()];
    if let Some(number) = &filter.number {
        sql.push_str(" AND o.number = ?");
        params.push(number.as_str().into());
    }
    if !filter.person.is_empty() {
        let marks = vec!["?"; filter.person.len()].join(", ");
        sql.push_str(" AND o.person IN (");
        sql.push_str(&marks);
        sql.push(')');
        params.extend(filter.person.iter().map(|form| Value::from(form.as_str())));
    }
    if let Some(channel) = filter.channel {
        sql.push_str(" AND COALESCE(o.channel, 'sms') = ?");
        params.push(channel.name().into());
    }
    if let Some((number, person, channel)) = &filter.after {
        // the first condition is what an index can begin at
        sql.push_str(
            " AND o.number >= ? AND (o.number > ? OR o.person > ? \
             OR (o.person = ? AND COALESCE(o.channel, 'sms') > ?))",
        );
        params.extend([number, number, person, person].map(|text| Value::from(text.as_str())));
        params.push(channel.name().into());
    }
    sql.push_str(" ORDER BY o.number, o.person, COALESCE(o.channel, 'sms') LIMIT ?");
    params.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    store.read(vec![Query::new(sql, params)]).await?.concat().iter().map(parse).collect()
}

/// The entry of a pair, by its keys: where there is more than one, that which stops most.
pub async fn find(store: &Store, ids: &[String]) -> Result<Option<Entry>> {
    let rows = store.look_up(vec![over(&format!("{COLUMNS} WHERE o.id IN ({{}})"), ids)]).await?.concat();
    let entries = rows.iter().map(parse).collect::<Result<Vec<_>>>()?;
    Ok(entries.into_iter().max_by_key(|entry| (entry.is_out, entry.changed_ms)))
}

fn over(sql: &str, ids: &[String]) -> Query {
    Query::over(sql.to_owned(), &[], ids.iter().map(|id| id.as_str().into()).collect())
}

//! Who wants nothing from which number of ours: `sb_opt_out`, one row for each pair and channel.

use super::event::{self, NewEvent, Order, Told};
use super::{Change, Query, Result, Store, Value, audit};
use crate::model::{Channel, ClientId, Millis};

/// What a person said, or a carrier for them.
#[derive(Clone, Debug)]
pub struct OptOut {
    /// The key of the pair on this channel: that of their lane.
    pub id: String,
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

/// Writes what was said, unless something later was. Whether this changed what stands; saying it
/// again at the very same time counts as the first time. `told`, due now, and `entry` are written with a change.
pub async fn write(
    store: &Store,
    said: &OptOut,
    (told, now_ms): (&Told, Millis),
    entry: Option<audit::Entry>,
) -> Result<bool> {
    let sql = "SELECT is_out, changed_ms, sequence FROM sb_opt_out WHERE id = ?";
    let rows = store.query(sql, vec![said.id.as_str().into()]).await?;
    let is_out = Value::from(i64::from(said.is_out));
    // the entry counts what is told of it: the statement that changes it sees to it that nobody else has since
    let sequence = 1 + rows.first().map(|row| row.maybe_int(2)).transpose()?.flatten().unwrap_or_default();
    let numbered = |event: &NewEvent| NewEvent { order: Order::Known(sequence), ..event.clone() };
    let events: Vec<NewEvent> = told.new.iter().map(numbered).collect();
    let tell = |change| event::add(change, &events, &told.targets, now_ms);
    let Some(row) = rows.first() else {
        let change = Change::new().one(
            "INSERT INTO sb_opt_out (id, number, person, is_out, reason, changed_ms, channel, sequence) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                said.id.as_str().into(),
                said.number.as_str().into(),
                said.person.as_str().into(),
                is_out,
                said.reason.into(),
                said.at_ms.into(),
                written(said.channel).into(),
                sequence.into(),
            ],
        );
        store.commit(tell(change).audited(entry)).await?;
        return Ok(true);
    };
    let (was_out, changed_ms) = (row.int(0)? != 0, row.int(1)?);
    if changed_ms > said.at_ms {
        return Ok(false);
    }
    if was_out == said.is_out {
        return Ok(changed_ms == said.at_ms);
    }
    let change = Change::new().one(
        "UPDATE sb_opt_out SET is_out = ?, reason = ?, changed_ms = ?, sequence = ? WHERE id = ? AND changed_ms = ?",
        vec![
            is_out,
            said.reason.into(),
            said.at_ms.into(),
            sequence.into(),
            said.id.as_str().into(),
            changed_ms.into(),
        ],
    );
    store.commit(tell(change).audited(entry)).await?;
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
    pub person: Option<String>,
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
    for (condition, wanted) in [(" AND o.number = ?", &filter.number), (" AND o.person = ?", &filter.person)] {
        if let Some(wanted) = wanted {
            sql.push_str(condition);
            params.push(wanted.as_str().into());
        }
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

/// The entry of a pair, by its key.
pub async fn find(store: &Store, id: &str) -> Result<Option<Entry>> {
    let query = Query::new(format!("{COLUMNS} WHERE o.id = ?"), vec![id.into()]);
    store.read(vec![query]).await?.concat().first().map(parse).transpose()
}

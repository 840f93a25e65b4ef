//! Who wants nothing from which number of ours: `sb_opt_out`, one row for each pair and channel. It is the entry of the
//! client that had the number when it was said; one of an earlier client stays in force behind it.

mod unseen;

pub use unseen::lift;

use super::engine::SqlConditions;
use super::event::{EventSequenceSource, PendingEvents};
use super::number::is_there;
use super::{AuditTrail, Change, Query, Result, Row, Store, Value, delivery, params};
use crate::model::{Channel, ClientId, Id as _, LaneKey, Millis, id};

/// Why an entry stands that its client set.
pub const ADMINISTRATOR: &str = "administrator";

/// What a person said, or a carrier for them.
#[derive(Clone, Debug)]
pub struct OptOutStatement {
    /// Whose number it is.
    pub client: ClientId,
    /// The keys of the pair on this channel, which are those of their lanes: one for each form in which carriers write
    /// the person's number. A new entry gets the first.
    pub ids: Vec<LaneKey>,
    pub channel: Channel,
    pub number: String,
    pub person: String,
    pub is_out: bool,
    /// `keyword`, `carrier` or [`ADMINISTRATOR`].
    pub reason: &'static str,
    /// When it was said: what was said later stands.
    pub at_ms: Millis,
}

/// Texts have no name in the table.
fn written(channel: Channel) -> Option<&'static str> {
    (channel != Channel::Sms).then(|| channel.name())
}

impl OptOutStatement {
    /// Whether it lifts what stops a person, whoever's entry that is: their own word does.
    fn lifts_all(&self) -> bool {
        !self.is_out && self.reason != ADMINISTRATOR
    }
}

/// Which of these keys stop a message: an entry does, and one of an earlier client that is held.
pub(super) fn stopped(keys: Vec<Value>) -> Query {
    Query::over("SELECT id FROM sb_opt_out WHERE (is_out = 1 OR held_ms IS NOT NULL) AND id IN ({})", &[], keys)
}

/// Who of these people wants no texts from some number of ours, each with the client whose number that was.
pub(super) fn stopped_by(people: Vec<Value>) -> Query {
    let sql = "SELECT person, client_id FROM sb_opt_out \
               WHERE is_out = 1 AND channel IS NULL AND client_id IS NOT NULL AND person IN ({})";
    Query::over(sql, &[], people)
}

/// An entry of a pair, whoever's it is.
#[derive(serde::Deserialize)]
struct StoredOptOut {
    entry: OptOutEntry,
    #[serde(deserialize_with = "id::from_row")]
    id: LaneKey,
    /// `None`: an earlier client's, which nobody knows.
    client: Option<ClientId>,
    held_ms: Option<Millis>,
    sequence: i64,
}

impl StoredOptOut {
    fn is_of(&self, client: ClientId) -> bool {
        self.client == Some(client)
    }

    /// Since when an entry of another client's is in force here.
    fn held_for(&self, client: ClientId) -> Option<Millis> {
        let is_held = self.entry.is_out && !self.is_of(client);
        self.held_ms.or_else(|| is_held.then_some(self.entry.changed_ms))
    }

    /// Whether it says so already.
    fn agrees(&self, said: &OptOutStatement) -> bool {
        if said.lifts_all() {
            return !self.entry.is_out && self.held_ms.is_none();
        }
        self.is_of(said.client) && self.entry.is_out == said.is_out
    }
}

/// What stands between a number and a person on a channel: there is more than one entry where both forms of the
/// person's number had one of their own once.
pub struct NumberPersonOptOuts(Vec<StoredOptOut>);

impl NumberPersonOptOuts {
    /// By the keys of the pair.
    pub async fn find(store: &Store, ids: &[LaneKey]) -> Result<Self> {
        let keys = ids.iter().map(Value::from).collect();
        let query = Query::over(format!("{COLUMNS} WHERE o.id IN ({{}})"), &[], keys);
        let rows = store.look_up(vec![query]).await?.concat();
        Ok(Self(rows.iter().map(Row::read).collect::<Result<_>>()?))
    }

    /// What a client sees: of its own entries that which stops most.
    pub fn of(&self, client: ClientId) -> Option<&OptOutEntry> {
        let own = self.0.iter().filter(|one| one.is_of(client)).map(|one| &one.entry);
        own.max_by_key(|entry| (entry.is_out, entry.changed_ms))
    }

    /// Whether the person wants nothing, or did until what was said at this time.
    pub fn is_out(&self, at_ms: Millis) -> bool {
        self.0.iter().any(|one| one.entry.is_out || one.held_ms.is_some() || one.entry.changed_ms == at_ms)
    }

    /// When something was said last.
    pub fn last_ms(&self) -> Option<Millis> {
        self.0.iter().map(|one| one.entry.changed_ms).max()
    }
}

/// Writes what was said, unless something later was. Whether this changed what stands; saying it
/// again at the very same time counts as the first time. `told`, due now, and `entry` are written with a change.
pub async fn write(
    store: &Store,
    said: &OptOutStatement,
    (told, now_ms): (&PendingEvents, Millis),
    entry: AuditTrail,
) -> Result<bool> {
    let pair = NumberPersonOptOuts::find(store, &said.ids).await?;
    let (last_ms, NumberPersonOptOuts(stands)) = (pair.last_ms().unwrap_or(Millis::MIN), pair);
    let others = || stands.iter().filter(|one| !one.agrees(said));
    if last_ms > said.at_ms {
        return Ok(false);
    }
    if !stands.is_empty() && others().next().is_none() {
        return Ok(last_ms == said.at_ms);
    }
    // the entry counts what is told of it: the statement that changes it sees to it that nobody else has since
    let sequence = 1 + stands.iter().map(|one| one.sequence).max().unwrap_or_default();
    let mut change = Change::new();
    if stands.is_empty() {
        let sql = "INSERT INTO sb_opt_out (is_out, reason, changed_ms, sequence, client_id, id, number, person, \
                   channel) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let (id, channel) = (Value::from(said.ids.first()), Value::from(written(said.channel)));
        let (number, person) = (said.number.as_str().into(), said.person.as_str().into());
        change = change.one(sql, values(said, sequence, [id, number, person, channel]));
    }
    for one in others() {
        let held_ms = one.held_for(said.client).filter(|_| !said.lifts_all());
        let sql = "UPDATE sb_opt_out SET is_out = ?, reason = ?, changed_ms = ?, sequence = ?, client_id = ?, \
                   held_ms = ? WHERE id = ? AND changed_ms = ?";
        let row = values(said, sequence, [held_ms.into(), one.id.into(), one.entry.changed_ms.into()]);
        change = change.one(sql, row);
    }
    // who never was out to this client changes nothing for it by saying that they are in
    let was_out = stands.iter().any(|one| one.entry.is_out && one.is_of(said.client));
    let mut told = if said.is_out || was_out { told.clone() } else { PendingEvents::default() };
    let first = said.ids.first().copied().map(LaneKey::bytes);
    let object = stands.iter().map(|one| one.id.bytes()).min().or(first).unwrap_or_default();
    for event in &mut told.new {
        event.order = EventSequenceSource::Known { object, sequence };
    }
    store.commit(delivery::add(change, &told, now_ms).audited(entry)).await?;
    Ok(true)
}

/// What an entry says after this, in the order of both statements that write one, and what else each of them names.
fn values<const N: usize>(said: &OptOutStatement, sequence: i64, others: [Value; N]) -> Vec<Value> {
    [params![said.is_out, said.reason, said.at_ms, sequence, said.client], others.to_vec()].concat()
}

/// What stands between a number and a person.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct OptOutEntry {
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
    /// What stops people and no client sees, too.
    pub with_unseen: bool,
    /// Behind this number, person and channel.
    pub after: Option<(String, String, Channel)>,
}

/// The fields of [`OptOutEntry`], then the others of [`StoredOptOut`].
const COLUMNS: &str = "SELECT COALESCE(o.channel, 'sms'), o.number, o.person, o.is_out, o.reason, o.changed_ms, o.id, \
     o.client_id, o.held_ms, COALESCE(o.sequence, 0) FROM sb_opt_out o";

/// A client's entries of its numbers, by number, person and channel.
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Vec<OptOutEntry>> {
    let own = concat!(
        "(o.client_id = ? AND EXISTS (SELECT 1 FROM sb_number n \
         WHERE n.address = o.number AND n.client_id = o.client_id AND ",
        is_there!(),
        "))"
    );
    let whose = if filter.with_unseen { format!("({own} OR {})", unseen::UNSEEN) } else { own.to_owned() };
    let forms: Vec<_> = filter.person.iter().map(|form| Value::from(form.as_str())).collect();
    let mut those = SqlConditions::of(&whose, params![client])
        .and_some("o.number = ?", filter.number.as_deref())
        .and_some("COALESCE(o.channel, 'sms') = ?", filter.channel.map(Channel::name));
    if !forms.is_empty() {
        those = those.one_of("o.person", &forms);
    }
    if let Some((number, person, channel)) = &filter.after {
        let (number, person) = (number.as_str(), person.as_str());
        // the first condition is what an index can begin at
        let behind = "o.number >= ? AND (o.number > ? OR o.person > ? \
                      OR (o.person = ? AND COALESCE(o.channel, 'sms') > ?))";
        those = those.and(behind, params![number, number, person, person, channel.name()]);
    }
    let order = "ORDER BY o.number, o.person, COALESCE(o.channel, 'sms') LIMIT ?";
    let (sql, params) = those.page(COLUMNS, order, limit);
    let shown =
        |row: &Row| if filter.with_unseen { row.read().map(|one: StoredOptOut| one.whole()) } else { row.read() };
    store.query(sql, params).await?.iter().map(shown).collect()
}

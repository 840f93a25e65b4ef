//! Messages, in and out: `sb_message`, with what providers did and said of them.

pub(super) mod redaction;
mod sweep;

pub use redaction::redact;
pub use sweep::Old;

use super::{Error, Query, Result, Row, Store, Value};
use crate::model::message::{Direction, State};
use crate::model::{AccountId, ClientId, MessageId, Millis};

/// A message as it is written and read.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub client: ClientId,
    pub account: AccountId,
    pub direction: Direction,
    pub from: String,
    pub to: String,
    pub body: String,
    pub state: State,
    pub encoding: String,
    pub segments: i64,
    /// JSON of what is seldom there: media, metadata, callback.
    pub extra: Option<String>,
    pub error_code: Option<i64>,
    pub error_reason: Option<String>,
    pub created_ms: Millis,
    pub changed_ms: Millis,
    /// When it is too late to send it.
    pub expires_ms: Option<Millis>,
    pub redacted_ms: Option<Millis>,
}

pub(super) const INSERT: &str = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, \
     to_address, body, state, encoding, segments, extra, created_ms, changed_ms, expires_ms)";

pub(super) const COLUMNS: &str = "m.id, m.client_id, m.account_id, m.direction, m.from_address, m.to_address, \
     m.body, m.state, m.encoding, m.segments, m.extra, m.error_code, m.error_reason, m.created_ms, m.changed_ms, \
     m.expires_ms, m.redacted_ms";

/// How many columns [`COLUMNS`] are.
pub(super) const WIDTH: usize = 17;

impl Message {
    /// The values of [`INSERT`].
    pub(super) fn values(&self) -> Vec<Value> {
        vec![
            self.id.hex().into(),
            self.client.hex().into(),
            self.account.hex().into(),
            self.direction.name().into(),
            self.from.as_str().into(),
            self.to.as_str().into(),
            self.body.as_str().into(),
            self.state.name().into(),
            self.encoding.as_str().into(),
            self.segments.into(),
            self.extra.clone().into(),
            self.created_ms.into(),
            self.changed_ms.into(),
            self.expires_ms.into(),
        ]
    }

    /// Reads [`COLUMNS`].
    pub(super) fn parse(row: &Row) -> Result<Self> {
        let bad = |what: &str| Error::Data(format!("message {what}"));
        Ok(Self {
            id: MessageId::from_hex(row.text(0)?).map_err(|_| bad("id"))?,
            client: ClientId::from_hex(row.text(1)?).map_err(|_| bad("client"))?,
            account: AccountId::from_hex(row.text(2)?).map_err(|_| bad("account"))?,
            direction: Direction::parse(row.text(3)?).ok_or_else(|| bad("direction"))?,
            from: row.text(4)?.to_owned(),
            to: row.text(5)?.to_owned(),
            body: row.text(6)?.to_owned(),
            state: State::parse(row.text(7)?).ok_or_else(|| bad("state"))?,
            encoding: row.text(8)?.to_owned(),
            segments: row.int(9)?,
            extra: row.maybe_text(10)?.map(str::to_owned),
            error_code: row.maybe_int(11)?,
            error_reason: row.maybe_text(12)?.map(str::to_owned),
            created_ms: row.int(13)?,
            changed_ms: row.int(14)?,
            expires_ms: row.maybe_int(15)?,
            redacted_ms: row.maybe_int(16)?,
        })
    }
}

/// Which messages a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From or to this address.
    pub number: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub state: Option<State>,
    pub direction: Option<Direction>,
    pub created_from_ms: Option<Millis>,
    pub created_before_ms: Option<Millis>,
    /// Older than this one.
    pub after: Option<MessageId>,
}

pub async fn find(store: &Store, client: ClientId, id: MessageId) -> Result<Option<Message>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_message m WHERE m.id = ? AND m.client_id = ?");
    let query = Query::new(sql, vec![id.hex().into(), client.hex().into()]);
    store.read(vec![query]).await?.concat().first().map(Message::parse).transpose()
}

/// Newest first.
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Vec<Message>> {
    // an address that is both would come twice: each side is asked for itself, then merged
    let sides: Vec<Option<(&str, &str)>> = match (&filter.number, &filter.from, &filter.to) {
        (Some(number), _, _) => vec![Some(("from_address", number)), Some(("to_address", number))],
        (None, Some(from), _) => vec![Some(("from_address", from))],
        (None, None, Some(to)) => vec![Some(("to_address", to))],
        (None, None, None) => vec![None],
    };
    let queries = sides.into_iter().map(|side| list_query(client, filter, side, limit)).collect();
    let rows = store.read(queries).await?.concat();
    let mut messages = rows.iter().map(Message::parse).collect::<Result<Vec<_>>>()?;
    messages.sort_by_key(|message| std::cmp::Reverse(message.id));
    messages.dedup_by_key(|message| message.id);
    messages.truncate(limit);
    Ok(messages)
}

fn list_query(client: ClientId, filter: &Filter, side: Option<(&str, &str)>, limit: usize) -> Query {
    let mut sql = format!("SELECT {COLUMNS} FROM sb_message m WHERE m.client_id = ?");
    let mut params: Vec<Value> = vec![client.hex().into()];
    let mut and = |condition: &str, value: Value| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        params.push(value);
    };
    if let Some((column, address)) = side {
        and(&format!("m.{column} = ?"), address.into());
    }
    if let (Some(_), Some(to)) = (&filter.from, &filter.to) {
        and("m.to_address = ?", to.as_str().into());
    }
    if let Some(state) = filter.state {
        and("m.state = ?", state.name().into());
    }
    if let Some(direction) = filter.direction {
        and("m.direction = ?", direction.name().into());
    }
    // ids begin with their time, and they are what every index here ends with
    if let Some(from_ms) = filter.created_from_ms {
        and("m.id >= ?", MessageId::first_of(from_ms).hex().into());
    }
    if let Some(before_ms) = filter.created_before_ms {
        and("m.id < ?", MessageId::first_of(before_ms).hex().into());
    }
    if let Some(after) = filter.after {
        and("m.id < ?", after.hex().into());
    }
    sql.push_str(" ORDER BY m.id DESC LIMIT ?");
    params.push(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    Query::new(sql, params)
}

/// One call of a provider, and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub number: i64,
    pub account: AccountId,
    /// accepted, refused, throttled, unreachable, uncertain, adopted
    pub outcome: String,
    pub provider_id: Option<String>,
    pub code: Option<i64>,
    pub reason: Option<String>,
    pub started_ms: Millis,
    pub ended_ms: Millis,
}

pub(super) const INSERT_ATTEMPT: &str = "INSERT INTO sb_attempt (message_id, number, account_id, outcome, \
     provider_id, code, reason, started_ms, ended_ms)";

impl Attempt {
    pub(super) fn values(&self, message: MessageId) -> Vec<Value> {
        vec![
            message.hex().into(),
            self.number.into(),
            self.account.hex().into(),
            self.outcome.as_str().into(),
            self.provider_id.clone().into(),
            self.code.into(),
            self.reason.as_deref().map(|reason| reason.chars().take(255).collect::<String>()).into(),
            self.started_ms.into(),
            self.ended_ms.into(),
        ]
    }
}

/// The attempts of a message, first to last.
pub async fn attempts(store: &Store, id: MessageId) -> Result<Vec<Attempt>> {
    let sql = "SELECT number, account_id, outcome, provider_id, code, reason, started_ms, ended_ms \
               FROM sb_attempt WHERE message_id = ? ORDER BY number";
    let rows = store.query(sql, vec![id.hex().into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Attempt {
                number: row.int(0)?,
                account: AccountId::from_hex(row.text(1)?).map_err(|_| Error::Data("account id".into()))?,
                outcome: row.text(2)?.to_owned(),
                provider_id: row.maybe_text(3)?.map(str::to_owned),
                code: row.maybe_int(4)?,
                reason: row.maybe_text(5)?.map(str::to_owned),
                started_ms: row.int(6)?,
                ended_ms: row.int(7)?,
            })
        })
        .collect()
}

/// What a provider said of a message after taking it.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub state: String,
    pub error_code: Option<i64>,
    pub at_ms: Millis,
}

pub async fn receipts(store: &Store, id: MessageId) -> Result<Vec<Receipt>> {
    let sql = "SELECT state, error_code, at_ms FROM sb_receipt WHERE message_id = ? ORDER BY at_ms, state";
    let rows = store.query(sql, vec![id.hex().into()]).await?;
    rows.iter()
        .map(|row| Ok(Receipt { state: row.text(0)?.to_owned(), error_code: row.maybe_int(1)?, at_ms: row.int(2)? }))
        .collect()
}

/// The states of messages of which nothing more is to be done; a receipt may still come.
fn over_states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| state.is_final() || *state == State::Sent)
}

fn is_over(state: &str) -> bool {
    over_states().any(|over| over.name() == state)
}

/// The same as a list for SQL.
fn over() -> String {
    over_states().map(|state| format!("'{}'", state.name())).collect::<Vec<_>>().join(", ")
}

/// `'accepted', 'queued', …`: the states from which `next` may be reached.
pub(super) fn states_before(next: State) -> String {
    next.before().map(|state| format!("'{}'", state.name())).collect::<Vec<_>>().join(", ")
}

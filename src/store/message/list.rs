//! Lists of messages, newest first. What few messages fit is looked for in windows, so that no page walks all there are.

use super::{COLUMNS, Message};
use crate::model::message::{Direction, State};
use crate::model::{Channel, ClientId, MessageId, Millis};
use crate::store::{Error, Query, Result, Row, Store, Value};

/// Messages that one page looks at, in windows: mostly the first ones have enough.
const WINDOWS: [i64; 3] = [500, 4_500, 15_000];

/// Which messages a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From or to this address.
    pub number: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub state: Option<State>,
    pub direction: Option<Direction>,
    /// Those of these channels; of all where there are none.
    pub channels: Vec<Channel>,
    pub created_from_ms: Option<Millis>,
    pub created_before_ms: Option<Millis>,
    /// Older than this one.
    pub after: Option<MessageId>,
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub messages: Vec<Message>,
    /// Where the next page goes on; it may be that nothing older fits.
    pub next: Option<MessageId>,
}

impl Filter {
    /// By which index it walks: an address that is both would come twice, so each side is asked for itself.
    fn sides(&self) -> Vec<Option<(&'static str, &str)>> {
        match (&self.number, &self.from, &self.to) {
            (Some(number), _, _) => vec![Some(("from_address", number)), Some(("to_address", number))],
            (None, Some(from), _) => vec![Some(("from_address", from))],
            (None, None, Some(to)) => vec![Some(("to_address", to))],
            (None, None, None) => vec![None],
        }
    }

    /// The condition of the channels: most messages are texts, whose rows say nothing.
    fn channels(&self) -> Option<String> {
        let one = |channel: &Channel| match channel {
            Channel::Sms => "m.channel IS NULL".to_owned(),
            other => format!("m.channel = '{other}'"),
        };
        let all: Vec<String> = self.channels.iter().map(one).collect();
        (!all.is_empty()).then(|| format!("({})", all.join(" OR ")))
    }

    /// Whether every message on the way fits.
    fn is_plain(&self) -> bool {
        self.state.is_none() && self.direction.is_none() && self.channels.is_empty() && self.sides() == [None]
    }
}

/// At most so many messages, fewer where it takes long to find them.
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Page> {
    if filter.is_plain() {
        let mut messages = find(store, client, filter, None, limit + 1).await?;
        return Ok(full(&mut messages, limit).unwrap_or(Page { messages, next: None }));
    }
    let (mut messages, mut filter) = (Vec::new(), filter.clone());
    for size in WINDOWS {
        let floor = floor(store, client, &filter, size).await?;
        let most = limit + 1 - messages.len();
        messages.extend(find(store, client, &filter, floor, most).await?);
        if let Some(page) = full(&mut messages, limit) {
            return Ok(page);
        }
        match floor {
            Some(floor) => filter.after = Some(floor),
            None => return Ok(Page { messages, next: None }),
        }
    }
    Ok(Page { messages, next: filter.after })
}

/// The page, where more than so many were found.
fn full(messages: &mut Vec<Message>, limit: usize) -> Option<Page> {
    if messages.len() <= limit {
        return None;
    }
    messages.truncate(limit);
    let next = messages.last().map(|last| last.id);
    Some(Page { messages: std::mem::take(messages), next })
}

/// The last id of a window of so many messages, whether they fit or not; `None`: there are no more.
/// An index answers this alone.
async fn floor(store: &Store, client: ClientId, filter: &Filter, size: i64) -> Result<Option<MessageId>> {
    let query = |side| {
        let mut query = match side {
            None => Conditions::of("m.client_id = ?", client.hex().into()),
            Some((column, address)) => Conditions::of(&format!("m.{column} = ?"), Value::from(address)),
        };
        query.add_ids(filter);
        query.into_query("m.id", "LIMIT 1 OFFSET ?", size - 1)
    };
    let rows = store.read(filter.sides().into_iter().map(query).collect()).await?.concat();
    let parse = |row: &Row| MessageId::from_hex(row.text(0)?).map_err(|_| Error::Data("message id".into()));
    // of two sides the higher one: above it both have been seen
    Ok(rows.iter().map(parse).collect::<Result<Vec<_>>>()?.into_iter().max())
}

/// What fits, down to the message `floor`.
async fn find(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    floor: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>> {
    let query = |side| {
        let mut query = Conditions::of("m.client_id = ?", client.hex().into());
        if let Some((column, address)) = side {
            query.add(&format!("m.{column} = ?"), Value::from(address));
        }
        if let (Some(_), Some(to)) = (&filter.from, &filter.to) {
            query.add("m.to_address = ?", to.as_str().into());
        }
        if let Some(state) = filter.state {
            query.add("m.state = ?", state.name().into());
        }
        if let Some(direction) = filter.direction {
            query.add("m.direction = ?", direction.name().into());
        }
        if let Some(channels) = filter.channels() {
            query.sql.push_str(" AND ");
            query.sql.push_str(&channels);
        }
        if let Some(floor) = floor {
            query.add("m.id >= ?", floor.hex().into());
        }
        query.add_ids(filter);
        query.into_query(COLUMNS, "LIMIT ?", i64::try_from(limit).unwrap_or(i64::MAX))
    };
    let rows = store.read(filter.sides().into_iter().map(query).collect()).await?.concat();
    let mut messages = rows.iter().map(Message::parse).collect::<Result<Vec<_>>>()?;
    messages.sort_by_key(|message| std::cmp::Reverse(message.id));
    messages.dedup_by_key(|message| message.id);
    messages.truncate(limit);
    Ok(messages)
}

/// A `WHERE` with its parameters.
struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    fn of(condition: &str, value: Value) -> Self {
        Self { sql: condition.to_owned(), params: vec![value] }
    }

    fn add(&mut self, condition: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.params.push(value);
    }

    /// Ids begin with their time, and they are what every index here ends with.
    fn add_ids(&mut self, filter: &Filter) {
        if let Some(from_ms) = filter.created_from_ms {
            self.add("m.id >= ?", MessageId::first_of(from_ms).hex().into());
        }
        if let Some(before_ms) = filter.created_before_ms {
            self.add("m.id < ?", MessageId::first_of(before_ms).hex().into());
        }
        if let Some(after) = filter.after {
            self.add("m.id < ?", after.hex().into());
        }
    }

    fn into_query(mut self, columns: &str, limit: &str, count: i64) -> Query {
        self.params.push(count.into());
        Query::new(
            format!("SELECT {columns} FROM sb_message m WHERE {} ORDER BY m.id DESC {limit}", self.sql),
            self.params,
        )
    }
}

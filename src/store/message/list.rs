//! Lists of messages, newest first. What few messages fit is looked for in windows, so that no page walks all there are.

use super::{COLUMNS, Message, address};
use crate::model::message::{Direction, State};
use crate::model::{Channel, ClientId, MessageId, Millis};
use crate::store::engine::marks;
use crate::store::{Query, Result, Row, Store, Value, params};

/// Messages that one page looks at, in windows: mostly the first ones have enough.
const WINDOWS: [usize; 3] = [500, 4_500, 15_000];
/// Of these, messages that one query fetches by their ids.
const IDS: usize = 128;

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
    /// Newer than this one: the page that ends right before it.
    pub before: Option<MessageId>,
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub messages: Vec<Message>,
    /// Where the next page goes on; it may be that nothing older fits.
    pub next: Option<MessageId>,
}

impl Filter {
    /// Whether it walks from older to newer.
    pub(super) fn is_back(&self) -> bool {
        self.before.is_some()
    }

    /// The same from where a window ended.
    fn go_on(&mut self, end: MessageId) {
        if self.is_back() {
            self.before = Some(end);
        } else {
            self.after = Some(end);
        }
    }

    /// Whether a message between these two, both included, may be in it.
    pub(super) fn may_hold(&self, first: MessageId, last: MessageId) -> bool {
        self.created_from_ms.is_none_or(|from_ms| last >= MessageId::first_of(from_ms))
            && self.created_before_ms.is_none_or(|before_ms| first < MessageId::first_of(before_ms))
            && self.after.is_none_or(|after| first < after)
            && self.before.is_none_or(|before| last > before)
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
}

/// At most so many messages, fewer where it takes long to find them.
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Page> {
    let mut page = walk(store, client, filter.clone(), limit).await?;
    if filter.is_back() {
        page.messages.reverse();
    }
    Ok(page)
}

async fn walk(store: &Store, client: ClientId, mut filter: Filter, limit: usize) -> Result<Page> {
    let mut messages = Vec::new();
    let mut next = None;
    for size in WINDOWS {
        let window = Window::open(store, client, &filter, size).await?;
        let most = limit + 1 - messages.len();
        messages.extend(window.find(store, client, &filter, most).await?);
        if let Some(page) = full(&mut messages, limit) {
            return Ok(page);
        }
        next = window.end;
        match next {
            Some(end) => filter.go_on(end),
            None => break,
        }
    }
    Ok(Page { messages, next })
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

/// So many messages, nearest first, whether they fit or not. An index knows them.
struct Window {
    /// Those of a number; `None`: all of the client's.
    ids: Option<Vec<MessageId>>,
    /// The last one; `None`: there are no more.
    end: Option<MessageId>,
}

impl Window {
    async fn open(store: &Store, client: ClientId, filter: &Filter, size: usize) -> Result<Self> {
        let ids = match (&filter.number, &filter.from, &filter.to) {
            (None, None, None) => {
                let mut query = Conditions::of("m.client_id = ?", params![client]);
                query.add_ids("m.id", filter);
                let query = query.into_query("m.id FROM sb_message m", "m.id", filter, "LIMIT 1 OFFSET ?", size - 1);
                let end = store.read(vec![query]).await?.concat().first().map(Row::read).transpose()?;
                return Ok(Self { ids: None, end });
            }
            (Some(number), _, _) | (None, Some(number), None) | (None, None, Some(number)) => {
                address::find(store, number, filter, size).await?
            }
            (None, Some(from), Some(to)) => {
                // a person has fewer than a number of ours
                let ids = address::find(store, to, filter, size).await?;
                if ids.len() < size { ids } else { address::find(store, from, filter, size).await? }
            }
        };
        let end = ids.last().copied().filter(|_| ids.len() >= size);
        Ok(Self { ids: Some(ids), end })
    }

    /// What fits of it, at most so many.
    async fn find(&self, store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<Vec<Message>> {
        let Some(ids) = &self.ids else {
            let mut query = fitting(client, filter);
            if let Some(end) = self.end {
                query.add(if filter.is_back() { "m.id <= ?" } else { "m.id >= ?" }, end.into());
            }
            query.add_ids("m.id", filter);
            return read(store, query, filter, limit).await;
        };
        let mut messages = Vec::new();
        for some in ids.chunks(IDS) {
            let mut query = fitting(client, filter);
            query.add_keys("m.id", &some.iter().map(Value::from).collect::<Vec<_>>());
            messages.extend(read(store, query, filter, limit - messages.len()).await?);
            if messages.len() >= limit {
                break;
            }
        }
        Ok(messages)
    }
}

/// What a filter wants but for where in the list.
fn fitting(client: ClientId, filter: &Filter) -> Conditions {
    let mut query = Conditions::of("m.client_id = ?", params![client]);
    for (condition, address) in [("m.from_address = ?", &filter.from), ("m.to_address = ?", &filter.to)] {
        if let Some(address) = address {
            query.add(condition, address.as_str().into());
        }
    }
    if let Some(state) = filter.state {
        query.add("m.state = ?", state.name().into());
    }
    if let Some(direction) = filter.direction {
        query.add("m.direction = ?", direction.name().into());
    }
    if let Some(channels) = filter.channels() {
        query = query.and(&channels);
    }
    query.and("m.deleted_ms IS NULL")
}

async fn read(store: &Store, query: Conditions, filter: &Filter, limit: usize) -> Result<Vec<Message>> {
    let query = query.into_query(&format!("{COLUMNS} FROM sb_message m"), "m.id", filter, "LIMIT ?", limit);
    store.read(vec![query]).await?.concat().iter().map(Message::parse).collect()
}

/// A `WHERE` with its parameters.
pub(super) struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    pub(super) fn of(condition: &str, params: Vec<Value>) -> Self {
        Self { sql: condition.to_owned(), params }
    }

    /// One without a parameter.
    pub(super) fn and(mut self, condition: &str) -> Self {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self
    }

    fn add(&mut self, condition: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.params.push(value);
    }

    /// One of these keys; their list is filled up with its last one, so that there are few shapes.
    pub(super) fn add_keys(&mut self, column: &str, keys: &[Value]) {
        let size = keys.len().next_power_of_two();
        self.sql = format!("{} AND {column} IN ({})", self.sql, marks(size));
        self.params
            .extend(keys.iter().chain(std::iter::repeat(keys.last().unwrap_or(&Value::Null))).take(size).cloned());
    }

    /// Ids begin with their time, and they are what every index here ends with.
    pub(super) fn add_ids(&mut self, column: &str, filter: &Filter) {
        let bounds = [
            (">=", filter.created_from_ms.map(MessageId::first_of)),
            ("<", filter.created_before_ms.map(MessageId::first_of)),
            ("<", filter.after),
            (">", filter.before),
        ];
        for (than, id) in bounds {
            if let Some(id) = id {
                self.add(&format!("{column} {than} ?"), id.into());
            }
        }
    }

    /// `limit` ends with the place of a number.
    pub(super) fn into_query(mut self, what: &str, id: &str, filter: &Filter, limit: &str, count: usize) -> Query {
        self.params.push(i64::try_from(count).unwrap_or(i64::MAX).into());
        let order = if filter.is_back() { "" } else { "DESC" };
        Query::new(format!("SELECT {what} WHERE {} ORDER BY {id} {order} {limit}", self.sql), self.params)
    }
}

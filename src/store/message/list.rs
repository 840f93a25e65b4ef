//! Lists of messages, newest first. What few messages fit is looked for in windows, so that no page walks all there are.

use super::{COLUMNS, Message, address};
use crate::model::message::{Direction, MessageState};
use crate::model::{Channel, ClientId, MessageId, Millis};
use crate::store::engine::SqlConditions;
use crate::store::{Result, Store, Value, params};

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
    pub state: Option<MessageState>,
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
pub struct MessagePage {
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

    /// Ids begin with their time, and they are what every index here ends with.
    pub(super) fn bound(&self, conditions: SqlConditions, id: &str) -> SqlConditions {
        let bounds = [
            (">=", self.created_from_ms.map(MessageId::first_of)),
            ("<", self.created_before_ms.map(MessageId::first_of)),
            ("<", self.after),
            (">", self.before),
        ];
        bounds.into_iter().fold(conditions, |all, (than, bound)| all.and_some(&format!("{id} {than} ?"), bound))
    }

    /// A statement with its parameters. `limit` ends with the place of a number.
    pub(super) fn page(
        &self,
        conditions: SqlConditions,
        what: &str,
        id: &str,
        limit: &str,
        count: usize,
    ) -> (String, Vec<Value>) {
        let order = if self.is_back() { "" } else { "DESC" };
        conditions.page(&format!("SELECT {what}"), &format!("ORDER BY {id} {order} {limit}"), count)
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
pub async fn list(store: &Store, client: ClientId, filter: &Filter, limit: usize) -> Result<MessagePage> {
    let mut page = walk(store, client, filter.clone(), limit).await?;
    if filter.is_back() {
        page.messages.reverse();
    }
    Ok(page)
}

async fn walk(store: &Store, client: ClientId, mut filter: Filter, limit: usize) -> Result<MessagePage> {
    let mut messages = Vec::new();
    let mut next = None;
    for size in WINDOWS {
        let window = MessageWindow::open(store, client, &filter, size).await?;
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
    Ok(MessagePage { messages, next })
}

/// The page, where more than so many were found.
fn full(messages: &mut Vec<Message>, limit: usize) -> Option<MessagePage> {
    if messages.len() <= limit {
        return None;
    }
    messages.truncate(limit);
    let next = messages.last().map(|last| last.id);
    Some(MessagePage { messages: std::mem::take(messages), next })
}

/// So many messages, nearest first, whether they fit or not. An index knows them.
struct MessageWindow {
    /// Those of a number; `None`: all of the client's.
    ids: Option<Vec<MessageId>>,
    /// The last one; `None`: there are no more.
    end: Option<MessageId>,
}

impl MessageWindow {
    async fn open(store: &Store, client: ClientId, filter: &Filter, size: usize) -> Result<Self> {
        let ids = match (&filter.number, &filter.from, &filter.to) {
            (None, None, None) => {
                let all = filter.bound(SqlConditions::of("m.client_id = ?", params![client]), "m.id");
                let (sql, params) = filter.page(all, "m.id FROM sb_message m", "m.id", "LIMIT 1 OFFSET ?", size - 1);
                return Ok(Self { ids: None, end: store.first(sql, params).await? });
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
            let end = if filter.is_back() { "m.id <= ?" } else { "m.id >= ?" };
            let fit = filter.bound(fitting(client, filter).and_some(end, self.end), "m.id");
            return read(store, fit, filter, limit).await;
        };
        let mut messages = Vec::new();
        for some in ids.chunks(IDS) {
            let keys: Vec<_> = some.iter().map(Value::from).collect();
            let fit = fitting(client, filter).one_of("m.id", &keys);
            messages.extend(read(store, fit, filter, limit - messages.len()).await?);
            if messages.len() >= limit {
                break;
            }
        }
        Ok(messages)
    }
}

/// What a filter wants but for where in the list.
fn fitting(client: ClientId, filter: &Filter) -> SqlConditions {
    let all = SqlConditions::of("m.client_id = ?", params![client])
        .and_some("m.from_address = ?", filter.from.as_deref())
        .and_some("m.to_address = ?", filter.to.as_deref())
        .and_some("m.state = ?", filter.state.map(MessageState::name))
        .and_some("m.direction = ?", filter.direction.map(Direction::name));
    let all = match filter.channels() {
        Some(channels) => all.and(&channels, Vec::new()),
        None => all,
    };
    all.and("m.deleted_ms IS NULL", Vec::new())
}

async fn read(store: &Store, fit: SqlConditions, filter: &Filter, limit: usize) -> Result<Vec<Message>> {
    let (sql, params) = filter.page(fit, &format!("{COLUMNS} FROM sb_message m"), "m.id", "LIMIT ?", limit);
    store.all(sql, params).await
}

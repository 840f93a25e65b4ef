//! Events on their way: `sb_delivery`, claimed by leases that are taken by compare-and-set.

mod outcome;
pub(super) mod turn;
mod write;

pub use outcome::{DeliveryOutcome, EndpointHealthChange, FinishedDelivery, record};
pub use turn::{behind, release_overlooked};
pub(super) use write::add_first;
pub use write::{add, replay, sweep};

use self::turn::IS_ITS;
use super::engine::read_bytes;
use super::event::{self, EventTarget};
use super::lease::{FREE, Lease, TAKE};
use super::{Change, Error, Result, Row, Store, Value, params};
use crate::model::{ArcMessageContent, ClientId, EventId, Millis, named};

/// What has been due for less is passed over where it is not its turn, not parked.
const YOUNG_MS: Millis = 1_000;
/// Rows that are looked at in one go where many are to be parked or released, and how often in one claim.
const MANY: i64 = 500;
const PAGES: usize = 3;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its turn, or for its next try.
    Pending,
    Delivered,
    /// Tried as often as it may be.
    Exhausted,
    /// Its endpoint is disabled or gone.
    Dropped,
}

named!(DeliveryState);

/// One delivery, as it may be shown.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Delivery {
    pub target: EventTarget,
    pub state: DeliveryState,
    pub tries: i64,
    pub last_status: Option<i64>,
    pub last_reason: Option<String>,
    /// When it is tried next, or until when somebody is at it. `None` too while it is parked: it waits for another.
    pub ready_ms: Option<Millis>,
    pub changed_ms: Millis,
}

/// The deliveries of one event.
pub async fn list(store: &Store, event: EventId) -> Result<Vec<Delivery>> {
    let sql = "SELECT target, target_id, state, tries, last_status, last_reason, \
               CASE WHEN ready_ms < ? THEN ready_ms END, changed_ms \
               FROM sb_delivery WHERE event_id = ? ORDER BY target_id";
    store.all(sql, params![turn::PARKED, event]).await
}

/// What stands still.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct DeliveryBacklog {
    /// Deliveries that wait, or are under way.
    pub waiting: i64,
    /// Endpoints to which nothing is posted.
    pub disabled: i64,
}

pub async fn backlog(store: &Store) -> Result<DeliveryBacklog> {
    let sql = "SELECT (SELECT COUNT(*) FROM sb_delivery WHERE ready_ms >= 0), \
               (SELECT COUNT(*) FROM sb_endpoint WHERE state = 'disabled')";
    store.first(sql, Vec::new()).await?.ok_or_else(|| Error::Data("no count".into()))
}

/// Names a delivery that this node holds a lease on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryLease {
    pub event: EventId,
    pub target: EventTarget,
    /// When the lease ends.
    pub until_ms: Millis,
    /// It is of a callback whose login lies sealed.
    pub has_login: bool,
    /// It takes turns with others of its object.
    pub has_turn: bool,
}

/// Where an endpoint is and how it signs, as of the claim.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct DeliveryEndpoint {
    pub url: String,
    /// Sealed.
    #[serde(deserialize_with = "read_bytes")]
    pub secret: Vec<u8>,
    pub is_enabled: bool,
    pub failing_since_ms: Option<Millis>,
    pub changed_ms: Millis,
    /// The secret before this one, sealed; and until when it signs too.
    pub previous: Option<(Vec<u8>, Millis)>,
}

/// A claimed delivery with all that it takes to post it.
#[derive(Clone, Debug)]
pub struct LeasedDelivery {
    pub held: DeliveryLease,
    pub client: ClientId,
    pub payload: String,
    /// Tries before this one.
    pub tries: i64,
    /// Of an endpoint that still exists.
    pub address: Option<DeliveryEndpoint>,
    /// Of a callback: what its message holds, the URL among it.
    pub content: ArcMessageContent,
    /// Of a callback: its URL with its login, sealed, where it has one.
    pub callback: Option<Vec<u8>>,
    /// Of a callback: what signs it where it is posted as Twilio posts them; sealed.
    pub auth_token: Option<Vec<u8>>,
}

/// Leases at most `limit` due deliveries to `lease.owner`, but none to the targets in `busy`, and none whose turn it is not.
/// `lease.until_ms` must be another one each time: it tells this claim's rows.
pub async fn claim(store: &Store, lease: Lease<'_>, busy: &[EventTarget], limit: i64) -> Result<Vec<LeasedDelivery>> {
    let due = due(store, lease, busy, limit).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let guard = vec!["(event_id = ? AND target_id = ? AND ready_ms = ?)"; due.len()].join(" OR ");
    let mut values = lease.take().to_vec();
    values.extend(due.into_iter().flatten());
    let sql = format!("UPDATE sb_delivery SET {TAKE} WHERE {guard}");
    store.commit(Change::new().run(sql, values)).await?;
    let sql = "SELECT d.event_id, d.target, d.target_id, e.client_id, e.payload, d.tries, p.url, p.secret, \
               p.state = 'enabled', p.failing_since_ms, p.changed_ms, p.previous_secret, p.previous_until_ms, \
               CASE WHEN d.target = 'callback' THEN m.extra END, m.redacted_ms, \
               c.auth_token, e.sequence, k.url, d.object \
               FROM sb_delivery d JOIN sb_event e ON e.id = d.event_id \
               LEFT JOIN sb_endpoint p ON d.target = 'endpoint' AND p.id = d.target_id \
               LEFT JOIN sb_message m ON m.id = CASE WHEN d.target = 'callback' THEN d.target_id ELSE e.message_id END \
               LEFT JOIN sb_client c ON d.target = 'callback' AND c.id = e.client_id \
               LEFT JOIN sb_callback k ON d.target = 'callback' AND k.message_id = d.target_id \
               WHERE d.ready_ms = ? AND d.owner = ?";
    let rows = store.query(sql, params![lease.until_ms, lease.owner]).await?;
    erase_late(store, &rows).await?;
    rows.iter().map(|row| parse(row, lease.until_ms)).collect()
}

/// Empties events that were written after their message had been redacted: every event is claimed after that.
async fn erase_late(store: &Store, rows: &[Row]) -> Result<()> {
    let mut late = Vec::new();
    for row in rows {
        let (text, redacted_ms) = (row.text(4)?, row.maybe_int(14)?);
        let emptied = event::payload(text, redacted_ms);
        if emptied != text {
            late.push(params![emptied, row.key(0)?]);
        }
    }
    if late.is_empty() {
        return Ok(());
    }
    let change = late.into_iter().fold(Change::new(), |change, params| change.run(event::REPLACE, params));
    store.commit(change.erasing()).await
}

/// What names a row that is due: its event, its target, and its `ready_ms` as it was read.
type DueDeliveryKey = [Value; 3];

fn due_key(row: &Row) -> Result<DueDeliveryKey> {
    Ok([row.key(0)?, row.key(1)?, row.int(2)?.into()])
}

fn is_full(rows: &[Row], page: i64) -> bool {
    rows.len() >= usize::try_from(page).unwrap_or_default()
}

/// The keys of what is due and may go, the longest waiting first. What has been due for a while and may not is parked: no
/// other claim comes by it.
async fn due(store: &Store, lease: Lease<'_>, busy: &[EventTarget], limit: i64) -> Result<Vec<DueDeliveryKey>> {
    let (mut page, most) = (limit, usize::try_from(limit).unwrap_or_default());
    let mut found: Vec<DueDeliveryKey> = Vec::new();
    for _ in 0..PAGES {
        let rows = look(store, lease, busy, page).await?;
        let mut parked = Vec::new();
        found.clear();
        for row in &rows {
            let to = if row.int(3)? == 1 { &mut found } else { &mut parked };
            to.push(due_key(row)?);
        }
        let may_be_more = !parked.is_empty() && found.len() < most && is_full(&rows, page);
        let done = turn::park(store, parked, lease.now_ms).await;
        if let Err(error) = &done {
            // what may go goes all the same
            tracing::warn!(%error, "deliveries that wait for their turn were not parked; another claim will");
        }
        if done.is_err() || !may_be_more {
            break;
        }
        page = page.max(MANY);
    }
    found.truncate(most);
    Ok(found)
}

/// At most so many rows that are due, with whether it is their turn. Those whose turn it is not are passed over while
/// they are young: usually the one before them is on its way, and parking them would be two more writes each.
async fn look(store: &Store, lease: Lease<'_>, busy: &[EventTarget], limit: i64) -> Result<Vec<Row>> {
    let mut values = lease.free().to_vec();
    let mut sql = format!(
        "SELECT event_id, target_id, ready_ms, CASE WHEN {IS_ITS} THEN 1 ELSE 0 END FROM sb_delivery d WHERE {FREE}"
    );
    if !busy.is_empty() {
        sql.push_str(" AND target_id NOT IN (");
        sql.push_str(&vec!["?"; busy.len()].join(", "));
        sql.push(')');
        values.extend(busy.iter().map(|target| target.key()));
    }
    sql.push_str(" AND (ready_ms <= ? OR ");
    sql.push_str(IS_ITS);
    sql.push_str(") ORDER BY ready_ms LIMIT ?");
    values.extend(params![lease.now_ms - YOUNG_MS, limit]);
    store.query(sql, values).await
}

fn parse(row: &Row, until_ms: Millis) -> Result<LeasedDelivery> {
    let (event, target): (EventId, EventTarget) = row.read()?;
    let callback = row.maybe_bytes(17)?.map(<[u8]>::to_vec);
    Ok(LeasedDelivery {
        held: DeliveryLease {
            event,
            target,
            until_ms,
            has_login: callback.is_some(),
            has_turn: row.maybe_bytes(18)?.is_some(),
        },
        client: row.id(3)?,
        payload: event::numbered(event::payload(row.text(4)?, row.maybe_int(14)?), row.maybe_int(16)?),
        tries: row.int(5)?,
        address: row.read_from(6)?,
        content: row.read_from(13)?,
        callback,
        auth_token: row.maybe_bytes(15)?.map(<[u8]>::to_vec),
    })
}

//! What accepting messages writes, as `src/store/outbox/intake` does.

use switchboard::model::{ClientId, EventId, Id as _, MessageId};
use switchboard::store::Value;

use crate::harness::{Result, time};
use crate::stage::{NUMBERS, RECIPIENTS, Via, recipient};

/// Of a message.
const COST: i64 = 7500;

/// What a message has a row in, and its columns.
pub(super) const TABLES: [(&str, &str); 6] = [
    (
        "sb_message",
        "id, client_id, account_id, direction, from_address, to_address, body, state, encoding, segments, extra, \
         created_ms, changed_ms, expires_ms, channel, cost, sequence",
    ),
    ("sb_fresh", "id, from_address, to_address"),
    ("sb_lane", "lane, owner, ready_ms, set_ms, phase, waiting, last_pos, version, tries, first_ms, started_ms"),
    ("sb_outbox", "place, message_id"),
    ("sb_event", "id, client_id, type, payload, message_id, created_ms, sequence"),
    ("sb_ledger", "client_id, id, kind, amount, message_id, created_ms"),
];

/// Takes the money for them, where there is enough of it and the last entry is there.
pub(super) const TAKE: &str = "UPDATE sb_balance SET balance = balance - ? \
     WHERE client_id = ? AND balance + credit_limit >= ? AND \
     (SELECT COUNT(*) FROM sb_ledger l WHERE l.client_id = sb_balance.client_id AND l.id = ?) = 1";

pub(super) type Rows = Vec<Vec<Value>>;

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(Value::from($value)),*] };
}

/// One transaction.
pub(super) struct Batch {
    /// What begins the statement, up to its rows, and these, for each of [`TABLES`].
    pub(super) inserts: Vec<(String, Rows)>,
    /// The values of [`TAKE`].
    pub(super) charge: Vec<Value>,
}

impl Batch {
    /// So many messages of one client, all different.
    pub(super) fn of(client: ClientId, size: usize) -> Result<Self> {
        let now_ms = i64::try_from(time::now()?.as_millis())?;
        let insert =
            |(name, columns): (&str, &str)| (format!("INSERT INTO {name} ({columns})"), Rows::with_capacity(size));
        let mut inserts: Vec<(String, Rows)> = Vec::from(TABLES.map(insert));
        let (mut last, mut cost) = (MessageId::new(now_ms), 0);
        for number in 0..size {
            last = MessageId::new(now_ms);
            cost += COST;
            for ((_, all), row) in inserts.iter_mut().zip(rows(client, last, now_ms, number)) {
                all.push(row);
            }
        }
        Ok(Self { inserts, charge: values![cost, client, cost, last] })
    }
}

/// What one message writes into each of [`TABLES`].
fn rows(client: ClientId, id: MessageId, now_ms: i64, number: usize) -> [Vec<Value>; TABLES.len()] {
    let (lane, event, mixed) = (rand::random::<[u8; 16]>(), EventId::new(now_ms), rand::random::<u64>());
    let (from, to) = (Via::Loopback.sender(mixed % NUMBERS), recipient(mixed % RECIPIENTS));
    let (from, to) = (from.as_str(), to.as_str());
    // the literals of a quarter of the texts are hex too
    let body = if number.is_multiple_of(4) { "Votre colis est arrivé" } else { "Your parcel is on its way" };
    let told = format!(
        r#"{{"id":"{id}","client_id":"{client}","direction":"outbound","from":"{from}","to":"{to}","body":"{body}"}}"#
    );
    let payload = format!(r#"{{"id":"{event}","type":"message.accepted","created_ms":{now_ms},"data":{told}}}"#);
    let (expires_ms, lease_ms) = (now_ms + 86_400_000, now_ms + 30_000);
    let (owner, place, null) = ([7_u8; 8], [lane, id.bytes()].concat(), None::<i64>);
    let mut message = values![id, client, client, "outbound", from, to, body, "accepted", "gsm7", 1, null];
    message.extend(values![now_ms, now_ms, expires_ms, null, COST, 1]);
    [
        message,
        values![id, from, to],
        values![lane, owner, lease_ms, now_ms, 0, 1, id, 0, 0, null, null],
        values![place, id],
        values![event, client, "message.accepted", payload, id, now_ms, 1],
        values![client, id, "debit", -COST, id, now_ms],
    ]
}

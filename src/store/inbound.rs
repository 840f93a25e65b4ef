//! What came in, as it came: `sb_inbound`. A row is a job too, until it is handled.
//!
//! [`intake`] stores a webhook once, however often its provider repeats it, and hands it to this
//! node's worker. [`claim`] finds what nobody handles, [`finish`] writes what came of it.

pub mod claim;
pub mod finish;
pub mod intake;

use tokio::time::Instant;

use super::{Change, Query, Result, Store, Value};
use crate::model::{AccountId, InboundId, MessageId, Millis};

/// What a webhook tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Sms,
    Receipt,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Sms, Self::Receipt];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Receipt => "receipt",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A webhook to be handled, which this node has leased.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: InboundId,
    pub account: AccountId,
    pub kind: Kind,
    /// As it came.
    pub payload: String,
    pub received_ms: Millis,
    /// By the monotonic clock: a process that was stopped owns nothing any more.
    pub lease_ends: Instant,
}

/// Empties, in the change that redacts a message, what brought it.
pub(super) fn erase(change: Change, message: MessageId) -> Change {
    let sql = "UPDATE sb_inbound SET payload = '' WHERE id = ? AND ready_ms IS NULL";
    change.run(sql, vec![message.hex().into()])
}

/// Rows that one sweep removes at most.
const SWEPT: i64 = 1000;

/// Forgets what was handled and came before `before_ms`; how many there were.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<usize> {
    // ids begin with their time
    let below = InboundId::first_of(before_ms).hex();
    let sql = "SELECT id FROM sb_inbound WHERE id < ? AND ready_ms IS NULL ORDER BY id LIMIT ?";
    let rows = store.read(vec![Query::new(sql, vec![below.into(), SWEPT.into()])]).await?.concat();
    let ids = rows.iter().map(|row| row.text(0).map(Value::from)).collect::<Result<Vec<_>>>()?;
    let change = Change::new().any("DELETE FROM sb_inbound WHERE id IN ({})", &[], &ids);
    if !ids.is_empty() {
        store.commit(change).await?;
    }
    Ok(ids.len())
}

//! What waits in the store, counted for the metrics.

use super::{Error, Query, Result, Store};
use crate::model::Millis;

/// What waits to go out.
#[derive(Clone, Debug, Default)]
pub struct OutboxBacklog {
    /// Lanes whose first message waits, is being sent, or may have been sent.
    pub lanes: [i64; 3],
    pub messages: i64,
    /// When the lane that was due first was due; in the future where none is.
    pub oldest_ready_ms: Option<Millis>,
}

pub async fn outbox(store: &Store) -> Result<OutboxBacklog> {
    // without the cast a server answers a sum as a decimal
    let by_phase = "SELECT phase, COUNT(*), CAST(SUM(waiting) AS SIGNED) FROM sb_lane GROUP BY phase";
    let oldest = "SELECT MIN(ready_ms) FROM sb_lane";
    let answers = store.read(vec![Query::new(by_phase, Vec::new()), Query::new(oldest, Vec::new())]).await?;
    let [phases, oldest] = answers.as_slice() else { return Err(Error::Data("no count".into())) };
    let mut outbox = OutboxBacklog::default();
    for row in phases {
        if let Some(lanes) = usize::try_from(row.int(0)?).ok().and_then(|phase| outbox.lanes.get_mut(phase)) {
            *lanes = row.int(1)?;
        }
        outbox.messages += row.int(2)?;
    }
    outbox.oldest_ready_ms = oldest.first().map(|row| row.maybe_int(0)).transpose()?.flatten();
    Ok(outbox)
}

/// Webhooks of carriers that nobody has handled yet.
pub async fn inbound(store: &Store) -> Result<i64> {
    let count = store.first("SELECT COUNT(*) FROM sb_inbound WHERE ready_ms >= 0", Vec::new()).await?;
    count.ok_or_else(|| Error::Data("no count".into()))
}

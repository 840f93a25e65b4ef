//! Texts of which clients' servers are asked what becomes of them, as jobs: `sb_asked_text`. What they say is in their
//! messages. Those of one lane take turns: the first of it alone is due.

use serde::Deserialize;

use crate::model::{ClientId, InboundId, Millis, ParticipantId, SessionId};
use crate::store::lease::{FREE, GIVE_BACK, HELD, Lease, TAKE};
use crate::store::{Change, Result, Store, Value, params};

/// A job about to be written, in the commit that makes a message of its text.
#[derive(Clone, Debug)]
pub struct NewAskedText {
    pub id: InboundId,
    pub client: ClientId,
    /// Whose turns it takes.
    pub lane: [u8; 16],
    /// Where it was said, and by whom.
    pub said: Option<(SessionId, ParticipantId)>,
    pub received_ms: Millis,
}

pub(in crate::store) const INSERT: &str = "INSERT INTO sb_asked_text (id, client_id, lane, session_id, participant_id, \
     received_ms, ready_ms, set_ms)";

impl NewAskedText {
    /// The values of [`INSERT`]: it is due at once.
    pub(in crate::store) fn values(&self) -> Vec<Value> {
        let (session, participant) = self.said.unzip();
        let at_ms = self.received_ms;
        params![self.id, self.client, self.lane, session, participant, at_ms, at_ms, at_ms]
    }
}

/// A job that may be claimed, or was: `ready_ms` guards every step that is taken with it.
#[derive(Clone, Debug, Deserialize)]
pub struct AskedText {
    pub id: InboundId,
    pub client: ClientId,
    /// Where it was said; `None`: in no session.
    pub session: Option<SessionId>,
    pub participant: Option<ParticipantId>,
    pub received_ms: Millis,
    ready_ms: Millis,
}

/// Those whose turn it is and whose time has come, longest due first, none of the clients in `busy`.
pub async fn due(store: &Store, lease: Lease<'_>, busy: &[ClientId], limit: i64) -> Result<Vec<AskedText>> {
    let sql = format!(
        "SELECT t.id, t.client_id, t.session_id, t.participant_id, t.received_ms, t.ready_ms FROM sb_asked_text t \
         WHERE {FREE} AND NOT EXISTS (SELECT 1 FROM sb_asked_text e WHERE e.lane = t.lane AND e.id < t.id){} \
         ORDER BY t.ready_ms LIMIT ?",
        " AND t.client_id <> ?".repeat(busy.len())
    );
    let busy = busy.iter().map(Value::from);
    let params = lease.free().into_iter().chain(busy).chain([Value::from(limit)]).collect();
    store.all(sql, params).await
}

/// Ends a job, in the change that writes what came of its text. [`crate::store::Error::Guard`]: it is no longer ours.
pub(in crate::store) fn end(change: Change, job: &AskedText) -> Change {
    let sql = "DELETE FROM sb_asked_text WHERE id = ? AND ready_ms = ?";
    let settled = "SELECT 1 FROM sb_client WHERE id = ? AND NOT EXISTS (SELECT 1 FROM sb_asked_text WHERE id = ?)";
    change.one(sql, params![job.id, job.ready_ms]).settled_by(settled, params![job.client, job.id])
}

impl AskedText {
    /// Leases the job. [`crate::store::Error::Guard`]: another node was first.
    pub async fn claim(&mut self, store: &Store, lease: Lease<'_>) -> Result<()> {
        let sql = format!("UPDATE sb_asked_text SET {TAKE} WHERE id = ? AND ready_ms = ?");
        let id = Value::from(self.id);
        let params = lease.take().into_iter().chain([id.clone(), self.ready_ms.into()]).collect();
        let settled = format!("SELECT 1 FROM sb_asked_text WHERE id = ? AND {HELD}");
        let probe = [id].into_iter().chain(lease.held()).collect();
        store.commit(Change::new().one(sql, params).settled_by(settled, probe)).await?;
        self.ready_ms = lease.until_ms;
        Ok(())
    }

    /// Whether it is the claimer's still.
    pub(in crate::store) async fn is_held(&self, store: &Store) -> Result<bool> {
        let sql = "SELECT id FROM sb_asked_text WHERE id = ? AND ready_ms = ?";
        Ok(!store.query(sql, params![self.id, self.ready_ms]).await?.is_empty())
    }

    /// Gives the job back, to be claimed again at `ready_ms`.
    pub async fn give_back(&self, store: &Store, ready_ms: Millis, now_ms: Millis) -> Result<()> {
        let sql = format!("UPDATE sb_asked_text SET {GIVE_BACK} WHERE id = ? AND ready_ms = ?");
        let id = Value::from(self.id);
        let params = params![ready_ms, now_ms, id.clone(), self.ready_ms];
        let settled = "SELECT 1 FROM sb_asked_text WHERE id = ? AND owner IS NULL AND ready_ms = ?";
        store.commit(Change::new().one(sql, params).settled_by(settled, params![id, ready_ms])).await
    }
}

//! What stops people and no client sees, nor lifts: entries of a number's earlier clients, and nobody's. Administrators do.

use super::{ADMINISTRATOR, NumberPersonOptOuts, OptOutEntry, StoredOptOut};
use crate::model::{ClientId, Millis};
use crate::store::number::is_there;
use crate::store::{AuditTrail, Change, Result, Store, params};

/// Which those are.
pub(super) const UNSEEN: &str = concat!(
    "o.held_ms IS NOT NULL OR (o.is_out = 1 AND NOT EXISTS (SELECT 1 FROM sb_number n \
     WHERE n.address = o.number AND n.client_id = o.client_id AND ",
    is_there!(),
    "))"
);

impl StoredOptOut {
    fn is_unseen(&self, owner: Option<ClientId>) -> bool {
        self.held_ms.is_some() || (self.entry.is_out && !owner.is_some_and(|owner| self.is_of(owner)))
    }

    /// What stops, whatever a client has written over it.
    pub(super) fn whole(&self) -> OptOutEntry {
        let entry = self.entry.clone();
        match self.held_ms {
            Some(held_ms) => OptOutEntry { is_out: true, changed_ms: held_ms, ..entry },
            None => entry,
        }
    }
}

impl NumberPersonOptOuts {
    /// What the client that has the number now does not see.
    pub fn unseen(&self, owner: Option<ClientId>) -> Option<OptOutEntry> {
        let unseen = self.0.iter().filter(|one| one.is_unseen(owner)).map(StoredOptOut::whole);
        unseen.max_by_key(|entry| entry.changed_ms)
    }
}

/// Lifts what [`NumberPersonOptOuts::unseen`] finds; what the number's client has written itself stays.
/// [`crate::store::Error::Guard`]: it is another than was read.
pub async fn lift(
    store: &Store,
    pair: &NumberPersonOptOuts,
    owner: Option<ClientId>,
    at_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    let unseen = pair.0.iter().filter(|one| one.is_unseen(owner));
    let change = unseen.fold(Change::new(), |change, one| {
        let (id, read_ms) = (one.id, one.entry.changed_ms);
        if owner.is_some_and(|owner| one.is_of(owner)) {
            let sql = "UPDATE sb_opt_out SET held_ms = NULL WHERE id = ? AND changed_ms = ?";
            return change.one(sql, params![id, read_ms]);
        }
        let sql = "UPDATE sb_opt_out SET held_ms = NULL, is_out = 0, reason = ?, changed_ms = ? \
                   WHERE id = ? AND changed_ms = ?";
        change.one(sql, params![ADMINISTRATOR, at_ms, id, read_ms])
    });
    store.commit(change.audited(entry)).await
}

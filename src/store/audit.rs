//! What administrators did: `sb_audit`, which is only ever added to, by the change that does it.

use super::engine::{SqlConditions, below};
use super::{Change, Result, Store, Value, params};
use crate::model::{AuditId, Millis};

/// One thing that was done.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at_ms: Millis,
    /// The administrator's key, or that it was the configuration's.
    pub who: String,
    /// What was done, such as `client.create`.
    pub action: String,
    /// The id of what it was done to.
    pub object: String,
    /// JSON without secrets, as the API shows it.
    pub before: Option<String>,
    pub after: Option<String>,
    /// From where.
    pub address: Option<String>,
}

/// What a change leaves in the log: an entry where an administrator makes it, else nothing.
pub type AuditTrail = Option<AuditEntry>;

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub object: Option<String>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
    pub after: Option<AuditId>,
}

/// The fields of [`AuditEntry`].
const COLUMNS: &str = "SELECT id, at_ms, who, action, object, before_text, after_text, address FROM sb_audit";

pub(super) const INSERT: &str =
    "INSERT INTO sb_audit (id, at_ms, who, action, object, before_text, after_text, address)";

impl AuditEntry {
    /// The values of [`INSERT`].
    pub(super) fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.at_ms,
            self.who.as_str(),
            self.action.as_str(),
            self.object.as_str(),
            self.before.clone(),
            self.after.clone(),
            self.address.clone(),
        ]
    }
}

impl Change {
    /// Writes down that somebody does this: it is done and written down, or neither. It goes behind the guards whose
    /// places somebody asks for.
    #[must_use]
    pub fn audited(self, entry: AuditTrail) -> Self {
        let Some(entry) = entry else { return self };
        let mut change = self.insert(INSERT, vec![entry.values()]);
        // the entry is there exactly when the rest is
        if change.settled_by.is_none() {
            change = change.settled_by_id("sb_audit", entry.id);
        }
        change
    }
}

/// Newest first.
pub async fn list(store: &Store, filter: &Filter, limit: usize) -> Result<Vec<AuditEntry>> {
    // ids are in the order of time
    let end = filter.before_ms.map(AuditId::first_of);
    let (sql, params) = SqlConditions::of("id < ?", vec![below([filter.after, end].into_iter().flatten().min())])
        .and_some("id >= ?", filter.from_ms.map(AuditId::first_of))
        .and_some("object = ?", filter.object.as_deref())
        .page(COLUMNS, "ORDER BY id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

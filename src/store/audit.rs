//! What administrators did: `sb_audit`, which is only ever added to, by the change that does it.

use super::engine::below;
use super::{Change, Result, Store, Value, params};
use crate::model::{AuditId, Millis};

/// One thing that was done.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Entry {
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

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub object: Option<String>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
    pub after: Option<AuditId>,
}

pub(super) const INSERT: &str =
    "INSERT INTO sb_audit (id, at_ms, who, action, object, before_text, after_text, address)";

impl Entry {
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
    pub fn audited(self, entry: Option<Entry>) -> Self {
        let Some(entry) = entry else { return self };
        let mut change = self.insert(INSERT, vec![entry.values()]);
        // the entry is there exactly when the rest is
        if change.settled_by.is_none() {
            change = change.settled_by("SELECT 1 FROM sb_audit WHERE id = ?", params![entry.id]);
        }
        change
    }
}

/// Newest first.
pub async fn list(store: &Store, filter: &Filter, limit: usize) -> Result<Vec<Entry>> {
    let mut sql = "SELECT id, at_ms, who, action, object, before_text, after_text, address FROM sb_audit \
                   WHERE id < ?"
        .to_owned();
    // ids are in the order of time
    let end = filter.before_ms.map(AuditId::first_of);
    let mut params: Vec<Value> = vec![below([filter.after, end].into_iter().flatten().min())];
    if let Some(from_ms) = filter.from_ms {
        sql.push_str(" AND id >= ?");
        params.push(AuditId::first_of(from_ms).into());
    }
    if let Some(object) = &filter.object {
        sql.push_str(" AND object = ?");
        params.push(object.as_str().into());
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    params.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    store.all(sql, params).await
}

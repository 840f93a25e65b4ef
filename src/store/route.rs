//! Which account a destination's messages go to: `sb_route`.

use super::engine::{ColumnValues, at_most, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Result, Row, Store, params};
use crate::model::{AccountId, Channel, Millis, RouteId};

/// A rule: what matches goes to an account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Route {
    pub id: RouteId,
    /// Lower ones are asked first.
    pub priority: i64,
    /// A regular expression, anchored at its start.
    pub pattern: String,
    /// `None`: all channels.
    pub channel: Option<Channel>,
    pub account: AccountId,
    pub name: String,
    pub created_ms: Millis,
}

/// The fields of [`Route`].
const COLUMNS: &str = "id, priority, pattern, channel, account_id, name, created_ms";

/// All routes that can be read, in the order in which they are asked.
pub async fn all(store: &Store) -> Result<Vec<Route>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_route ORDER BY priority, id");
    Ok(readable("a route", &store.query(sql, Vec::new()).await?, Row::read))
}

/// Routes in the order in which they are asked, behind one of this priority and id.
pub async fn list(store: &Store, after: Option<(i64, RouteId)>, limit: usize) -> Result<Vec<Route>> {
    let (behind, mut params) = match after {
        Some((priority, id)) => {
            let params = params![priority, priority, id];
            (" WHERE priority >= ? AND (priority > ? OR id > ?)", params)
        }
        None => ("", Vec::new()),
    };
    params.push(at_most(limit));
    let sql = format!("SELECT {COLUMNS} FROM sb_route{behind} ORDER BY priority, id LIMIT ?");
    store.all(sql, params).await
}

pub async fn find(store: &Store, id: RouteId) -> Result<Option<Route>> {
    store.first(format!("SELECT {COLUMNS} FROM sb_route WHERE id = ?"), params![id]).await
}

/// [`super::Error::Guard`]: there is no such account.
pub async fn insert(store: &Store, route: &Route, entry: AuditTrail) -> Result<()> {
    let fixed: ColumnValues = vec![("id", route.id.into()), ("created_ms", route.created_ms.into())];
    let columns = [fixed, route.columns()].concat();
    let change = Change::new().insert_row_of("sb_route", columns, ("sb_account", route.account.into()));
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry).settled_by_id("sb_route", route.id)).await
}

impl Route {
    /// What may be changed of it.
    fn columns(&self) -> ColumnValues {
        vec![
            ("priority", self.priority.into()),
            ("pattern", self.pattern.as_str().into()),
            ("channel", self.channel.map(Channel::name).into()),
            ("account_id", self.account.into()),
            ("name", self.name.as_str().into()),
        ]
    }
}

/// [`super::Error::Guard`]: it is not there, or another than was read.
pub async fn update(store: &Store, before: &Route, route: &Route, entry: AuditTrail) -> Result<()> {
    let change = Change::new().rewrite("sb_route", route.columns(), [("id", route.id.into())], before.columns());
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry)).await
}

/// [`super::Error::Guard`]: it is not there, or another than was read.
pub async fn delete(store: &Store, before: &Route, entry: AuditTrail) -> Result<()> {
    let change = Change::new().one_as_read("DELETE FROM sb_route WHERE id = ?", params![before.id], before.columns());
    store.commit(change.versioned(CachedDataset::Tariff).audited(entry)).await
}

//! Whom a client may send to: `sb_permission`, a row for each who says so. The operator's holds for all.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::engine::{ColumnValues, readable};
use super::version::CachedDataset;
use super::{AuditTrail, Change, Error, Result, Row, Store, params};
use crate::model::{ClientId, Millis, PermissionRules};

/// What a client has said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClientPermissions {
    pub client: ClientId,
    #[serde(deserialize_with = "read")]
    pub rules: PermissionRules,
    pub changed_ms: Millis,
}

/// The fields of [`ClientPermissions`].
const COLUMNS: &str = "SELECT client_id, rules, changed_ms FROM sb_permission";

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<PermissionRules, D::Error> {
    serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
}

impl ClientPermissions {
    /// What may be changed of it.
    fn columns(&self) -> Result<ColumnValues> {
        let failed = |error: serde_json::Error| Error::Data(format!("permissions of a client: {error}"));
        let rules = serde_json::to_string(&self.rules).map_err(failed)?;
        Ok(vec![("rules", rules.into()), ("changed_ms", self.changed_ms.into())])
    }
}

/// All that can be read.
pub async fn all(store: &Store) -> Result<Vec<ClientPermissions>> {
    Ok(readable("permissions", &store.query(COLUMNS, Vec::new()).await?, Row::read))
}

pub async fn find(store: &Store, client: ClientId) -> Result<Option<ClientPermissions>> {
    store.first(format!("{COLUMNS} WHERE client_id = ?"), params![client]).await
}

/// Puts them in the place of what the client has said before. [`super::Error::Guard`], [`super::Error::Conflict`]: that is
/// another by now.
pub async fn put(
    store: &Store,
    before: Option<&ClientPermissions>,
    after: &ClientPermissions,
    entry: AuditTrail,
) -> Result<()> {
    let change = match before {
        Some(before) => {
            let read = vec![("changed_ms", before.changed_ms.into())];
            Change::new().rewrite("sb_permission", after.columns()?, [("client_id", after.client.into())], read)
        }
        None => {
            let columns = [vec![("client_id", after.client.into())], after.columns()?].concat();
            let there = "SELECT 1 FROM sb_permission WHERE client_id = ? AND changed_ms = ?";
            let change = Change::new().insert_row("sb_permission", columns);
            change.settled_by(there, params![after.client, after.changed_ms])
        }
    };
    store.commit(change.versioned(CachedDataset::SendRules).audited(entry)).await
}

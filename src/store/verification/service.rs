//! What verifications of one purpose have in common: `sb_verification_service`.

use serde::Deserialize;

use super::ServiceSettings;
use super::extra::read_settings;
use crate::model::{ClientId, Millis, VerificationServiceId};
use crate::store::engine::{SqlConditions, below};
use crate::store::{AuditTrail, Change, Query, Result, Row, Store, params};

#[derive(Clone, Debug, Deserialize)]
pub struct VerificationService {
    pub id: VerificationServiceId,
    pub client: ClientId,
    /// Whose codes they are, as the texts say.
    pub name: String,
    #[serde(deserialize_with = "read_settings")]
    pub settings: ServiceSettings,
    pub created_ms: Millis,
    pub changed_ms: Millis,
}

/// The fields of [`VerificationService`].
const COLUMNS: &str = "SELECT id, client_id, name, settings, created_ms, changed_ms FROM sb_verification_service";

pub async fn add(store: &Store, new: &VerificationService, entry: AuditTrail) -> Result<()> {
    let row = params![new.id, new.client, new.name.as_str(), new.settings.text(), new.created_ms, new.changed_ms];
    let into = "INSERT INTO sb_verification_service (id, client_id, name, settings, created_ms, changed_ms)";
    let change = Change::new().insert(into, vec![row]).audited(entry);
    store.commit(change.settled_by_id("sb_verification_service", new.id)).await
}

pub async fn find(store: &Store, client: ClientId, id: VerificationServiceId) -> Result<Option<VerificationService>> {
    let sql = format!("{COLUMNS} WHERE id = ? AND client_id = ? AND deleted_ms IS NULL");
    let found = store.look_up(vec![Query::new(sql, params![id, client])]).await?.concat();
    found.first().map(Row::read).transpose()
}

/// A client's services, newest first; those that are newer than `before` from the oldest on.
pub async fn list(
    store: &Store,
    client: ClientId,
    (after, before): (Option<VerificationServiceId>, Option<VerificationServiceId>),
    limit: usize,
) -> Result<Vec<VerificationService>> {
    let those = SqlConditions::of("client_id = ? AND id < ? AND deleted_ms IS NULL", params![client, below(after)])
        .and_some("id > ?", before);
    let order = if before.is_some() { "ORDER BY id LIMIT ?" } else { "ORDER BY id DESC LIMIT ?" };
    let (sql, params) = those.page(COLUMNS, order, limit);
    store.all(sql, params).await
}

/// Writes what it is called, and its settings. [`crate::store::Error::Guard`]: it is another than was read.
pub async fn change(
    store: &Store,
    before: &VerificationService,
    after: &VerificationService,
    entry: AuditTrail,
) -> Result<()> {
    let sql = "UPDATE sb_verification_service SET name = ?, settings = ?, changed_ms = ? \
               WHERE id = ? AND name = ? AND settings = ? AND deleted_ms IS NULL";
    let params = params![
        after.name.as_str(),
        after.settings.text(),
        after.changed_ms,
        before.id,
        before.name.as_str(),
        before.settings.text(),
    ];
    store.commit(Change::new().one(sql, params).audited(entry)).await
}

/// Takes one away. [`crate::store::Error::Guard`]: it is gone.
pub async fn remove(store: &Store, id: VerificationServiceId, at_ms: Millis, entry: AuditTrail) -> Result<()> {
    let sql = "UPDATE sb_verification_service SET deleted_ms = ? WHERE id = ? AND deleted_ms IS NULL";
    store.commit(Change::new().one(sql, params![at_ms, id]).audited(entry)).await
}

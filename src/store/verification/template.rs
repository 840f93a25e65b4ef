//! How codes are told: `sb_verification_template`, one text for each name and language.

use serde::Deserialize;

use crate::model::{ClientId, Millis, VerificationTemplateId};
use crate::store::engine::{ColumnValues, above, at_most, below};
use crate::store::{AuditTrail, Change, Result, Store, Value, params};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VerificationTemplate {
    pub id: VerificationTemplateId,
    /// Whose it is. `None`: it comes with the server, and is in no table.
    pub client: Option<ClientId>,
    /// Those of one name are one text in several languages.
    pub name: String,
    /// Such as `pt-BR`.
    pub locale: String,
    pub body: String,
    pub created_ms: Millis,
    pub changed_ms: Millis,
}

/// The fields of [`VerificationTemplate`].
const COLUMNS: &str = "SELECT t.id, t.client_id, t.name, t.locale, t.body, t.created_ms, t.changed_ms \
                       FROM sb_verification_template t";

impl VerificationTemplate {
    /// What may be changed of it.
    fn columns(&self) -> ColumnValues {
        vec![
            ("name", self.name.as_str().into()),
            ("locale", self.locale.as_str().into()),
            ("body", self.body.as_str().into()),
            ("changed_ms", self.changed_ms.into()),
        ]
    }
}

/// What a client may use, newest first, behind the template `after`: its own, and the operator's. Those that are newer
/// than `before` come from the oldest on.
pub async fn list(
    store: &Store,
    client: ClientId,
    (after, before): (Option<VerificationTemplateId>, Option<VerificationTemplateId>),
    limit: usize,
) -> Result<Vec<VerificationTemplate>> {
    let order = if before.is_some() { "ASC" } else { "DESC" };
    let sql = format!("{COLUMNS} WHERE t.client_id IN (?, ?) AND t.id < ? AND t.id > ? ORDER BY t.id {order} LIMIT ?");
    store.all(sql, params![client, ClientId::OPERATOR, below(after), above(before), at_most(limit)]).await
}

/// One that a client may use.
pub async fn find(store: &Store, client: ClientId, id: VerificationTemplateId) -> Result<Option<VerificationTemplate>> {
    let sql = format!("{COLUMNS} WHERE t.id = ? AND t.client_id IN (?, ?)");
    store.first(sql, params![id, client, ClientId::OPERATOR]).await
}

/// One that a client may use, and what else its owner calls so, in other languages; oldest first.
pub async fn family(store: &Store, client: ClientId, id: VerificationTemplateId) -> Result<Vec<VerificationTemplate>> {
    let sql = format!(
        "{COLUMNS} JOIN sb_verification_template n ON n.client_id = t.client_id AND n.name = t.name \
         WHERE n.id = ? AND n.client_id IN (?, ?) ORDER BY t.id"
    );
    store.all(sql, params![id, client, ClientId::OPERATOR]).await
}

/// [`crate::store::Error::Conflict`]: its owner has one of this name in this language.
pub async fn insert(store: &Store, client: ClientId, template: &VerificationTemplate, entry: AuditTrail) -> Result<()> {
    let fixed: ColumnValues =
        vec![("id", template.id.into()), ("client_id", client.into()), ("created_ms", template.created_ms.into())];
    let change = Change::new().insert_row("sb_verification_template", [fixed, template.columns()].concat());
    store.commit(change.audited(entry).settled_by_id("sb_verification_template", template.id)).await
}

fn key(client: ClientId, id: VerificationTemplateId) -> [(&'static str, Value); 2] {
    [("id", id.into()), ("client_id", client.into())]
}

/// [`crate::store::Error::Guard`]: it is another by now, or gone. [`crate::store::Error::Conflict`]: as for [`insert`].
pub async fn update(
    store: &Store,
    client: ClientId,
    (before, after): (&VerificationTemplate, &VerificationTemplate),
    entry: AuditTrail,
) -> Result<()> {
    let table = "sb_verification_template";
    let change = Change::new().rewrite(table, after.columns(), key(client, before.id), before.columns());
    store.commit(change.audited(entry)).await
}

/// [`crate::store::Error::Guard`]: it is another by now, or gone.
pub async fn delete(store: &Store, client: ClientId, template: &VerificationTemplate, entry: AuditTrail) -> Result<()> {
    let sql = "DELETE FROM sb_verification_template WHERE id = ? AND client_id = ?";
    let change = Change::new().one_as_read(sql, params![template.id, client], template.columns());
    store.commit(change.audited(entry)).await
}

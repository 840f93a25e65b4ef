//! Pages of what was said in a session, turned either way, and single things of it.

use super::{COLUMNS, Interaction, InteractionKind};
use crate::model::{InteractionId, MessageId, ParticipantId, SessionId};
use crate::store::engine::SqlConditions;
use crate::store::{AuditTrail, Change, Result, Store, params};

/// Which of what was said a page has.
#[derive(Clone, Copy, Debug, Default)]
pub struct InteractionFilter {
    /// Older than this one.
    pub after: Option<InteractionId>,
    /// Newer than this one: the page that ends right before it.
    pub before: Option<InteractionId>,
    /// What was said so.
    pub kind: Option<InteractionKind>,
    /// What the session's client itself has said to them.
    pub told: Option<ParticipantId>,
}

/// A page, newest first, and whether there is more in the direction in which it was turned.
pub async fn page(
    store: &Store,
    session: SessionId,
    filter: &InteractionFilter,
    size: usize,
) -> Result<(Vec<Interaction>, bool)> {
    let told = "i.kind = 'message' AND i.from_participant IS NULL AND i.inbound_id IS NULL AND i.to_participant = ?";
    let those = SqlConditions::of("i.session_id = ?", params![session])
        .and_some("i.id < ?", filter.after)
        .and_some("i.id > ?", filter.before)
        .and_some("i.kind = ?", filter.kind.map(InteractionKind::name))
        .and_some(told, filter.told);
    let is_back = filter.before.is_some();
    let order = if is_back { "ORDER BY i.id LIMIT ?" } else { "ORDER BY i.id DESC LIMIT ?" };
    let (sql, params) = those.page(COLUMNS, order, size.saturating_add(1));
    let mut found: Vec<Interaction> = store.all(sql, params).await?;
    let is_more = found.len() > size;
    found.truncate(size);
    if is_back {
        found.reverse();
    }
    Ok((found, is_more))
}

pub async fn find(store: &Store, session: SessionId, id: InteractionId) -> Result<Option<Interaction>> {
    store.first(format!("{COLUMNS} WHERE i.id = ? AND i.session_id = ?"), params![id, session]).await
}

/// Whether a text came to others too than to whom this is about.
pub async fn is_shared(store: &Store, session: SessionId, id: InteractionId, inbound: MessageId) -> Result<bool> {
    // its copies are named after it: they stand where it would among all that was said
    let made_ms = inbound.made_ms();
    let (first, next) = (InteractionId::first_of(made_ms), InteractionId::first_of(made_ms + 1));
    let sql = "SELECT 1 FROM sb_interaction WHERE session_id = ? AND id >= ? AND id < ? AND inbound_id = ? AND id <> ? \
               LIMIT 1";
    Ok(!store.query(sql, params![session, first, next, inbound, id]).await?.is_empty())
}

/// Takes one away. [`crate::store::Error::Guard`]: it is not there.
pub async fn remove(store: &Store, session: SessionId, id: InteractionId, entry: AuditTrail) -> Result<()> {
    let sql = "DELETE FROM sb_interaction WHERE id = ? AND session_id = ?";
    store.commit(Change::new().one(sql, params![id, session]).audited(entry)).await
}

//! A client's verifications, looked for.

use super::{COLUMNS, Verification};
use crate::model::{ClientId, CodeChannel, Millis, VerificationId, VerificationServiceId, VerificationStatus};
use crate::store::engine::{SqlConditions, below};
use crate::store::{Query, Result, Row, Store, Value, params};

/// Which verifications are asked for.
#[derive(Clone, Debug, Default)]
pub struct VerificationFilter {
    pub service: Option<VerificationServiceId>,
    /// All forms of a number.
    pub addresses: Vec<String>,
    /// As it is then: what has expired may not be written down as that yet.
    pub status: Option<(VerificationStatus, Millis)>,
    pub channel: Option<CodeChannel>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
    pub after: Option<VerificationId>,
}

/// A client's verifications, newest first.
pub async fn list(
    store: &Store,
    client: ClientId,
    filter: &VerificationFilter,
    limit: usize,
) -> Result<Vec<Verification>> {
    // ids are in the order of time
    let end = filter.before_ms.map(|before_ms| VerificationId::first_of(before_ms.max(0)));
    let last = below([filter.after, end].into_iter().flatten().min());
    let mut those = SqlConditions::of("v.client_id = ? AND v.id < ?", vec![client.into(), last])
        .and_some("v.id >= ?", filter.from_ms.map(|from_ms| VerificationId::first_of(from_ms.max(0))))
        .and_some("v.service_id = ?", filter.service)
        .and_some("v.channel = ?", filter.channel.map(CodeChannel::name));
    if !filter.addresses.is_empty() {
        let all: Vec<Value> = filter.addresses.iter().map(|one| one.as_str().into()).collect();
        those = those.one_of("v.address", &all);
    }
    those = match filter.status {
        Some((VerificationStatus::Pending, now_ms)) => {
            those.and("v.status = 'pending' AND v.expires_ms > ?", params![now_ms])
        }
        Some((VerificationStatus::Expired, now_ms)) => {
            those.and("(v.status = 'expired' OR (v.status = 'pending' AND v.expires_ms <= ?))", params![now_ms])
        }
        Some((status, _)) => those.and("v.status = ?", params![status.name()]),
        None => those,
    };
    let (sql, params) =
        those.page(&format!("SELECT {COLUMNS} FROM sb_verification v"), "ORDER BY v.id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

pub async fn find(store: &Store, client: ClientId, id: VerificationId) -> Result<Option<Verification>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_verification v WHERE v.id = ? AND v.client_id = ?");
    let found = store.look_up(vec![Query::new(sql, params![id, client])]).await?.concat();
    found.first().map(Row::read).transpose()
}

/// One whoever's it is.
pub async fn by_id(store: &Store, id: VerificationId) -> Result<Option<Verification>> {
    store.first(format!("SELECT {COLUMNS} FROM sb_verification v WHERE v.id = ?"), params![id]).await
}

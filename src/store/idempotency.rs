//! Replies kept for requests that come again: `sb_idempotency`.

use std::collections::HashMap;

use super::{Query, Result, Row, Store, Value, params, sweep};
use crate::model::{Millis, Money};

/// Keeps a reply: see [`IdempotencyFingerprint::values`].
pub(super) const INSERT: &str = "INSERT INTO sb_idempotency (id, request_hash, reply, created_ms)";

/// How a request is found again, and known to be the same.
#[derive(Clone, Debug)]
pub struct IdempotencyFingerprint {
    /// Of the client, of what it posted to, and of its name for it.
    pub id: [u8; 32],
    /// A keyed hash of what was asked.
    pub hash: [u8; 32],
}

impl IdempotencyFingerprint {
    /// The values of [`INSERT`].
    pub(super) fn values(&self, reply: &str, now_ms: Millis) -> Vec<Value> {
        params![self.id, self.hash, reply, now_ms]
    }
}

/// What was answered when a request came first.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct StoredReply {
    pub text: String,
    /// What its client was left with, where the answer says so.
    pub balance: Option<Money>,
}

/// What was kept under a request's name.
#[derive(Debug)]
pub enum FoundRequest {
    Same(StoredReply),
    /// Another request came under it.
    Other,
}

/// What is known of requests, by their ids.
#[derive(Default)]
pub(super) struct StoredReplies(HashMap<[u8; 32], ([u8; 32], StoredReply)>);

impl StoredReplies {
    pub(super) fn of(rows: &[Row]) -> Result<Self> {
        rows.iter().map(Row::read).collect::<Result<_>>().map(Self)
    }

    pub(super) fn find(&self, named: &IdempotencyFingerprint) -> Option<FoundRequest> {
        let (known, reply) = self.0.get(&named.id)?;
        Some(if *known == named.hash { FoundRequest::Same(reply.clone()) } else { FoundRequest::Other })
    }

    /// So that a twin in the same batch gets the same reply.
    pub(super) fn add(&mut self, named: &IdempotencyFingerprint, text: &str) {
        let reply = StoredReply { text: text.to_owned(), balance: None };
        self.0.insert(named.id, (named.hash, reply));
    }
}

/// What [`StoredReplies::of`] reads.
pub(super) fn over<'a>(all: impl Iterator<Item = &'a IdempotencyFingerprint>) -> Option<Query> {
    let ids: Vec<Value> = all.map(|named| named.id.into()).collect();
    let sql = "SELECT id, request_hash, reply, balance FROM sb_idempotency WHERE id IN ({})";
    (!ids.is_empty()).then(|| Query::over(sql, &[], ids))
}

/// What was kept of the requests that are asked for, by who writes soon.
pub(super) async fn known(store: &Store, asked: Option<Query>) -> Result<StoredReplies> {
    let Some(query) = asked else { return Ok(StoredReplies::default()) };
    StoredReplies::of(&store.look_up(vec![query]).await?.concat())
}

/// What was kept of a request, if it came before.
pub async fn find(store: &Store, named: &IdempotencyFingerprint) -> Result<Option<FoundRequest>> {
    let Some(query) = over(std::iter::once(named)) else { return Ok(None) };
    Ok(StoredReplies::of(&store.read(vec![query]).await?.concat())?.find(named))
}

/// Forgets a batch of those kept before `before_ms`; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT id FROM sb_idempotency WHERE created_ms < ? ORDER BY created_ms LIMIT ?";
    let delete = "DELETE FROM sb_idempotency WHERE created_ms < ? AND id IN ({})";
    sweep::batch(store, find, delete, &[before_ms.into()]).await
}

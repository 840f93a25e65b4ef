//! What is looked at before numbers are chosen: which a person has and had, and which nobody has.

use serde::Deserialize;

use super::Session;
use crate::model::{ClientId, Millis, NumberId, PoolId, SessionDoor, SessionId};
use crate::store::engine::at_most;
use crate::store::{Query, Result, Row, Store, Value, params};

/// Of the numbers that a person had, so many are looked at; who had fewer is known in full.
pub const REMEMBERED: usize = 64;

/// Numbers that nobody has, of which one is chosen.
pub const FREE: usize = 64;

/// A number that a person has, or had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct StickyNumber {
    pub number: NumberId,
    pub used_ms: Millis,
    /// Since when it is free for them again; `None`: they have it.
    pub ended_ms: Option<Millis>,
}

/// The numbers that each of these people had last, the last one first, by the hashes of who they are.
pub async fn remembered(store: &Store, people: &[[u8; 32]]) -> Result<Vec<Vec<StickyNumber>>> {
    let sql = "SELECT number_id, used_ms, ended_ms FROM sb_sticky WHERE person = ? ORDER BY used_ms DESC LIMIT ?";
    let queries = people.iter().map(|person| Query::new(sql, params![person, at_most(REMEMBERED)])).collect();
    let found = store.look_up(queries).await?;
    found.iter().map(|rows| rows.iter().map(Row::read).collect::<Result<Vec<_>>>()).collect()
}

/// The same at these numbers.
pub async fn remembered_at(store: &Store, person: &[u8; 32], numbers: &[NumberId]) -> Result<Vec<StickyNumber>> {
    let sql = "SELECT number_id, used_ms, ended_ms FROM sb_sticky WHERE person = ? AND number_id IN ({})";
    let keys: Vec<Value> = numbers.iter().map(Value::from).collect();
    let found = store.look_up(vec![Query::over(sql, &[Value::from(*person)], keys)]).await?.concat();
    found.iter().map(Row::read).collect()
}

/// In what a unique name is one open session's: the service, where Twilio's Proxy made the session, or else the client.
pub fn name_scope(door: SessionDoor, client: ClientId, pool: Option<PoolId>) -> Value {
    match (door, pool) {
        (SessionDoor::TwilioProxy, Some(pool)) => pool.into(),
        _ => client.into(),
    }
}

impl Session {
    pub fn name_scope(&self) -> Value {
        name_scope(self.door, self.client, self.pool)
    }
}

/// The open session of this name in a [`name_scope`].
pub async fn named(store: &Store, scope: Value, name: &str) -> Result<Option<SessionId>> {
    let sql = "SELECT session_id FROM sb_session_name WHERE scope_id = ? AND unique_name = ?";
    let found = store.look_up(vec![Query::new(sql, params![scope, name])]).await?.concat();
    found.first().map(Row::read).transpose()
}

/// Numbers of a pool that nobody has, those first that have been free for longest: so many, behind so many.
pub async fn free(store: &Store, pool: PoolId, (behind, count): (usize, usize)) -> Result<Vec<NumberId>> {
    let sql =
        "SELECT number_id FROM sb_pool_number WHERE pool_id = ? AND free_ms >= 0 ORDER BY free_ms LIMIT ? OFFSET ?";
    let params = params![pool, at_most(count), at_most(behind)];
    let found = store.look_up(vec![Query::new(sql, params)]).await?.concat();
    found.iter().map(Row::read).collect()
}

/// The first of them in each of these areas.
pub async fn free_near(store: &Store, pool: PoolId, areas: &[&str]) -> Result<Vec<Vec<NumberId>>> {
    let sql = "SELECT number_id FROM sb_pool_number WHERE pool_id = ? AND area = ? AND free_ms >= 0 \
               ORDER BY free_ms LIMIT ?";
    let queries = areas.iter().map(|area| Query::new(sql, params![pool, *area, at_most(FREE)])).collect();
    let found = store.look_up(queries).await?;
    found.iter().map(|rows| rows.iter().map(Row::read).collect::<Result<Vec<_>>>()).collect()
}

/// Whether no session has this number of a pool that gives each to one.
pub async fn is_free(store: &Store, pool: PoolId, number: NumberId) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_pool_number WHERE number_id = ? AND pool_id = ? AND session_id IS NULL";
    Ok(!store.look_up(vec![Query::new(sql, params![number, pool])]).await?.concat().is_empty())
}

/// Whether no other session has it.
pub async fn is_free_for(store: &Store, pool: PoolId, number: NumberId, session: SessionId) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_pool_number WHERE number_id = ? AND pool_id = ? \
               AND (session_id IS NULL OR session_id = ?)";
    Ok(!store.look_up(vec![Query::new(sql, params![number, pool, session])]).await?.concat().is_empty())
}

//! A client's numbers that messages leave from together, and how they are chosen: `sb_pool`, and `sb_number.pool_id`.

mod exclusive;

pub use exclusive::{ExclusiveNumber, exclusive, exclusive_of};

use serde::{Deserialize, Deserializer, de};
use serde_json::Map;

use super::engine::{at_most, below, readable};
use super::number::Number;
use super::version::CachedDataset;
use super::{AuditTrail, Change, Error, Result, Row, Store, Value, params};
use crate::model::{ClientId, Millis, NumberId, PoolId, PoolSettings, SessionDoor};

#[derive(Clone, Debug, Deserialize)]
pub struct Pool {
    pub id: PoolId,
    pub client: ClientId,
    pub name: String,
    pub created_ms: Millis,
    #[serde(deserialize_with = "read")]
    pub settings: PoolSettings,
    /// The settings as they are in the store.
    written: Option<String>,
}

/// The fields of [`Pool`].
const COLUMNS: &str = "SELECT id, client_id, name, created_ms, settings, settings FROM sb_pool";

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<PoolSettings, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map_or_else(|| Ok(PoolSettings::default()), |text| serde_json::from_str(&text).map_err(de::Error::custom))
}

/// As a pool's column holds them: what another version of ours has written there, and we do not know, stays.
fn written(settings: &PoolSettings, before: Option<&str>) -> Result<Option<String>> {
    if before.is_none() && *settings == PoolSettings::default() {
        return Ok(None);
    }
    let failed = |error: serde_json::Error| Error::Data(format!("settings of a pool: {error}"));
    let mut all: Map<String, serde_json::Value> =
        before.map(serde_json::from_str).transpose().map_err(failed)?.unwrap_or_default();
    if let serde_json::Value::Object(known) = serde_json::to_value(settings).map_err(failed)? {
        all.extend(known);
    }
    serde_json::to_string(&all).map(Some).map_err(failed)
}

impl Pool {
    pub fn new(id: PoolId, client: ClientId, name: String, settings: PoolSettings, created_ms: Millis) -> Result<Self> {
        let written = written(&settings, None)?;
        Ok(Self { id, client, name, created_ms, settings, written })
    }
}

fn key(client: ClientId, id: PoolId) -> Vec<Value> {
    params![id, client]
}

/// Every pool that can be read.
pub async fn all(store: &Store) -> Result<Vec<Pool>> {
    Ok(readable("a pool", &store.query(COLUMNS, Vec::new()).await?, Row::read))
}

/// A client's pools that can be read, newest first, behind the pool `after`.
pub async fn list(store: &Store, client: ClientId, after: Option<PoolId>, limit: usize) -> Result<Vec<Pool>> {
    let sql = format!("{COLUMNS} WHERE client_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
    let (mut found, mut last) = (Vec::new(), below(after));
    loop {
        let left = limit - found.len();
        let rows = store.query(sql.clone(), params![client, last, at_most(left)]).await?;
        found.extend(readable("a pool", &rows, Row::read::<Pool>));
        // others come in the place of those that cannot be read
        match rows.last() {
            Some(row) if rows.len() == left && found.len() < limit => last = row.key(0)?,
            _ => return Ok(found),
        }
    }
}

pub async fn find(store: &Store, client: ClientId, id: PoolId) -> Result<Option<Pool>> {
    store.first(format!("{COLUMNS} WHERE id = ? AND client_id = ?"), key(client, id)).await
}

/// The oldest pool of this name of a client's.
pub async fn named(store: &Store, client: ClientId, name: &str) -> Result<Option<PoolId>> {
    let sql = "SELECT id FROM sb_pool WHERE client_id = ? AND name = ? ORDER BY id LIMIT 1";
    store.first(sql, params![client, name]).await
}

/// Whether another pool of its client's has its name.
pub async fn has_namesake(store: &Store, pool: &Pool) -> Result<bool> {
    let sql = "SELECT id FROM sb_pool WHERE client_id = ? AND name = ? AND id <> ? LIMIT 1";
    let other: Option<PoolId> = store.first(sql, params![pool.client, pool.name.as_str(), pool.id]).await?;
    Ok(other.is_some())
}

pub async fn insert(store: &Store, pool: &Pool, entry: AuditTrail) -> Result<()> {
    store.commit(Change::new().with_pool(pool, entry)).await
}

/// The same with a name that no other pool of its client's has. [`super::Error::Guard`]: one has it.
pub async fn insert_named_alone(store: &Store, pool: &Pool, entry: AuditTrail) -> Result<()> {
    store.commit(Change::new().with_name_of_its_own(pool).with_pool(pool, entry)).await
}

/// The open sessions of this client's numbers in this pool.
const SESSIONS: &str = "FROM sb_pair s JOIN sb_number n ON n.id = s.number_id WHERE n.client_id = ? AND n.pool_id = ?";

/// How many open sessions its numbers are in.
pub async fn open_sessions(store: &Store, client: ClientId, id: PoolId) -> Result<i64> {
    let sql = format!("SELECT COUNT(DISTINCT s.session_id) {SESSIONS}");
    Ok(store.first(sql, params![client, id]).await?.unwrap_or(0))
}

/// How many sessions of Proxy's are open there that nobody is in, yet or any more.
pub async fn empty_sessions(store: &Store, client: ClientId, id: PoolId) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM sb_session s WHERE s.client_id = ? AND s.door = ? AND s.closed_ms IS NULL \
               AND s.pool_id = ? AND NOT EXISTS (SELECT 1 FROM sb_pair p WHERE p.session_id = s.id)";
    Ok(store.first(sql, params![client, SessionDoor::TwilioProxy.name(), id]).await?.unwrap_or(0))
}

impl Change {
    #[must_use]
    fn with_pool(self, pool: &Pool, entry: AuditTrail) -> Self {
        let columns = vec![
            ("id", pool.id.into()),
            ("client_id", pool.client.into()),
            ("name", pool.name.as_str().into()),
            ("created_ms", pool.created_ms.into()),
            ("settings", pool.written.clone().into()),
        ];
        let change = self.insert_row("sb_pool", columns).versioned(CachedDataset::Directory).audited(entry);
        change.settled_by_id("sb_pool", pool.id)
    }

    /// Holds to it that no other pool of its client's has its name: who gives it to one meanwhile waits for the client.
    #[must_use]
    fn with_name_of_its_own(self, pool: &Pool) -> Self {
        let alone = "UPDATE sb_client SET name = name WHERE id = ? AND NOT EXISTS \
                     (SELECT 1 FROM sb_pool p WHERE p.client_id = ? AND p.name = ? AND p.id <> ?)";
        self.one("UPDATE sb_client SET name = name WHERE id = ?", params![pool.client])
            .one(alone, params![pool.client, pool.client, pool.name.as_str(), pool.id])
    }

    /// Holds to it that a pool is there, and its numbers are in no open session; none of them goes anywhere meanwhile.
    /// What is looked at is held by statements of its own: one that looks as well may have looked before it waits.
    #[must_use]
    fn with_idle_pool(self, client: ClientId, id: PoolId) -> Self {
        let idle = format!("UPDATE sb_pool SET name = name WHERE id = ? AND NOT EXISTS (SELECT 1 {SESSIONS})");
        self.one("UPDATE sb_pool SET name = name WHERE id = ? AND client_id = ?", key(client, id))
            .run("UPDATE sb_number SET pool_id = pool_id WHERE client_id = ? AND pool_id = ?", params![client, id])
            .one(idle, params![id, client, id])
    }

    /// Requires that a pool is there, with its settings as they were read.
    #[must_use]
    pub(super) fn with_pool_as_read(self, pool: &Pool) -> Self {
        let as_read = vec![("settings", pool.written.clone().into())];
        let sql = "UPDATE sb_pool SET name = name WHERE id = ? AND client_id = ?";
        self.one_as_read(sql, key(pool.client, pool.id), as_read)
    }
}

/// Gives it another name and other settings. `is_named_alone`: no other pool of its client's may have the name.
/// [`super::Error::Guard`]: one has; or there is no such pool, or it is another than was read; or it has open sessions
/// and is to become exclusive or shared.
pub async fn update(
    store: &Store,
    (before, after): (&Pool, &Pool),
    is_named_alone: bool,
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    let (id, client) = (before.id, before.client);
    let settings = written(&after.settings, before.written.as_deref())?;
    let columns = vec![("name", after.name.as_str().into()), ("settings", settings.into())];
    let read = vec![("name", before.name.as_str().into()), ("settings", before.written.clone().into())];
    let change = if is_named_alone { Change::new().with_name_of_its_own(after) } else { Change::new() };
    let mut change = change.rewrite("sb_pool", columns, [("id", id.into()), ("client_id", client.into())], read);
    if before.settings.is_exclusive != after.settings.is_exclusive {
        change = change.with_idle_pool(client, id);
        change = if after.settings.is_exclusive {
            change.fill_pool(after, now_ms)
        } else {
            change.run("DELETE FROM sb_pool_number WHERE pool_id = ?", params![id])
        };
    }
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// Lets its numbers go. [`super::Error::Guard`]: there is no such pool, or it has open sessions.
pub async fn delete(store: &Store, client: ClientId, id: PoolId, entry: AuditTrail) -> Result<()> {
    let change = Change::new()
        .with_idle_pool(client, id)
        .one("DELETE FROM sb_pool WHERE id = ?", params![id])
        .run("UPDATE sb_number SET pool_id = NULL WHERE pool_id = ? AND client_id = ?", key(client, id))
        .run("DELETE FROM sb_pool_number WHERE pool_id = ?", params![id]);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// Puts a number into a pool, out of any other; `written`: as it is written by whoever does. [`super::Error::Guard`]: one
/// of them is not there, or is another than was read; or the number is in an open session.
pub async fn put(
    store: &Store,
    pool: &Pool,
    (number, written): (&Number, Option<&str>),
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    let mut change = Change::new()
        .with_pool_as_read(pool)
        .with_idle_number(pool.client, number.id, vec![("pool_id", number.pool.into())])
        .one("UPDATE sb_number SET pool_id = ? WHERE id = ?", params![pool.id, number.id])
        .run("DELETE FROM sb_pool_number WHERE number_id = ?", params![number.id]);
    if pool.settings.is_exclusive {
        change = change.fill_pool_with(pool, &[number.id.into()], now_ms);
    }
    if let Some(written) = written {
        change = change.run("UPDATE sb_pool_number SET written = ? WHERE number_id = ?", params![written, number.id]);
    }
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// [`super::Error::Guard`]: the number is not in this pool, or is in an open session.
pub async fn take_out(store: &Store, client: ClientId, id: PoolId, number: NumberId, entry: AuditTrail) -> Result<()> {
    let change = Change::new()
        .with_idle_number(client, number, vec![("pool_id", id.into())])
        .one("UPDATE sb_number SET pool_id = NULL WHERE id = ?", params![number])
        .run("DELETE FROM sb_pool_number WHERE number_id = ?", params![number]);
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_another_version_stay() -> Result<()> {
        assert_eq!(written(&PoolSettings::default(), None)?, None);
        let settings = PoolSettings { is_exclusive: true, ..PoolSettings::default() };
        let ours = written(&settings, None)?.unwrap_or_default();
        assert_eq!(serde_json::from_str::<PoolSettings>(&ours).ok().as_ref(), Some(&settings));
        assert_eq!(written(&settings, Some(&ours))?, Some(ours));
        let theirs = r#"{"colour": "red", "exclusive": false}"#;
        let both = written(&settings, Some(theirs))?.unwrap_or_default();
        assert!(both.contains(r#""colour":"red""#) && both.contains(r#""exclusive":true"#), "{both}");
        assert!(matches!(written(&settings, Some("[]")), Err(Error::Data(_))));
        Ok(())
    }
}

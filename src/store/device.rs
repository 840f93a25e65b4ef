//! Paired phones: `sb_device`.

use super::engine::{at_most, below, read_bytes};
use super::{AuditTrail, Change, Result, Store, params};
use crate::crypto::{Aad, MasterKey, SharedKey, SyncSessionId};
use crate::model::{DeviceId, Millis, UserId};

/// A device about to be written, its key already sealed.
pub struct NewDevice<'a> {
    pub id: DeviceId,
    pub user: &'a UserId,
    pub sealed_key: Vec<u8>,
    pub fingerprint: String,
    pub phone_hash: &'a str,
    pub flavour: &'static str,
    pub sid: SyncSessionId,
}

/// What may be shown of a device: everything but its key.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Device {
    pub id: DeviceId,
    pub user: UserId,
    pub fingerprint: String,
    pub phone_hash: String,
    pub flavour: String,
    pub paired_ms: Millis,
    pub revoked_ms: Option<Millis>,
}

/// Where a device's shared key lies sealed.
pub fn key_place(row: &str) -> Aad<'_> {
    Aad { table: "sb_device", row, column: "shared_key" }
}

impl NewDevice<'_> {
    pub(super) fn insert(&self, change: Change, now_ms: Millis) -> Change {
        let sql = "INSERT INTO sb_device (id, user_id, shared_key, fingerprint, phone_hash, flavour, sync_session_id, \
                   paired_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            self.id,
            self.user.as_str(),
            self.sealed_key.clone(),
            self.fingerprint.as_str(),
            self.phone_hash,
            self.flavour,
            self.sid,
            now_ms,
        ];
        change.one(sql, values)
    }
}

/// The fields of [`Device`].
const COLUMNS: &str = "SELECT id, user_id, fingerprint, phone_hash, flavour, paired_ms, revoked_ms FROM sb_device";

/// A user's devices, newest first, starting after the device `after`.
pub async fn list(store: &Store, user: &UserId, after: Option<DeviceId>, limit: usize) -> Result<Vec<Device>> {
    // ids are time-ordered, so they are the cursor too
    let sql = format!("{COLUMNS} WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
    store.all(sql, params![user.as_str(), below(after), at_most(limit)]).await
}

pub async fn find(store: &Store, id: DeviceId) -> Result<Option<Device>> {
    store.first(format!("{COLUMNS} WHERE id = ?"), params![id]).await
}

/// The shared key of a device, unless it was revoked.
pub async fn shared_key(store: &Store, master: &MasterKey, id: DeviceId) -> Result<Option<SharedKey>> {
    let sql = "SELECT shared_key FROM sb_device WHERE id = ? AND revoked_ms IS NULL";
    let rows = store.query(sql, params![id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let opened = master.open(key_place(&id.hex()), row.bytes(0)?)?;
    Ok(Some(SharedKey::from_bytes(&opened)?))
}

/// A shared key as it lies, with its device: what tries keys opens them all alike.
#[derive(serde::Deserialize)]
pub struct SealedDeviceKey {
    pub device: DeviceId,
    #[serde(deserialize_with = "read_bytes")]
    pub sealed: Vec<u8>,
}

/// The keys of a user's live devices, newest first. Nobody is asked for like anybody.
pub async fn live_keys(store: &Store, user: Option<&UserId>, limit: i64) -> Result<Vec<SealedDeviceKey>> {
    let sql = "SELECT id, shared_key FROM sb_device WHERE user_id = ? AND revoked_ms IS NULL ORDER BY id DESC LIMIT ?";
    store.all(sql, params![user.map_or("", UserId::as_str), limit]).await
}

/// Empties the key of a device and marks it; `told` is what commits with that. [`super::Error::Guard`] when
/// it was revoked already.
pub async fn revoke(
    store: &Store,
    told: Change,
    id: DeviceId,
    user: &UserId,
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    let empty = "UPDATE sb_device SET shared_key = ?, revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL";
    let mark = "INSERT INTO sb_revocation (device_id, user_id, at_ms) VALUES (?, ?, ?)";
    let change = told.one(empty, params![Vec::new(), now_ms, id]).one(mark, params![id, user.as_str(), now_ms]);
    let settled = "SELECT 1 FROM sb_device WHERE id = ? AND revoked_ms = ?";
    store.commit(change.audited(entry).settled_by(settled, params![id, now_ms])).await
}

/// Users whose devices were revoked since a node last looked.
pub async fn revoked_since(store: &Store, since_ms: Millis) -> Result<Vec<(UserId, Millis)>> {
    store.all("SELECT user_id, at_ms FROM sb_revocation WHERE at_ms >= ?", params![since_ms]).await
}

/// Devices that were revoked lately, or have left something to forget.
pub async fn revoked(store: &Store) -> Result<Vec<DeviceId>> {
    store.all("SELECT device_id FROM sb_revocation", Vec::new()).await
}

/// Forgets a batch of revocations that every node has seen by now, and that have left nothing; the devices stay marked.
/// Whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT device_id FROM sb_revocation r WHERE at_ms < ? AND NOT EXISTS (SELECT 1 FROM sb_text_block b \
                WHERE b.device_id = r.device_id) ORDER BY at_ms LIMIT ?";
    let delete = "DELETE FROM sb_revocation WHERE at_ms < ? AND device_id IN ({})";
    super::sweep::batch(store, find, delete, &[before_ms.into()]).await
}

//! Texts of paired phones on their way to their platform's sink, as jobs: `sb_publication`; what is known of each for
//! as long as its device: `sb_text_block`.

use super::engine::read_bytes;
use super::lease::{GIVE_BACK, HELD, Lease, LeaseOwner, SKEW_MS, TAKE};
use super::{Change, Error, Query, Result, Store, Value, params, sweep};
use crate::crypto::Aad;
use crate::model::{DeviceId, Millis, PublicationId, UserId};

/// A text about to be written, already sealed.
pub struct NewPhoneTextPublication<'a> {
    pub id: PublicationId,
    /// Keyed hash of the phone and of what it sent: a repeat has the same.
    pub text_hash: [u8; 32],
    /// That opened it.
    pub device: DeviceId,
    /// Keyed hashes of the blocks with which it can begin, under whatever IV; none twice.
    pub blocks: Vec<[u8; 32]>,
    pub user: &'a UserId,
    pub platform: &'a str,
    pub phone_hash: &'a str,
    pub sealed: Vec<u8>,
    pub received_ms: Millis,
}

/// What became of a text that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationInsertResult {
    New,
    /// The very same came before.
    Again,
    /// It is made of one that came before.
    Altered,
}

/// A job that may be claimed, or was: `ready_ms` guards every step that is taken with it.
#[derive(Clone, serde::Deserialize)]
pub struct PhoneTextPublication {
    pub id: PublicationId,
    pub user: UserId,
    pub platform: String,
    pub phone_hash: String,
    #[serde(deserialize_with = "read_bytes")]
    pub sealed: Vec<u8>,
    /// Calls of the sink so far.
    pub tries: i64,
    pub received_ms: Millis,
    ready_ms: Millis,
}

/// Where a text lies sealed.
pub fn text_place(row: &str) -> Aad<'_> {
    Aad { table: "sb_publication", row, column: "sealed" }
}

/// Writes a text with its job, ready at once, and its blocks, which no other text of the device can have: whatever
/// begins with one of them was made of it.
pub async fn insert(store: &Store, new: &NewPhoneTextPublication<'_>) -> Result<PublicationInsertResult> {
    let blocks = new.blocks.iter().map(|hash| params![new.device, hash, new.text_hash]).collect();
    let change = Change::new().insert("INSERT INTO sb_text_block (device_id, block_hash, text_hash)", blocks);
    let sql = "INSERT INTO sb_publication (id, text_hash, user_id, platform, phone_hash, sealed, ready_ms, set_ms, \
               tries, state, received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 'waiting', ?)";
    let (user, sealed, at_ms) = (new.user.as_str(), new.sealed.clone(), new.received_ms);
    let values = params![new.id, new.text_hash, user, new.platform, new.phone_hash, sealed, at_ms, at_ms, at_ms];
    match store.commit(change.one(sql, values).settled_by_id("sb_publication", new.id)).await {
        Ok(()) => Ok(PublicationInsertResult::New),
        Err(Error::Conflict) => compare(store, new).await,
        Err(error) => Err(error),
    }
}

/// What a text is to the one that was in its way.
async fn compare(store: &Store, new: &NewPhoneTextPublication<'_>) -> Result<PublicationInsertResult> {
    let hashes = new.blocks.iter().map(Value::from).collect();
    let sql = "SELECT text_hash FROM sb_text_block WHERE device_id = ? AND block_hash IN ({})";
    let found = store
        .look_up(vec![
            Query::over(sql, &[new.device.into()], hashes),
            // one that was taken before blocks were kept
            Query::new("SELECT text_hash FROM sb_publication WHERE text_hash = ?", params![new.text_hash]),
        ])
        .await?
        .concat();
    let texts = found.iter().map(|row| row.array(0)).collect::<Result<Vec<[u8; 32]>>>()?;
    match texts.as_slice() {
        // a node of the database's that has yet to hear of it, or a device revoked just now
        [] => Err(Error::Busy("the text that came before is not to be seen yet".into())),
        texts if texts.contains(&new.text_hash) => Ok(PublicationInsertResult::Again),
        _ => Ok(PublicationInsertResult::Altered),
    }
}

/// Forgets a batch of a revoked device's blocks, which nothing opens any more; whether there may be more.
pub async fn forget(store: &Store, device: DeviceId) -> Result<bool> {
    let find = "SELECT block_hash FROM sb_text_block WHERE device_id = ? LIMIT ?";
    let delete = "DELETE FROM sb_text_block WHERE device_id = ? AND block_hash IN ({})";
    sweep::batch(store, find, delete, &[device.into()]).await
}

/// A platform's texts whose time has come, longest due first: free ones, and those whose owner has died.
pub async fn due(
    store: &Store,
    platform: &str,
    owner: &LeaseOwner,
    now_ms: Millis,
    limit: i64,
) -> Result<Vec<PhoneTextPublication>> {
    let sql = "SELECT id, user_id, platform, phone_hash, sealed, tries, received_ms, ready_ms FROM sb_publication \
               WHERE platform = ? AND ready_ms <= ? AND (owner IS NULL OR owner = ? OR ready_ms <= ?) \
               ORDER BY ready_ms LIMIT ?";
    let taken_ms = now_ms - SKEW_MS;
    let params = params![platform, now_ms, owner, taken_ms, limit];
    store.all(sql, params).await
}

impl PhoneTextPublication {
    /// Leases the job. [`Error::Guard`]: another node was first.
    pub async fn claim(&mut self, store: &Store, lease: Lease<'_>) -> Result<()> {
        let sql = format!("UPDATE sb_publication SET {TAKE}, tries = tries + 1 WHERE id = ? AND ready_ms = ?");
        let id = Value::from(self.id);
        let params = lease.take().into_iter().chain([id.clone(), self.ready_ms.into()]).collect();
        let settled = format!("SELECT 1 FROM sb_publication WHERE id = ? AND {HELD}");
        let probe = [id].into_iter().chain(lease.held()).collect();
        store.commit(Change::new().one(sql, params).settled_by(settled, probe)).await?;
        self.ready_ms = lease.until_ms;
        self.tries += 1;
        Ok(())
    }

    /// The job is over: its text is erased, its row stays for a while.
    pub async fn finish(&self, store: &Store, state: &'static str) -> Result<()> {
        let sql = "UPDATE sb_publication SET sealed = ?, owner = NULL, ready_ms = NULL, state = ?, last_reason = NULL \
                   WHERE id = ? AND ready_ms = ?";
        let id = Value::from(self.id);
        let params = params![Vec::new(), state, id.clone(), self.ready_ms];
        let settled = "SELECT 1 FROM sb_publication WHERE id = ? AND ready_ms IS NULL";
        store.commit(Change::new().one(sql, params).settled_by(settled, vec![id])).await
    }

    /// Gives the job back, to be claimed again at `ready_ms`.
    pub async fn give_back(&self, store: &Store, ready_ms: Millis, now_ms: Millis, reason: &str) -> Result<()> {
        let sql = format!("UPDATE sb_publication SET {GIVE_BACK}, last_reason = ? WHERE id = ? AND ready_ms = ?");
        let id = Value::from(self.id);
        let params = params![ready_ms, now_ms, reason, id.clone(), self.ready_ms];
        let settled = "SELECT 1 FROM sb_publication WHERE id = ? AND owner IS NULL AND ready_ms = ?";
        store.commit(Change::new().one(sql, params).settled_by(settled, params![id, ready_ms])).await
    }
}

/// How many texts have waited for their sink since `late_ms`.
pub async fn late(store: &Store, late_ms: Millis) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM sb_publication WHERE ready_ms IS NOT NULL AND received_ms < ?";
    Ok(store.first(sql, params![late_ms]).await?.unwrap_or(0))
}

/// Erases texts that have waited for their sink since `late_ms`, and forgets those over since `before_ms`, a batch
/// of each; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis, late_ms: Millis) -> Result<bool> {
    let find = "SELECT id FROM sb_publication WHERE received_ms < ? AND ready_ms IS NULL ORDER BY received_ms LIMIT ?";
    let delete = "DELETE FROM sb_publication WHERE received_ms < ? AND ready_ms IS NULL AND id IN ({})";
    let is_more_over = sweep::batch(store, find, delete, &[before_ms.into()]).await?;
    let find = "SELECT id FROM sb_publication WHERE received_ms < ? AND ready_ms IS NOT NULL \
                ORDER BY received_ms LIMIT ?";
    let erase = "UPDATE sb_publication SET sealed = '', owner = NULL, ready_ms = NULL, state = 'failed' \
                 WHERE received_ms < ? AND ready_ms IS NOT NULL AND id IN ({})";
    Ok(sweep::batch(store, find, erase, &[late_ms.into()]).await? || is_more_over)
}

//! Texts of paired phones on their way to their platform's sink, as jobs: `sb_publication`.

use super::wait::SKEW_MS;
use super::{Change, Error, Result, Row, Store, sweep};
use crate::crypto::Place;
use crate::model::{Millis, PublicationId, UserId};

/// A text about to be written, already sealed.
pub struct NewPublication<'a> {
    pub id: PublicationId,
    /// Keyed hash of the phone and of what it sent: the row of a repeat is this one.
    pub text_hash: String,
    pub user: &'a UserId,
    pub platform: &'a str,
    pub phone_hash: &'a str,
    pub sealed: Vec<u8>,
    pub received_ms: Millis,
}

/// A job that may be claimed, or was: `ready_ms` guards every step that is taken with it.
#[derive(Clone)]
pub struct Publication {
    pub id: PublicationId,
    pub user: UserId,
    pub platform: String,
    pub phone_hash: String,
    pub sealed: Vec<u8>,
    /// Calls of the sink so far.
    pub tries: i64,
    pub received_ms: Millis,
    ready_ms: Millis,
}

/// Where a text lies sealed.
pub fn text_place(row: &str) -> Place<'_> {
    Place { table: "sb_publication", row, column: "sealed" }
}

/// Writes a text with its job, ready at once. [`Error::Conflict`]: the same text came since `stale_ms`.
pub async fn insert(store: &Store, new: NewPublication<'_>, stale_ms: Millis) -> Result<()> {
    let change = Change::new()
        // what has served for its day makes room, though no sweep has come by yet
        .run(
            "DELETE FROM sb_publication WHERE text_hash = ? AND ready_ms IS NULL AND received_ms < ?",
            vec![new.text_hash.as_str().into(), stale_ms.into()],
        )
        .one(
            "INSERT INTO sb_publication (id, text_hash, user_id, platform, phone_hash, sealed, ready_ms, set_ms, tries, \
             state, received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 'waiting', ?)",
            vec![
                new.id.hex().into(),
                new.text_hash.into(),
                new.user.as_str().into(),
                new.platform.into(),
                new.phone_hash.into(),
                new.sealed.into(),
                new.received_ms.into(),
                new.received_ms.into(),
                new.received_ms.into(),
            ],
        );
    store.commit(change.settled_by("SELECT 1 FROM sb_publication WHERE id = ?", vec![new.id.hex().into()])).await
}

fn parse(row: &Row) -> Result<Publication> {
    Ok(Publication {
        id: PublicationId::from_hex(row.text(0)?).map_err(|e| Error::Data(e.to_string()))?,
        user: row.text(1)?.parse().map_err(|_| Error::Data("user id".into()))?,
        platform: row.text(2)?.to_owned(),
        phone_hash: row.text(3)?.to_owned(),
        sealed: row.bytes(4)?.to_vec(),
        tries: row.int(5)?,
        received_ms: row.int(6)?,
        ready_ms: row.int(7)?,
    })
}

/// A platform's texts whose time has come, longest due first: free ones, and those whose owner has died.
pub async fn due(store: &Store, platform: &str, owner: &str, now_ms: Millis, limit: i64) -> Result<Vec<Publication>> {
    let sql = "SELECT id, user_id, platform, phone_hash, sealed, tries, received_ms, ready_ms FROM sb_publication \
               WHERE platform = ? AND ready_ms <= ? AND (owner IS NULL OR owner = ? OR ready_ms <= ?) \
               ORDER BY ready_ms LIMIT ?";
    let taken_ms = now_ms - SKEW_MS;
    let params = vec![platform.into(), now_ms.into(), owner.into(), taken_ms.into(), limit.into()];
    store.query(sql, params).await?.iter().map(parse).collect()
}

impl Publication {
    /// Leases the job until `until_ms`. [`Error::Guard`]: another node was first.
    pub async fn claim(&mut self, store: &Store, owner: &str, until_ms: Millis, now_ms: Millis) -> Result<()> {
        let sql = "UPDATE sb_publication SET owner = ?, ready_ms = ?, set_ms = ?, tries = tries + 1 \
                   WHERE id = ? AND ready_ms = ?";
        let params = vec![owner.into(), until_ms.into(), now_ms.into(), self.id.hex().into(), self.ready_ms.into()];
        let settled = "SELECT 1 FROM sb_publication WHERE id = ? AND owner = ? AND ready_ms = ?";
        let probe = vec![self.id.hex().into(), owner.into(), until_ms.into()];
        store.commit(Change::new().one(sql, params).settled_by(settled, probe)).await?;
        self.ready_ms = until_ms;
        self.tries += 1;
        Ok(())
    }

    /// The job is over: its text is erased, its row stays while its repeat may come.
    pub async fn finish(&self, store: &Store, state: &'static str) -> Result<()> {
        let sql = "UPDATE sb_publication SET sealed = ?, owner = NULL, ready_ms = NULL, state = ?, last_reason = NULL \
                   WHERE id = ? AND ready_ms = ?";
        let id = self.id.hex();
        let params = vec![Vec::new().into(), state.into(), id.as_str().into(), self.ready_ms.into()];
        let settled = "SELECT 1 FROM sb_publication WHERE id = ? AND ready_ms IS NULL";
        store.commit(Change::new().one(sql, params).settled_by(settled, vec![id.into()])).await
    }

    /// Gives the job back, to be claimed again at `ready_ms`.
    pub async fn give_back(&self, store: &Store, ready_ms: Millis, now_ms: Millis, reason: &str) -> Result<()> {
        let sql = "UPDATE sb_publication SET owner = NULL, ready_ms = ?, set_ms = ?, last_reason = ? \
                   WHERE id = ? AND ready_ms = ?";
        let id = self.id.hex();
        let params = vec![ready_ms.into(), now_ms.into(), reason.into(), id.as_str().into(), self.ready_ms.into()];
        let settled = "SELECT 1 FROM sb_publication WHERE id = ? AND owner IS NULL AND ready_ms = ?";
        store.commit(Change::new().one(sql, params).settled_by(settled, vec![id.into(), ready_ms.into()])).await
    }
}

/// How many texts have waited for their sink since `late_ms`.
pub async fn late(store: &Store, late_ms: Millis) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM sb_publication WHERE ready_ms IS NOT NULL AND received_ms < ?";
    store.query(sql, vec![late_ms.into()]).await?.first().map_or(Ok(0), |row| row.int(0))
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

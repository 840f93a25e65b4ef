//! Sync sessions and the bodies posted to them: `sb_sync_session`, `sb_sync_attempt`.

use super::device::NewDevice;
use super::lockout::{self, Lockout};
use super::{Change, Error, Query, Result, Row, Store};
use crate::crypto::Sid;
use crate::model::{DeviceId, Millis, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A password is being checked, or none has been posted yet.
    Open,
    /// A phone has sent its public key and will send the password.
    Offered,
    /// The last password did not fit; others may follow.
    Failed,
    /// Spent: a device was paired.
    Redeemed,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Offered => "offered",
            Self::Failed => "failed",
            Self::Redeemed => "redeemed",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        [Self::Open, Self::Offered, Self::Failed, Self::Redeemed]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| Error::Data(format!("sync session state {name}")))
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    pub state: State,
    pub public_key: Option<String>,
    pub failures: i64,
    pub changed_ms: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Being checked, or its node died while it was.
    Pending,
    /// The password did not decrypt.
    Undecryptable,
    /// Unknown user or wrong password.
    Failed,
    Paired(DeviceId),
}

#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub outcome: Outcome,
    pub at_ms: Millis,
}

/// All that decides whether a password may be looked at, read in one go.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub session: Option<Session>,
    pub attempt: Option<Attempt>,
    /// Failures of this user from this address.
    pub here: Lockout,
    /// Failures of this user from anywhere.
    pub anywhere: Lockout,
}

/// Names the rows of one attempt.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    pub sid: Sid,
    pub user: &'a UserId,
    pub body_hash: &'a str,
    pub here_id: &'a str,
    pub anywhere_id: &'a str,
}

const SESSION: &str =
    "SELECT state, public_key, failures, changed_ms FROM sb_sync_session WHERE id = ? AND user_id = ?";

fn session_query(sid: Sid, user: &UserId) -> Query {
    Query::new(SESSION, vec![sid.to_string().into(), user.as_str().into()])
}

fn parse_session(rows: &[Row]) -> Result<Option<Session>> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Session {
        state: State::parse(row.text(0)?)?,
        public_key: row.maybe_text(1)?.map(str::to_owned),
        failures: row.int(2)?,
        changed_ms: row.int(3)?,
    }))
}

fn parse_attempt(rows: &[Row]) -> Result<Option<Attempt>> {
    let Some(row) = rows.first() else { return Ok(None) };
    let outcome = match (row.text(0)?, row.maybe_text(1)?) {
        ("pending", _) => Outcome::Pending,
        ("undecryptable", _) => Outcome::Undecryptable,
        ("failed", _) => Outcome::Failed,
        ("paired", Some(device)) => {
            Outcome::Paired(DeviceId::from_hex(device).map_err(|e| Error::Data(e.to_string()))?)
        }
        (other, _) => return Err(Error::Data(format!("attempt outcome {other}"))),
    };
    Ok(Some(Attempt { outcome, at_ms: row.int(2)? }))
}

pub async fn session(store: &Store, sid: Sid, user: &UserId) -> Result<Option<Session>> {
    parse_session(&store.read(vec![session_query(sid, user)]).await?.concat())
}

pub async fn snapshot(store: &Store, key: &Key<'_>) -> Result<Snapshot> {
    let attempt = "SELECT outcome, device_id, at_ms FROM sb_sync_attempt WHERE session_id = ? AND body_hash = ?";
    let answers = store
        .read(vec![
            session_query(key.sid, key.user),
            Query::new(attempt, vec![key.sid.to_string().into(), key.body_hash.into()]),
            lockout::query(key.here_id),
            lockout::query(key.anywhere_id),
        ])
        .await?;
    let [session, attempt, here, anywhere] = answers.as_slice() else {
        return Err(Error::Data("four answers".into()));
    };
    Ok(Snapshot {
        session: parse_session(session)?,
        attempt: parse_attempt(attempt)?,
        here: lockout::parse(here)?,
        anywhere: lockout::parse(anywhere)?,
    })
}

/// Inserts a session's row, or updates one that is not spent.
fn touch(
    change: Change,
    key: (Sid, &UserId),
    known: Option<&Session>,
    state: State,
    now_ms: Millis,
    public_key: Option<&str>,
) -> Change {
    let (sid, user) = key;
    let expires_ms = if sid == Sid::DEV { Millis::MAX } else { sid.expires_ms() };
    if known.is_none() {
        return change.one(
            "INSERT INTO sb_sync_session (id, user_id, state, public_key, failures, created_ms, changed_ms, expires_ms) \
             VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
            vec![
                sid.to_string().into(),
                user.as_str().into(),
                state.name().into(),
                public_key.into(),
                now_ms.into(),
                now_ms.into(),
                expires_ms.into(),
            ],
        );
    }
    let change = change.one(
        "UPDATE sb_sync_session SET state = ?, changed_ms = ? WHERE id = ? AND state <> 'redeemed'",
        vec![state.name().into(), now_ms.into(), sid.to_string().into()],
    );
    match public_key {
        None => change,
        Some(pem) => change
            .one("UPDATE sb_sync_session SET public_key = ? WHERE id = ?", vec![pem.into(), sid.to_string().into()]),
    }
}

/// Keeps the public key of a phone that will send its password next; the last one sent counts.
pub async fn offer(store: &Store, sid: Sid, user: &UserId, pem: &str, now_ms: Millis) -> Result<()> {
    let known = session(store, sid, user).await?;
    let change = touch(Change::new(), (sid, user), known.as_ref(), State::Offered, now_ms, Some(pem));
    let settled = "SELECT 1 FROM sb_sync_session WHERE id = ? AND changed_ms = ? AND state = 'offered'";
    store.commit(change.settled_by(settled, vec![sid.to_string().into(), now_ms.into()])).await
}

/// Counts an attempt as failed before its password is looked at. Guarded by everything in
/// `seen`: a race means that another attempt was counted meanwhile.
pub async fn reserve(store: &Store, key: &Key<'_>, seen: &Snapshot, counts: (i64, i64), now_ms: Millis) -> Result<()> {
    let sid = key.sid.to_string();
    let is_offered = seen.session.as_ref().is_some_and(|session| session.state == State::Offered);
    let state = if is_offered { State::Offered } else { State::Open };
    let mut change = touch(Change::new(), (key.sid, key.user), seen.session.as_ref(), state, now_ms, None);
    let failures = seen.session.as_ref().map_or(0, |session| session.failures);
    change = change.one(
        "UPDATE sb_sync_session SET failures = ? WHERE id = ? AND failures = ?",
        vec![(failures + 1).into(), sid.clone().into(), failures.into()],
    );
    if let Some(old) = seen.attempt {
        change = change.one(
            "DELETE FROM sb_sync_attempt WHERE session_id = ? AND body_hash = ? AND at_ms = ?",
            vec![sid.clone().into(), key.body_hash.into(), old.at_ms.into()],
        );
    }
    change = change.one(
        "INSERT INTO sb_sync_attempt (session_id, body_hash, outcome, at_ms) VALUES (?, ?, 'pending', ?)",
        vec![sid.clone().into(), key.body_hash.into(), now_ms.into()],
    );
    change = lockout::count(change, key.here_id, seen.here, counts.0, now_ms);
    change = lockout::count(change, key.anywhere_id, seen.anywhere, counts.1, now_ms);
    let settled = "SELECT 1 FROM sb_sync_attempt WHERE session_id = ? AND body_hash = ? AND at_ms = ?";
    let probe = vec![sid.into(), key.body_hash.into(), now_ms.into()];
    store.commit(change.settled_by(settled, probe)).await
}

/// Records why an attempt failed; its failure was counted when it was reserved.
pub async fn fail(store: &Store, key: &Key<'_>, outcome: Outcome, now_ms: Millis) -> Result<()> {
    let name = if outcome == Outcome::Undecryptable { "undecryptable" } else { "failed" };
    let sid = key.sid.to_string();
    let change = Change::new()
        .run(
            "UPDATE sb_sync_attempt SET outcome = ? WHERE session_id = ? AND body_hash = ? AND outcome = 'pending'",
            vec![name.into(), sid.clone().into(), key.body_hash.into()],
        )
        .run(
            "UPDATE sb_sync_session SET state = 'failed', changed_ms = ? WHERE id = ? AND state <> 'redeemed'",
            vec![now_ms.into(), sid.into()],
        );
    store.commit(change).await
}

/// Spends the session on a new device and takes back the `forgiven` failures of its address.
/// Exactly one caller of one session gets `Ok`; the development session spends nothing.
pub async fn redeem(store: &Store, key: &Key<'_>, device: &NewDevice<'_>, forgiven: i64, now_ms: Millis) -> Result<()> {
    let sid = key.sid.to_string();
    let mut change = Change::new();
    if key.sid == Sid::DEV {
        change = change.run("UPDATE sb_sync_session SET failures = 0 WHERE id = ?", vec![sid.clone().into()]);
    } else {
        change = change.one(
            "UPDATE sb_sync_session SET state = 'redeemed', device_id = ?, changed_ms = ? \
             WHERE id = ? AND state <> 'redeemed'",
            vec![device.id.hex().into(), now_ms.into(), sid.clone().into()],
        );
    }
    change = device.insert(change, now_ms);
    change = change
        .one(
            "UPDATE sb_sync_attempt SET outcome = 'paired', device_id = ? WHERE session_id = ? AND body_hash = ?",
            vec![device.id.hex().into(), sid.into(), key.body_hash.into()],
        )
        // what this address failed is forgiven; what others failed still counts
        .run(
            "UPDATE sb_lockout SET failures = CASE WHEN failures > ? THEN failures - ? ELSE 0 END WHERE id = ?",
            vec![forgiven.into(), forgiven.into(), key.anywhere_id.into()],
        )
        .run("UPDATE sb_lockout SET failures = 0 WHERE id = ?", vec![key.here_id.into()])
        .settled_by("SELECT 1 FROM sb_device WHERE id = ?", vec![device.id.hex().into()]);
    store.commit(change).await
}

/// One session that changed since a node last looked.
#[derive(Clone, Debug)]
pub struct Changed {
    pub sid: Sid,
    pub user: UserId,
    pub state: State,
    pub changed_ms: Millis,
}

pub async fn changed_since(store: &Store, since_ms: Millis) -> Result<Vec<Changed>> {
    let sql = "SELECT id, user_id, state, changed_ms FROM sb_sync_session WHERE changed_ms >= ? \
               ORDER BY changed_ms LIMIT 10000";
    let rows = store.query(sql, vec![since_ms.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Changed {
                sid: row.text(0)?.parse()?,
                user: row.text(1)?.parse().map_err(|_| Error::Data("user id".into()))?,
                state: State::parse(row.text(2)?)?,
                changed_ms: row.int(3)?,
            })
        })
        .collect()
}

/// Removes sessions that expired, and attempts that were made, before `before_ms`.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<()> {
    let change = Change::new()
        .run("DELETE FROM sb_sync_session WHERE expires_ms < ?", vec![before_ms.into()])
        .run("DELETE FROM sb_sync_attempt WHERE at_ms < ?", vec![before_ms.into()]);
    store.commit(change).await
}

//! What the tests of pairing do over and over, and what they look at in the store.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use switchboard::crypto::hash;
use switchboard::store::Change;

use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, stored};

/// The hashing salt of the development backend, which the vectors use too.
pub const SALT: &str = "0123456789abcdef0123456789abcdef";

pub const NOBODY: &str = "nobody";

/// A server that refuses at once and locks nobody out: for tests that fail on purpose, often.
pub async fn lenient(layout: Layout) -> Result<Builder> {
    Ok(Builder::new(layout).await?.set("sync.refusal_delay", "0ms").set("sync.lockouts", "[]"))
}

/// Where T1 is posted.
pub fn handshake(user: &str, sid: &str) -> String {
    format!("/v2/sync/users/{user}/sessions/{sid}/handshake")
}

/// Where T2 is posted: a session without its trailing slash.
pub fn verification(user: &str, sid: &str) -> String {
    format!("/v2/sync/users/{user}/sessions/{sid}")
}

/// A whole answer, for tests that care about its headers.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn to(request: reqwest::RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }

    /// Everything that a client could tell two answers apart by, but for their time and number.
    pub fn looks(&self) -> (u16, Vec<(String, String)>, &str) {
        let named = self.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        let mut headers: Vec<_> = named.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
        headers.sort();
        (self.status, headers, &self.body)
    }
}

/// The names of an answer's headers, for answers whose values may differ.
pub fn keys_of(answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

/// A posted body's whole answer.
pub async fn answer(server: &Server, path: &str, body: impl Into<reqwest::Body>) -> Result<Answer> {
    Answer::to(server.http.post(server.url(path)).body(body)).await
}

/// The same by way of a proxy that speaks for `address`.
pub async fn answer_from(server: &Server, address: &str, path: &str, body: String) -> Result<Answer> {
    Answer::to(server.http.post(server.url(path)).header("x-forwarded-for", address).body(body)).await
}

/// T1, which has to succeed; what it answers.
pub async fn offer(server: &Server, phone: &Phone, user: &str, sid: &str) -> Result<Value> {
    let body = json!({"public_key": phone.public_pem}).to_string();
    let (status, answer) = server.post(&handshake(user, sid), body).await?;
    ensure!(status == 200, "{status}: {answer}");
    Ok(serde_json::from_str(&answer)?)
}

/// O with any password, on a phone of default digests.
pub async fn try_one_step(server: &Server, user: &str, sid: &str, password: &str) -> Result<(u16, String)> {
    let body = Phone::new()?.one_step(server, password)?;
    server.post(&session(user, sid), body).await
}

/// T2 with any password; T1 has to have gone before.
pub async fn try_two_step(server: &Server, user: &str, sid: &str, password: &str) -> Result<(u16, String)> {
    let body = Phone::new()?.two_step(server, password)?;
    server.post(&verification(user, sid), body).await
}

/// One failed O of a user on a session of its own.
pub async fn fail_once(server: &Server, user: &str) -> Result {
    let sid = server.sid(user).await?;
    let (status, body) = try_one_step(server, user, &sid, "wrong").await?;
    ensure!(status == 403, "{status}: {body}");
    Ok(())
}

/// A JSON body with fields put in, or taken out where the change says `null`.
pub fn edited(body: &str, changes: &Value) -> Result<String> {
    let mut body: Value = serde_json::from_str(body)?;
    let fields = body.as_object_mut().context("not an object")?;
    for (name, value) in changes.as_object().context("not an object")? {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    Ok(body.to_string())
}

/// The names of an object's fields, sorted.
pub fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
    keys.sort_unstable();
    keys
}

/// What handshakes leave in the store. Equal before and after: nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    pub devices: Vec<Vec<String>>,
    pub lockouts: Vec<Vec<String>>,
    pub sessions: Vec<Vec<String>>,
}

impl Written {
    pub async fn by(server: &Server) -> Result<Self> {
        Ok(Self {
            devices: server.rows("SELECT id, user_id, fingerprint, revoked_ms FROM sb_device ORDER BY id").await?,
            lockouts: server.rows("SELECT id, failures, last_ms FROM sb_lockout ORDER BY id").await?,
            sessions: server.rows("SELECT id, user_id, state, failures FROM sb_sync_session ORDER BY id").await?,
        })
    }
}

/// The failure counters of the store, sorted: one of a user and address, one of the user anywhere.
pub async fn failures(server: &Server) -> Result<Vec<i64>> {
    let rows = server.rows("SELECT failures FROM sb_lockout ORDER BY failures").await?;
    rows.concat().iter().map(|count| Ok(count.parse()?)).collect()
}

/// Lets time pass for lock-outs, as far as the store knows.
pub async fn age_lockouts(server: &Server, by: Duration) -> Result {
    let sql = "UPDATE sb_lockout SET last_ms = last_ms - ?";
    let change = Change::new().run(sql, vec![i64::try_from(by.as_millis())?.into()]);
    Ok(server.home().databases.store()?.commit(change).await?)
}

/// Lets time pass for bodies that were posted, as far as the store knows.
pub async fn age_attempts(server: &Server, by: Duration) -> Result {
    let rows = server.rows("SELECT id, attempts FROM sb_sync_session").await?;
    ensure!(!rows.is_empty(), "nothing was posted");
    let mut change = Change::new();
    for row in rows {
        let [id, attempts] = row.as_slice() else { bail!("two columns") };
        let older: Vec<String> = attempts.split(' ').map(|attempt| older(attempt, by)).collect::<Result<_>>()?;
        let sql = "UPDATE sb_sync_session SET attempts = ?, version = version + 1 WHERE id = ?";
        change = change.one(sql, vec![older.join(" ").into(), stored(id)]);
    }
    Ok(server.home().databases.store()?.commit(change).await?)
}

/// One attempt as its session's row keeps it: `hash,milliseconds,outcome`.
fn older(attempt: &str, by: Duration) -> Result<String> {
    let [hash, at_ms, outcome] = attempt.split(',').collect::<Vec<_>>()[..] else { bail!("not an attempt: {attempt}") };
    Ok(format!("{hash},{},{outcome}", at_ms.parse::<i64>()? - i64::try_from(by.as_millis())?))
}

/// A user of the backend with a stored password and phone numbers of these states.
pub async fn add_user(server: &Server, id: &str, stored: &str, states: &[&str]) -> Result {
    static NUMBER: AtomicI64 = AtomicI64::new(1_000_000);
    let mut change =
        Change::new().one("INSERT INTO users (id, password) VALUES (?, ?)", vec![id.into(), stored.into()]);
    for state in states {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let phone = hash::backend(SALT, &format!("+2377{number}"));
        change = change.one(
            "INSERT INTO usersInfos (id, full_phone_number, status, userId) VALUES (?, ?, ?, ?)",
            vec![number.into(), phone.into(), (*state).into(), id.into()],
        );
    }
    Ok(server.home().databases.backend()?.commit(change).await?)
}

/// A user whose password is [`PASSWORD`] in the backend's own hash.
pub async fn add_usual_user(server: &Server, id: &str) -> Result {
    add_user(server, id, &hash::backend(SALT, PASSWORD), &["verified"]).await
}

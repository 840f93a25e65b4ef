//! What the fault tests share: whole answers, crowds, users of a test's own, what `/metrics` and `/proc` say.

use std::collections::BTreeMap;

use anyhow::Context as _;
use switchboard::store::{Change, Query, Store};

use crate::harness::server::Home;
use crate::harness::{ADMIN, Result, Server};

/// An answer with the header that tells a client when to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

pub async fn post(server: &Server, path: &str, body: String) -> Result<Answer> {
    answer(server.http.post(server.url(path)).body(body)).await
}

pub async fn get(server: &Server, path: &str) -> Result<Answer> {
    answer(server.http.get(server.url(path)).bearer_auth(ADMIN)).await
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Answer { status: response.status().as_u16(), retry_after, body: response.text().await? })
}

/// Posts all of these at once, to the servers in turn.
pub async fn crowd(servers: &[&Server], posts: Vec<(String, String)>) -> Result<Vec<Answer>> {
    let mut tasks = Vec::with_capacity(posts.len());
    for (number, (path, body)) in posts.into_iter().enumerate() {
        let server = servers[number % servers.len()];
        let request = server.http.post(server.url(&path)).body(body);
        tasks.push(tokio::spawn(answer(request)));
    }
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await??);
    }
    Ok(answers)
}

/// How often each status came.
pub fn tally(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

/// The sum of a metric over all its labels.
pub async fn metric(server: &Server, name: &str) -> Result<f64> {
    let text = get(server, "/metrics").await?.body;
    let lines = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' ')));
    let mut sum = None;
    for line in lines {
        let value: f64 = line.rsplit(' ').next().context("a metric without value")?.parse()?;
        sum = Some(sum.unwrap_or(0.0) + value);
    }
    sum.with_context(|| format!("no metric {name} in:\n{text}"))
}

/// Adds verified users to the user database, all with this stored password.
pub async fn add_users(home: &Home, ids: &[String], stored: &str) -> Result {
    let backend = home.databases.backend()?;
    let first = 1 + number(&backend, "SELECT COALESCE(MAX(id), 0) FROM usersInfos").await?;
    let mut change = Change::new();
    for (id, number) in ids.iter().zip(first..) {
        change =
            change.one("INSERT INTO users (id, password) VALUES (?, ?)", vec![id.as_str().into(), stored.into()]).one(
                "INSERT INTO usersInfos (id, full_phone_number, status, userId) VALUES (?, ?, 'verified', ?)",
                vec![number.into(), format!("hash of {id}").into(), id.as_str().into()],
            );
    }
    Ok(backend.commit(change).await?)
}

/// The one number that a query finds.
pub async fn number(store: &Store, sql: &'static str) -> Result<i64> {
    let rows = store.read(vec![Query::new(sql, Vec::new())]).await?.concat();
    Ok(rows.first().context("no row")?.int(0)?)
}

/// No transaction of a handshake is in the store by half: devices, spent sessions and
/// their attempts name each other, one to one. Returns how many devices there are.
pub async fn assert_whole(home: &Home) -> Result<i64> {
    let store = home.databases.store()?;
    let devices = number(&store, "SELECT COUNT(*) FROM sb_device").await?;
    let broken = [
        "SELECT COUNT(*) FROM sb_device d LEFT JOIN sb_sync_session s \
         ON s.id = d.sync_session_id AND s.state = 'redeemed' WHERE s.id IS NULL",
        "SELECT COUNT(*) FROM sb_sync_session s LEFT JOIN sb_device d ON d.sync_session_id = s.id \
         WHERE s.state = 'redeemed' AND d.id IS NULL",
        "SELECT COUNT(*) FROM sb_device d JOIN sb_sync_session s ON s.id = d.sync_session_id \
         WHERE INSTR(s.attempts, LOWER(HEX(d.id))) = 0",
    ];
    for sql in broken {
        assert_eq!(number(&store, sql).await?, 0, "half a handshake: {sql}");
    }
    assert_eq!(number(&store, "SELECT COUNT(DISTINCT sync_session_id) FROM sb_device").await?, devices);
    Ok(devices)
}

//! What is said to MariaDB keeps its meaning, whatever a proxy does to the session before it.

use anyhow::{Context as _, ensure};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use switchboard::model::{DurationSetting, UserId};
use switchboard::store::{Change, Metrics, Query, Settings, Store, Value};

use super::scene::crowd;
use crate::harness::database::{Databases, mariadb};
use crate::harness::meddler::{GBK, Meddler, Meddling, NO_ESCAPES};
use crate::harness::phone::session;
use crate::harness::{Builder, Layout, PASSWORD, Phone, Result, Server};
use crate::relay::scene::{act, customer, everything, text_to};

/// Sessions in which quotes, backslashes or bytes mean something else than in ours.
const SESSIONS: [&str; 9] = [
    NO_ESCAPES,
    GBK,
    "SET NAMES gbk, sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
    "SET NAMES big5",
    "SET NAMES sjis",
    "SET NAMES cp932, sql_mode = ''",
    "SET NAMES latin1",
    "SET NAMES swe7",
    "SET sql_mode = 'ORACLE'",
];

/// What runs where a value ends too early leaves a table.
fn hostile() -> Vec<String> {
    let mut all = Vec::new();
    for before in ["x", "x\\", "\\\\", "\u{e9}", "中", "表", "😀"] {
        for end in ["'", "\"", "\\'"] {
            all.push(format!("{before}{end}; CREATE TABLE sb_owned (a INT); -- x"));
        }
    }
    all
}

fn values() -> Result<Vec<Value>> {
    let mut all: Vec<Value> = hostile().into_iter().map(Value::from).collect();
    all.extend(hostile().into_iter().map(|text| Value::Bytes(text.into_bytes())));
    all.extend(["", "plain", "{\"a\": \"b\"}", "?{}", "0x41", "\0\n\r\x1a\t\u{7f}"].map(Value::from));
    let mut runner = TestRunner::default();
    let strategy = prop_oneof![
        "(.|[\\\\'\"\0\n\r\x1a中表é])*".prop_map(Value::from),
        "[ -~]*".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(Value::Bytes),
    ];
    for _ in 0..300 {
        let tree = strategy.new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?;
        all.push(tree.current());
    }
    Ok(all)
}

fn bytes(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => &[],
    }
}

/// A store of its own behind a proxy, and the same without it.
async fn behind() -> Result<(Meddler, Databases, Store, Store)> {
    let folder = tempfile::tempdir()?;
    let databases = Databases::make(Layout::MariadbShared, folder.path()).await?;
    let meddler = Meddler::start(Meddling::Nothing).await?;
    let url = databases.store_url.replace(&mariadb()?, &meddler.url()?);
    let settings = Settings { url: url.parse()?, connections: 1, timeout: DurationSetting::from_millis(10_000) };
    let (store, direct) = (Store::open("test", &settings, Metrics::default())?, databases.store()?);
    Ok((meddler, databases, store, direct))
}

const SESSION: &str = "SELECT CONCAT(@@sql_mode, ' ', @@character_set_client, ' ', @@character_set_results, ' ', \
                       @@collation_connection)";
const OURS: &str = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION utf8mb4 utf8mb4 utf8mb4_bin";

#[tokio::test(flavor = "multi_thread")]
async fn a_value_ends_where_it_ends_in_every_session() -> Result {
    let (meddler, _databases, store, direct) = behind().await?;
    for session in SESSIONS {
        meddler.turn(Meddling::Instead(session));
        let values = values()?;
        let mut queries = vec![Query::new(SESSION, Vec::new())];
        queries.extend(values.iter().map(|value| Query::new("SELECT HEX(?)", vec![value.clone()])));
        let answers = store.read(queries).await.with_context(|| session)?;
        ensure!(answers[0][0].text(0)? != OURS, "{session}: it was not meddled with");
        for (value, answer) in values.iter().zip(&answers[1..]) {
            // one of Oracle's ways: nothing is NULL
            let found = answer[0].maybe_text(0)?.unwrap_or_default();
            assert_eq!(found, hex::encode_upper(bytes(value)), "{session}: {value:?}");
        }
        ensure!(!direct.has_table("sb_owned").await?, "{session}: a value was run");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_script_has_the_session_that_it_asks_for() -> Result {
    let (meddler, _databases, store, _direct) = behind().await?;
    let made = "CREATE TABLE sb_kept (id VARCHAR(64) NOT NULL PRIMARY KEY, kept TEXT) CHARACTER SET utf8mb4";
    store.commit(Change::new().run(made, Vec::new())).await?;
    for (n, session) in (0..).zip(SESSIONS) {
        meddler.turn(Meddling::Before(session));
        let long = format!("é中'\\\"{}", "x".repeat(60_000));
        // more than one script takes
        let rows = (0..20).map(|row| vec![format!("{n}-{row}").into(), long.as_str().into()]).collect();
        store.commit(Change::new().insert("INSERT INTO sb_kept (id, kept)", rows)).await?;
        let kept = Query::new("SELECT kept FROM sb_kept WHERE kept = ?", vec![long.as_str().into()]);
        let answers = store.read(vec![Query::new(SESSION, Vec::new()), kept]).await?;
        assert_eq!(answers[0][0].text(0)?, OURS, "{session}");
        ensure!(answers[1].len() == 20 * (n + 1), "{session}: {} rows", answers[1].len());
        ensure!(answers[1].iter().all(|row| row.text(0).is_ok_and(|kept| kept == long)), "{session}");
    }
    ensure!(meddler.scripts() >= 3 * SESSIONS.len(), "{} scripts", meddler.scripts());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_hex_is_found_by_its_index() -> Result {
    let (_meddler, _databases, store, _direct) = behind().await?;
    for (table, set) in [("ours", "utf8mb4 COLLATE utf8mb4_bin"), ("general", "utf8mb4"), ("latin", "latin1")] {
        let made = format!("CREATE TABLE {table} (id VARCHAR(64) NOT NULL PRIMARY KEY, kept BLOB) CHARACTER SET {set}");
        let rows = (0..50).map(|n| vec![format!("o'neill é {n}").into(), vec![0xff_u8, n].into()]).collect();
        store.commit(Change::new().run(made, Vec::new())).await?;
        store.commit(Change::new().insert(&format!("INSERT INTO {table} (id, kept)"), rows)).await?;
        let key = || vec![Value::from("o'neill é 7")];
        let answers = store
            .read(vec![
                Query::new(format!("EXPLAIN SELECT kept FROM {table} WHERE id = ?"), key()),
                Query::over(format!("EXPLAIN SELECT kept FROM {table} WHERE id IN ({{}})"), &[], key()),
                Query::new(format!("SELECT kept FROM {table} WHERE id = ?"), key()),
                Query::new(format!("SELECT id FROM {table} WHERE kept = ?"), vec![vec![0xff_u8, 7].into()]),
            ])
            .await?;
        for plan in &answers[..2] {
            ensure!(plan[0].text(3)? == "const" && plan[0].text(5)? == "PRIMARY", "{table}: {plan:?}");
        }
        ensure!(answers[2].len() == 1 && answers[2][0].bytes(0)? == [0xff, 7], "{table}: {answers:?}");
        ensure!(answers[3].len() == 1 && answers[3][0].text(0)? == "o'neill é 7", "{table}: {answers:?}");
    }
    Ok(())
}

/// Who asks for a session is nobody that we know: the name is the attack.
async fn pairings(server: &Server, turn: usize) -> Result<Vec<(String, String)>> {
    let body = Phone::new()?.one_step(server, PASSWORD)?;
    let mut posts = Vec::new();
    for name in hostile() {
        // each is counted for itself
        let user = format!("{turn}{name}").parse::<UserId>()?.segment();
        posts.push((session(&user, &server.sid(&user).await?), body.clone()));
    }
    Ok(posts)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_posted_runs_whatever_the_session() -> Result {
    let home = crate::harness::server::Home::make(Layout::MariadbShared).await?;
    let meddler = Meddler::start(Meddling::Nothing).await?;
    let url = home.databases.store_url.replace(&mariadb()?, &meddler.url()?);
    let server = Builder::over(&url)?.set("sync.refusal_delay", "10ms").start().await?;
    everything(&server).await?;
    let client = customer(&server, "1000", json!({})).await?;
    let direct = home.databases.store()?;
    let mut accepted = 0;
    for (turn, session) in SESSIONS.into_iter().enumerate() {
        meddler.turn(Meddling::Instead(session));
        crowd(&[&server], pairings(&server, turn).await?).await?;
        for body in hostile() {
            let message = json!({"to": "+12025550101", "body": body, "metadata": {"note": body}});
            let (status, _) = act(&server, &client, "POST", "/v1/messages", Some(message)).await?;
            accepted += usize::from(status == 202);
        }
        ensure!(!direct.has_table("sb_owned").await?, "{session}: what was posted was run");
    }
    let kept = direct.query("SELECT DISTINCT body FROM sb_message", Vec::new()).await?;
    for row in kept {
        ensure!(hostile().iter().any(|body| row.text(0).is_ok_and(|kept| kept == body)), "kept as {row:?}");
    }
    ensure!(accepted > 0 && meddler.scripts() > 100, "{accepted} of {} scripts", meddler.scripts());
    // and all is well when it is over
    meddler.turn(Meddling::Nothing);
    text_to(&server, &client, "+12025550102", json!({})).await?;
    Ok(())
}

//! `switchboard import sms-proxy`: the older number proxy's database goes on here.

use std::path::PathBuf;

use anyhow::ensure;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{count, import, reaches, summary};
use crate::events::text;
use crate::harness::{Layout, Result, Server, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::route::loopback;
use crate::relay::scene::act_well;
use crate::relay::{Client, client};
use crate::session::consistent;
use crate::session::talk::{ANN, BOB, CID};

/// As SQLAlchemy makes them.
const TABLES: &str = "
    CREATE TABLE virtual_tn (
        id INTEGER, value VARCHAR(18) NOT NULL, session_id VARCHAR(40), PRIMARY KEY (value)
    );
    CREATE TABLE session (
        id VARCHAR(40) NOT NULL, date_created DATETIME, \"virtual_TN\" VARCHAR(18), participant_a VARCHAR(18),
        participant_b VARCHAR(18), expiry_date DATETIME, PRIMARY KEY (id)
    );";

const ONE: &str = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
const OTHER: &str = "1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed";

const ROWS: &str = "
    INSERT INTO virtual_tn VALUES
        (NULL, '12125550100', '9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d'),
        (NULL, '12125550101', '1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed'),
        (NULL, '12125550102', NULL);
    INSERT INTO session VALUES
        ('9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d', '2026-05-01 12:00:00.000000', '12125550100', '14155550101',
         '14155550102', NULL),
        ('1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed', '2026-05-02 12:00:00.000000', '12125550101', '14155550101',
         '14155550103', '2040-01-31 09:00:00.000000');";

/// What is over, and what nobody can go on with.
const BROKEN: &str = "
    INSERT INTO virtual_tn VALUES (NULL, 'no number!', 'broken');
    INSERT INTO session VALUES
        ('over', '2026-05-01 12:00:00.000000', '12125550102', '14155550101', '14155550104', '2026-06-01 12:00:00'),
        ('broken', '2026-05-01 12:00:00.000000', 'no number!', '14155550101', '14155550104', NULL),
        ('alone', '2026-05-01 12:00:00.000000', '12125550102', '14155550101', '14155550101', NULL);";

/// A database of these; its path.
fn older(server: &Server, name: &str, scripts: &[&str]) -> Result<PathBuf> {
    let path = server.builder().path(name);
    Connection::open(&path)?.execute_batch(&scripts.concat())?;
    Ok(path)
}

async fn its_live_sessions_go_on(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let client = client(&server, "100").await?;
    older(&server, "sms_proxy.db", &[TABLES, ROWS])?;
    let words = ["sms-proxy", "sms_proxy.db", "--account", account.as_str(), "--client", client.id.as_str()];

    let dry = import(&server, &[&words[..], &["--dry-run"]].concat(), &[]).await?.well()?;
    for step in ["make the pool number-proxy", "add the number +12125550102", &format!("take session {ONE}")] {
        ensure!(dry.contains(step), "{step}: {dry}");
    }
    for table in ["sb_pool", "sb_number", "sb_session"] {
        ensure!(count(&server, table).await? == "0", "{table}");
    }

    let script = [&words[..], &["--json"]].concat();
    for is_new in [true, false] {
        let of =
            |count: i32| if is_new { json!({"added": count, "known": 0}) } else { json!({"added": 0, "known": count}) };
        let said = import(&server, &script, &[]).await?;
        let done = summary(&said)?;
        ensure!(said.code == Some(0) && done["refused"] == json!([]), "{said:?}");
        ensure!(done["pools"] == of(1) && done["numbers"] == of(3) && done["sessions"] == of(2), "{done}");
        ensure!(count(&server, "sb_session").await? == "2" && count(&server, "sb_participant").await? == "4");
    }
    ensure!(count(&server, "sb_message").await? == "0", "nobody is told");
    ensure!(server.rows("SELECT DISTINCT door FROM sb_session").await? == [["number_proxy"]]);
    consistent(&server).await?;

    let other = act_well(&server, &client.id, "GET", &format!("/v1/sessions/ses_{OTHER}"), None).await?;
    ensure!(text(&other["expires_at"])?.starts_with("2040-01-31T09:00:00"), "{other}");
    ensure!(text(&other["created_at"])?.starts_with("2026-05-02T12:00:00"), "{other}");
    let (first, second) = ("+12125550100", "+12125550101");
    reaches(&server, (ANN, first), (BOB, first)).await?;
    reaches(&server, (BOB, first), (ANN, first)).await?;
    reaches(&server, (ANN, second), (CID, second)).await?;
    reaches(&server, (CID, second), (ANN, second)).await?;
    consistent(&server).await?;
    its_programs_go_on(&server, &client).await
}

/// What knows the older system's ids and its words.
async fn its_programs_go_on(server: &Server, client: &Client) -> Result {
    let url = server.url("/session");
    let listed = server.http.get(&url).header("x-api-key", &client.key).send().await?.text().await?;
    let listed: Value = serde_json::from_str(&listed)?;
    let sessions = listed["sessions"].as_array().cloned().unwrap_or_default();
    let one = sessions.iter().find(|one| one["id"] == ONE).cloned().unwrap_or_default();
    ensure!(listed["total_sessions"] == 2 && one["virtual_tn"] == "12125550100", "{listed}");
    ensure!(one["participant_a"] == "14155550101" && one["date_created"] == "2026-05-01 12:00:00", "{one}");
    let body = json!({ "session_id": ONE }).to_string();
    let ended = server.http.delete(&url).header("x-api-key", &client.key).body(body).send().await?;
    ensure!(ended.status() == 200, "{}", ended.status());
    until("both to be told of the end", async || {
        let told = server.rows("SELECT id FROM sb_message WHERE body LIKE '[YOUR ORG NAME]: %'").await?;
        Ok((told.len() == 2).then_some(()))
    })
    .await?;
    drained(server).await?;
    consistent(server).await
}

async fn what_cannot_be_taken_is_named_and_all_else_is(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    older(&server, "sms_proxy.db", &[TABLES, ROWS, BROKEN])?;
    let words = ["sms-proxy", "sms_proxy.db", "--account", account.as_str()];
    let refused = import(&server, &words, &[]).await?.refusal()?;
    for (what, why) in [
        ("session alone", "the same person"),
        ("number no number!", ""),
        ("session broken", "its number was not taken"),
    ] {
        ensure!(refused.lines().any(|line| line.contains(what) && line.contains(why)), "{what}: {refused}");
    }
    let done = summary(&import(&server, &[&words[..], &["--json"]].concat(), &[]).await?)?;
    ensure!(done["sessions"] == json!({"added": 0, "known": 2}) && done["sessions_over"] == 1, "{done}");
    ensure!(done["refused"].as_array().is_some_and(|refused| refused.len() == 3), "{done}");
    consistent(&server).await
}

/// Later versions have other names, and earlier ones fewer columns.
#[tokio::test(flavor = "multi_thread")]
async fn other_versions_of_it_are_read_too() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let account = loopback(&server).await?;
    let tables = "CREATE TABLE VirtualTN (VALUE TEXT, Session_ID TEXT);
        CREATE TABLE Proxy_Session (ID TEXT, Participant_A INTEGER, Participant_B INTEGER);
        INSERT INTO VirtualTN VALUES ('+12125550100', 'one');
        INSERT INTO Proxy_Session VALUES ('one', 14155550101, 14155550102);";
    older(&server, "later.db", &[tables])?;
    for _ in 0..2 {
        import(&server, &["sms-proxy", "later.db", "--account", &account], &[]).await?.well()?;
        ensure!(count(&server, "sb_session").await? == "1", "its id follows from the older one");
    }
    reaches(&server, (ANN, "+12125550100"), (BOB, "+12125550100")).await?;

    older(&server, "other.db", &["CREATE TABLE user (id INTEGER);"])?;
    let refused = import(&server, &["sms-proxy", "other.db"], &[]).await?.refusal()?;
    ensure!(refused.contains("other.db") && refused.contains("virtual_tn"), "{refused}");
    let refused = import(&server, &["sms-proxy", "nothing.db"], &[]).await?.refusal()?;
    ensure!(refused.contains("nothing.db"), "{refused}");
    Ok(())
}

on_both_engines!(its_live_sessions_go_on, what_cannot_be_taken_is_named_and_all_else_is);

//! Numbers from a file: all of them or none, each wrong line named, and nobody sees any before all are there.

use std::fmt::Write as _;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{act_well, customer, everything, tamper, text_to};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Layout, Result, Server, until};
use crate::operations::command::run;
use crate::{in_foreign_sessions, on_both_engines};

/// An import of the operator that somebody writes, for as long as a test lasts.
pub const HELD: &str = "INSERT INTO sb_number_import \
     (id, client_id, state, total, written, owner, ready_ms, set_ms, created_ms) VALUES \
     (X'0123456789ABCDEF0123456789ABCDEF', X'00000000000000000000000000000001', 'writing', 2, 1, X'F1F2F3F4F5F6F7F8', \
     9000000000000, 0, 0)";

/// Posts a file for a client, or for the operator; status and answer.
pub async fn import(server: &Server, client: Option<&str>, query: &str, file: &str) -> Result<(u16, Value)> {
    let path = format!("/v1/numbers/import{query}");
    let request = server.http.request(Method::POST, server.url(&path)).bearer_auth(ADMIN);
    let request = request.header("content-type", "text/csv").body(file.to_owned());
    let request = match client {
        Some(client) => request.header("switchboard-client", client),
        None => request,
    };
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), serde_json::from_str(&answer.text().await?)?))
}

/// From `+14156000000` on: so many lines behind a head.
pub fn file(count: usize) -> Result<String> {
    let mut file = "number\n".to_owned();
    for at in 0..count {
        writeln!(file, "+1415{}", 6_000_000 + at)?;
    }
    Ok(file)
}

/// What is said of each wrong line.
fn wrong(problem: &Value) -> Vec<String> {
    let said = |line: &Value| {
        let field = line["field"].as_str().map(|field| format!("{field}: ")).unwrap_or_default();
        format!("{}: {field}{}", line["line"], line["detail"].as_str().unwrap_or_default())
    };
    problem["lines"].as_array().into_iter().flatten().map(said).collect()
}

/// Nothing is left of imports but their numbers.
pub async fn settled(server: &Server) -> Result {
    until("the last trace of imports", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_number_import) + \
                   (SELECT COUNT(*) FROM sb_number WHERE import_id IS NOT NULL)";
        Ok((server.rows(sql).await?.concat() == ["0"]).then_some(()))
    })
    .await
}

async fn numbers(server: &Server) -> Result<String> {
    Ok(server.rows("SELECT COUNT(*) FROM sb_number").await?.concat().join(""))
}

async fn a_file_is_taken_as_a_whole(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let pool = act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "all"}))).await?;
    let pool = text(&pool["id"])?;
    let (query, all) = (format!("?account_id={account}&pool_id={pool}"), file(1_000)?);
    let (status, done) = import(&server, Some(&client), &query, &all).await?;
    ensure!(status == 200 && done["added"] == 1_000, "{status} {done}");
    ensure!(numbers(&server).await? == "1001");
    let listed = act_well(&server, &client, "GET", "/v1/numbers?limit=200", None).await?;
    let one = &listed["data"][0];
    ensure!(listed["data"].as_array().is_some_and(|page| page.len() == 200), "{listed}");
    ensure!(
        one["pool_id"] == pool.as_str() && one["country"] == "US" && one["capabilities"] == json!(["sms"]),
        "{one}"
    );
    ensure!(
        one["number"] == "+14156000999" && one["id"] == done["last_number_id"],
        "the last of it is the newest: {one}"
    );
    let filled = act_well(&server, &client, "GET", &format!("/v1/pools/{pool}"), None).await?;
    ensure!(filled["numbers"].as_array().is_some_and(|all| all.len() == 1_000));
    // they can be sent from at once
    text_to(&server, &client, "+14155550101", json!({"from": "+14156000999"})).await?;
    let entry = well(&server, "GET", &format!("/v1/audit?object={}", text(&done["id"])?), None).await?;
    ensure!(entry["data"][0]["action"] == "number.import" && entry["data"][0]["after"] == done, "{entry}");
    settled(&server).await?;

    let (status, problem) = import(&server, Some(&client), &query, &all).await?;
    ensure!(status == 400 && wrong(&problem).len() == 1_000, "{status} {problem}");
    ensure!(wrong(&problem)[0] == "2: number: is there already", "{problem}");
    let (_, problem) = import(&server, None, &format!("?account_id={account}"), "number\n+14156000003\n").await?;
    ensure!(wrong(&problem) == ["2: number: is in use already"], "{problem}");
    let (_, problem) = import(&server, None, &query, "number\n+14157000003\n").await?;
    ensure!(wrong(&problem) == ["2: pool_id: no such pool"], "another client's: {problem}");
    ensure!(numbers(&server).await? == "1001");
    let (status, done) = import(&server, None, "", "number\n").await?;
    ensure!(status == 200 && done["added"] == 0, "{status} {done}");
    settled(&server).await
}

async fn each_wrong_line_is_named_and_nothing_is_taken(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let lines = format!(
        "number,account_id,capabilities,meaning,platform,rate,pool_id,reserved\n\
         +14156000001,{account},sms mms,forward,,10,,true\n\
         +14156000002,{account},fax,,,,,\n\
         +14156000003,acc_00000000000000000000000000000001,,,,,,\n\
         +14156000004,,,,,,,\n\
         +14156000001,{account},,,,,,\n\
         hello world!,{account},,,,,,\n\
         +14156000005,{account},,encrypted,nowhere,,,\n\
         +14156000006,{account},,,,many,,\n\
         +14156000007,{account},,,,,pool_00000000000000000000000000000001,\n\
         +14156000008,{account},,,,,,perhaps\n\
         +15005550100,{account},,,,,,\n\
         +14156000009,{account}\n"
    );
    let (status, problem) = import(&server, None, "", &lines).await?;
    let said = wrong(&problem);
    ensure!(status == 400 && said.len() == 11, "{status} {problem}");
    for (at, begin) in [
        "3: capabilities: must be of",
        "4: account_id: no such account",
        "5: account_id: must name an account",
        "6: is the same number as line 2",
        "7: number: ",
        "8: platform: is not configured",
        "9: rate: must be",
        "10: pool_id: no such pool",
        "11: reserved: must be true or false",
        "12: number: is there already",
        "13: has 2 columns, the first line 8",
    ]
    .into_iter()
    .enumerate()
    {
        ensure!(said[at].starts_with(begin), "{} for {begin}", said[at]);
    }
    ensure!(numbers(&server).await? == "1", "nothing of it was taken");
    ensure!(server.rows("SELECT id FROM sb_number_import").await?.is_empty());
    for (file, begin) in [("", "1: the file is empty"), ("account_id\n", "1: the column `number` is missing")] {
        let (status, problem) = import(&server, None, "", file).await?;
        ensure!(status == 400 && wrong(&problem)[0].starts_with(begin), "{problem}");
    }
    let (status, problem) = import(&server, None, "?account_id=x", "number\n").await?;
    ensure!(status == 400 && problem["field"] == "account_id", "{problem}");
    Ok(())
}

async fn files_are_taken_as_spreadsheets_write_them(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let first = format!(
        "\u{feff}Number;Account_ID;Capabilities;Reserved\r\n\
         \"+1 (415) 600-0001\";{account};\"sms,voice\";FALSE\r\n\
         14156000002 ;{account};SMS;TRUE\r\n;;;\r\n+1.415.600.0003;{account};;\r\n;;;\r\n"
    );
    let second =
        format!("number,account_id,capabilities\n\"+14156000004\",{account},\"sms, mms\"\n\n40404,{account},sms\n,,\n");
    for (file, added) in [(first, 3), (second, 2)] {
        let (status, done) = import(&server, None, "", &file).await?;
        ensure!(status == 200 && done["added"] == added, "{status} {done}");
    }
    let found = server.rows("SELECT address, capabilities, reserved FROM sb_number ORDER BY address").await?;
    let wanted = [
        ["+14156000001", "sms,voice", "0"],
        ["+14156000002", "sms", "1"],
        ["+14156000003", "sms", "0"],
        ["+14156000004", "sms,mms", "0"],
        ["+15005550100", "sms,voice", "0"],
        ["40404", "sms", "0"],
    ];
    ensure!(found == wanted, "{found:?}");
    Ok(())
}

async fn nobody_sees_numbers_before_all_are_there(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let other = json!({"number": "+15005550101", "account_id": account});
    let other = text(&well(&server, "POST", "/v1/numbers", Some(other)).await?["id"])?;
    let held = text(&well(&server, "GET", "/v1/numbers?limit=2", None).await?["data"][1]["id"])?;
    tamper(&server, HELD).await?;
    tamper(
        &server,
        "UPDATE sb_number SET import_id = X'0123456789ABCDEF0123456789ABCDEF' WHERE address = '+15005550100'",
    )
    .await?;
    // whatever changes, all numbers are read again
    well(&server, "PATCH", &format!("/v1/numbers/{other}"), Some(json!({"rate": 1}))).await?;
    let listed = well(&server, "GET", "/v1/numbers", None).await?;
    ensure!(listed["data"].as_array().is_some_and(|all| all.len() == 1), "{listed}");
    let path = format!("/v1/numbers/{held}");
    for (method, body) in [("GET", None), ("PATCH", Some(json!({"rate": 2}))), ("DELETE", None)] {
        let (status, answer) = call(&server, method, &path, body).await?;
        ensure!(status == 404, "{method}: {status} {answer}");
    }
    let again = json!({"number": "+15005550100", "account_id": account});
    ensure!(call(&server, "POST", "/v1/numbers", Some(again)).await?.0 == 409);
    let file = format!("number,account_id\n+15005550100,{account}\n");
    let (status, problem) = import(&server, None, "", &file).await?;
    ensure!(wrong(&problem) == ["2: number: is held by another import, which has not ended"], "{status} {problem}");
    let gone = call(&server, "DELETE", &format!("/v1/accounts/{account}"), None).await?;
    ensure!(gone.0 == 409, "{gone:?}");
    let open = well(&server, "GET", "/v1/number-imports", None).await?;
    ensure!(open["data"][0]["total"] == 2 && open["data"][0]["written"] == 1, "{open}");

    tamper(&server, "UPDATE sb_number_import SET state = 'done', owner = NULL, ready_ms = NULL").await?;
    well(&server, "PATCH", &format!("/v1/numbers/{other}"), Some(json!({"rate": 2}))).await?;
    let listed = well(&server, "GET", "/v1/numbers", None).await?;
    ensure!(listed["data"].as_array().is_some_and(|all| all.len() == 2), "{listed}");
    settled(&server).await?;
    well(&server, "GET", &path, None).await.map(drop)
}

async fn an_exclusive_pool_has_them_once_all_are_there(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let new = json!({"name": "one each", "exclusive": true});
    let pool = text(&well(&server, "POST", "/v1/pools", Some(new)).await?["id"])?;
    let file = "number,reserved\n+14156000001,\n+12126000002,true\n40404,\n";
    let query = format!("?account_id={account}&pool_id={pool}");
    let (status, done) = import(&server, None, &query, file).await?;
    ensure!(status == 200 && done["added"] == 3, "{status} {done}");
    settled(&server).await?;
    let sql = "SELECT n.address, p.area, CASE WHEN p.free_ms IS NULL THEN 'held' ELSE 'free' END \
               FROM sb_pool_number p JOIN sb_number n ON n.id = p.number_id ORDER BY n.address";
    let found = server.rows(sql).await?;
    ensure!(found == [["+12126000002", "212", "held"], ["+14156000001", "415", "free"]], "{found:?}");
    // it becomes exclusive, or shared, with them
    for exclusive in [false, true] {
        let change = json!({ "exclusive": exclusive });
        well(&server, "PATCH", &format!("/v1/pools/{pool}"), Some(change)).await?;
    }
    ensure!(server.rows(sql).await? == found);
    Ok(())
}

on_both_engines!(
    a_file_is_taken_as_a_whole,
    an_exclusive_pool_has_them_once_all_are_there,
    each_wrong_line_is_named_and_nothing_is_taken,
    files_are_taken_as_spreadsheets_write_them,
    nobody_sees_numbers_before_all_are_there,
);

in_foreign_sessions!(files_are_taken_as_spreadsheets_write_them);

#[tokio::test(flavor = "multi_thread")]
async fn files_are_taken_on_the_command_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let account = everything(&server).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    let path = server.builder().path("numbers.csv");
    std::fs::write(&path, file(20)?)?;
    let path = path.display().to_string();
    let said = on(&["number", "import", &path, "--account", &account]).await?.well()?;
    ensure!(said.contains("imported 20 numbers"), "{said}");
    let refused = on(&["number", "import", &path]).await?.refusal()?;
    ensure!(refused.contains("line 2: account_id") && refused.contains("line 21: account_id"), "{refused}");
    std::fs::write(&path, "number\n+12126000001\n")?;
    let said = on(&["number", "import", &path, "--account", &account]).await?.well()?;
    ensure!(said.trim_end().ends_with("imported 1 number"), "{said}");
    let said = on(&["account", "numbers", &account]).await?.well()?;
    ensure!(said.lines().count() == 3 && said.contains("+15105550801") && said.contains("not in use"), "{said}");
    let said = on(&["account", "numbers", &account, "--add"]).await?.well()?;
    ensure!(said.contains("added 3 numbers"), "{said}");
    let said = on(&["account", "numbers", &account]).await?.well()?;
    ensure!(!said.contains("not in use"), "{said}");
    Ok(())
}

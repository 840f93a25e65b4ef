//! Pools: a client's numbers that send together, the same number to the same recipient.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::acts::Shown::{Changed, Gone, Made};
use super::acts::{Act, Scene, act, on};
use super::scene::{self, act_well, customer, everything};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::messages::{person, with};
use crate::on_both_engines;
use crate::snapshots::hold_inline;

/// What is done to a client's pool, in which there is a number already.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    const NUMBER: &str = "/v1/pools/{id}/numbers/{number_id}";
    let pool = scene.post(server, "/v1/pools", json!({"name": "sales"})).await?;
    let pooled = scene.post(server, "/v1/numbers", scene.new_number("+15005550102")).await?;
    scene.act(server, "PUT", &format!("/v1/pools/{pool}/numbers/{pooled}"), None).await?;
    let elsewhere = json!({"id": "5f64ad9e0f2b4c0c8a3a4f6a3a1d2c3b", "name": "proxies", "settings": {"rest": "0s"}});
    Ok(scene.for_client([
        act("POST", "/v1/pools", &[], json!({"name": "other"}), "pool.create", Made),
        act("POST", "/v1/pools/import", &[], elsewhere, "pool.import", Made),
        act("PATCH", "/v1/pools/{id}", &[&pool], json!({"name": "more"}), "pool.change", Changed),
        on(&pool, act("PUT", NUMBER, &[&pool, &scene.number], Value::Null, "pool.put", Changed)),
        on(&pool, act("DELETE", NUMBER, &[&pool, &pooled], Value::Null, "pool.take_out", Changed)),
        act("DELETE", "/v1/pools/{id}", &[&pool], Value::Null, "pool.delete", Gone),
    ]))
}

/// Which of a pool's numbers each of these people would be texted from.
async fn senders(server: &Server, client: &str, pool: &str) -> Result<BTreeMap<String, String>> {
    let mut senders = BTreeMap::new();
    for at in 0..24 {
        let to = person(at);
        let query = format!("/v1/routes/explain?to={}&client={client}&from={pool}", to.replace('+', "%2B"));
        let said = well(server, "GET", &query, None).await?;
        senders.insert(to, said["from"].as_str().context(said.to_string())?.to_owned());
    }
    Ok(senders)
}

/// Of an entry of the log: what was done, to which number, and out of which pool it went, into which.
fn moved(entry: &Value) -> Value {
    let (before, after) = (&entry["before"], &entry["after"]);
    let number = after["id"].as_str().filter(|id| after["number"].is_string() && before["id"] == *id);
    json!([entry["action"], number, before["pool_id"], after["pool_id"]])
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn numbers_of_a_pool_keep_to_their_people(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let made = act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "sales"}))).await?;
    let pool = text(&made["id"])?;
    ensure!(made["name"] == "sales" && made["numbers"] == json!([]), "{made}");
    let path = format!("/v1/pools/{pool}");
    let mut numbers = Vec::new();
    for at in 0..3 {
        let body = json!({"number": format!("+1500555030{at}"), "account_id": account});
        let number = act_well(&server, &client, "POST", "/v1/numbers", Some(body)).await?;
        ensure!(number["pool_id"].is_null(), "{number}");
        let id = text(&number["id"])?;
        act_well(&server, &client, "PUT", &format!("{path}/numbers/{id}"), None).await?;
        numbers.push(id);
    }
    let fetched = act_well(&server, &client, "GET", &path, None).await?;
    ensure!(fetched["numbers"].as_array().is_some_and(|all| all.len() == 3), "{fetched}");
    let number = act_well(&server, &client, "GET", &format!("/v1/numbers/{}", numbers[0]), None).await?;
    ensure!(number["pool_id"] == pool.as_str(), "{number}");
    let before = senders(&server, &client, &pool).await?;
    ensure!(before == senders(&server, &client, &pool).await?, "the same number for the same recipient");
    let used: std::collections::BTreeSet<&String> = before.values().collect();
    ensure!(used.len() == 3, "{used:?}");
    // who was texted from the one that goes is texted from another; nobody else
    act_well(&server, &client, "DELETE", &format!("{path}/numbers/{}", numbers[1]), None).await?;
    let after = senders(&server, &client, &pool).await?;
    for (to, from) in &before {
        ensure!((from == "+15005550301") == (&after[to] != from), "{to}: {from}, then {}", after[to]);
    }
    let renamed = act_well(&server, &client, "PATCH", &path, Some(json!({"name": "support"}))).await?;
    let left = ["+15005550300", "+15005550302"].map(|number| json!({"id": "num_…", "number": number}));
    let wanted = json!({"id": "pool_…", "name": "support", "numbers": left, "choice": "sticky", "order": "near",
        "exclusive": false, "rest": "1h", "start_text": null, "end_text": null, "ttl": null,
        "intercept_url": null, "out_of_session_url": null, "hook_format": "json", "created_at": "(time)"});
    hold_inline(&["Pool", "PoolNumber"], &renamed, &wanted)?;
    let listed = act_well(&server, &client, "GET", "/v1/pools", None).await?;
    ensure!(listed["data"][0] == renamed && listed["data"][1].is_null(), "{listed}");

    // it is written down of each number that it came or went, and of no other
    let log = well(&server, "GET", &format!("/v1/audit?object={pool}&limit=100"), None).await?;
    let moves: Vec<Value> = log["data"].as_array().into_iter().flatten().rev().map(moved).collect();
    let put = |number: &String| json!(["pool.put", number, null, pool]);
    let mut all: Vec<Value> = numbers.iter().map(put).collect();
    all.push(json!(["pool.take_out", numbers[1], pool, null]));
    assert_eq!(moves.into_iter().filter(|one| !one[1].is_null()).collect::<Vec<_>>(), all);

    // what is another client's is not there
    let other = customer(&server, "1", json!({})).await?;
    for (method, path) in [
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("PUT", format!("{path}/numbers/{}", numbers[1])),
        ("DELETE", format!("{path}/numbers/{}", numbers[0])),
    ] {
        let body = (method == "PATCH").then(|| json!({"name": "mine"}));
        ensure!(scene::act(&server, &other, method, &path, body).await?.0 == 404, "{method} {path}");
    }
    let theirs = text(&act_well(&server, &other, "POST", "/v1/pools", Some(json!({"name": "x"}))).await?["id"])?;
    let stolen = format!("/v1/pools/{theirs}/numbers/{}", numbers[0]);
    ensure!(scene::act(&server, &other, "PUT", &stolen, None).await?.0 == 404);
    for name in [json!(""), json!("x".repeat(192)), json!(7)] {
        let (status, problem) =
            scene::act(&server, &client, "POST", "/v1/pools", Some(json!({ "name": name }))).await?;
        ensure!(status == 400 && problem["field"] == "name", "{name}: {status} {problem}");
    }

    act_well(&server, &client, "DELETE", &path, None).await?;
    ensure!(scene::act(&server, &client, "GET", &path, None).await?.0 == 404);
    let number = act_well(&server, &client, "GET", &format!("/v1/numbers/{}", numbers[0]), None).await?;
    ensure!(number["pool_id"].is_null(), "a deleted pool lets its numbers go: {number}");
    let message = json!({"to": "+14155550101", "body": "hello", "from": "+15005550300"});
    act_well(&server, &client, "POST", "/v1/messages", Some(message)).await?;
    Ok(())
}

async fn a_pool_says_how_numbers_are_chosen(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "10", json!({})).await?;
    let settings = json!({
        "choice": "avoid_sticky", "order": "any", "exclusive": true, "rest": "0s", "start_text": "Hello.",
        "end_text": "Bye.", "ttl": "36h", "intercept_url": "https://hooks.example.com/a?b=c",
        "out_of_session_url": "https://hooks.example.com/stranger", "hook_format": "form",
    });
    // as long as it may be, in whatever letters
    let name = "ж".repeat(191);
    let new = with(json!({ "name": name }), settings.clone());
    let made = act_well(&server, &client, "POST", "/v1/pools", Some(new)).await?;
    let path = format!("/v1/pools/{}", text(&made["id"])?);
    ensure!(made == act_well(&server, &client, "GET", &path, None).await?, "{made}");
    ensure!(made["name"] == name && made == with(made.clone(), settings), "{made}");
    // what is left out stays, and null takes away
    let change = json!({"choice": "sticky", "start_text": null, "ttl": null, "out_of_session_url": null});
    let changed = act_well(&server, &client, "PATCH", &path, Some(change.clone())).await?;
    ensure!(changed == with(made.clone(), change), "{changed}");
    // what changes nothing is not written down
    let entries = server.rows("SELECT id FROM sb_audit").await?.len();
    let same = json!({"name": name, "choice": "sticky", "rest": "0ms", "ttl": null});
    ensure!(act_well(&server, &client, "PATCH", &path, Some(same)).await? == changed);
    ensure!(server.rows("SELECT id FROM sb_audit").await?.len() == entries);
    for (field, wrong) in [
        ("choice", json!("none")),
        ("order", json!("far")),
        ("exclusive", json!("yes")),
        ("rest", json!("1 hour")),
        ("rest", json!(60)),
        ("start_text", json!("")),
        ("end_text", json!("x".repeat(1601))),
        ("ttl", json!("999ms")),
        ("intercept_url", json!("ftp://hooks.example.com/")),
        ("intercept_url", json!("http://10.0.0.1/")),
        ("out_of_session_url", json!("https://user:pass@hooks.example.com/")),
        ("hook_format", json!("xml")),
    ] {
        let mut body = json!({"name": "b"});
        body[field] = wrong;
        for (method, path) in [("POST", "/v1/pools"), ("PATCH", path.as_str())] {
            let (status, problem) = scene::act(&server, &client, method, path, Some(body.clone())).await?;
            ensure!(status == 400 && problem["field"] == field, "{method} {body}: {status} {problem}");
        }
    }
    ensure!(changed == act_well(&server, &client, "GET", &path, None).await?, "nothing was done by halves");
    Ok(())
}

on_both_engines!(a_pool_says_how_numbers_are_chosen, numbers_of_a_pool_keep_to_their_people);

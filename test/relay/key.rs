//! Keys: what they are made with, taken over by their hashes, changed, revoked on one node and on all.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use switchboard::crypto::hash::sha256_hex;

use super::client::{By, client, key, key_text, loopback, status};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};
use crate::on_both_engines;

async fn a_key_is_made_changed_listed_and_revoked(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let all = format!("/v1/clients/{}/keys", text(&ann["id"])?);
    let plain = key(&server, &ann, json!({})).await?;
    ensure!(plain["scopes"] == json!(["sms", "voice", "whatsapp", "verify", "sessions", "read"]), "{plain}");
    ensure!(plain["rate"] == 0 && plain["sources"] == json!([]) && plain["expires_at"].is_null(), "{plain}");
    let set = json!({
        "name": "shop", "scopes": ["read", "sms", "sms"], "account_id": account, "rate": 60, "sources":
        ["10.1.2.3/8", "192.0.2.7", "2001:db8::/32"], "senders": r"\+1500", "destinations": r"\+237|\+33",
        "expires_at": "2099-01-01T00:00:00Z",
    });
    let made = key(&server, &ann, set).await?;
    let (id, secret) = (text(&made["id"])?, text(&made["key"])?);
    ensure!(made["scopes"] == json!(["sms", "read"]) && made["account_id"] == account.as_str(), "{made}");
    ensure!(made["sources"] == json!(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]), "{made}");
    ensure!(made["senders"] == r"\+1500" && made["destinations"] == r"\+237|\+33" && made["rate"] == 60, "{made}");
    ensure!(made["prefix"] == secret[..12] && made["client_id"] == ann["id"] && made["name"] == "shop", "{made}");
    ensure!(made["expires_at"].as_str().is_some_and(|at| at.starts_with("2099-01-01T00:00:00")), "{made}");
    let listed = well(&server, "GET", &format!("{all}?limit=1"), None).await?;
    ensure!(listed["data"][0]["id"] == id.as_str() && listed["data"][0]["key"].is_null(), "{listed}");
    ensure!(listed["next_cursor"].is_string(), "{listed}");

    let path = format!("{all}/{id}");
    let change = json!({
        "name": "other", "account_id": null, "sources": [], "senders": null, "destinations": null, "expires_at": null,
        "scopes": ["read"], "rate": 0,
    });
    let changed = well(&server, "PATCH", &path, Some(change)).await?;
    for field in ["account_id", "senders", "destinations", "expires_at"] {
        ensure!(changed[field].is_null(), "{field}: {changed}");
    }
    ensure!(changed["scopes"] == json!(["read"]) && changed["name"] == "other", "{changed}");
    assert_eq!(well(&server, "GET", &path, None).await?, changed);
    assert_eq!(status(&server, By::Proxy(&secret), "GET", "/v1/messages").await?, 200);
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 204);
    assert_eq!(status(&server, By::Proxy(&secret), "GET", "/v1/messages").await?, 401, "at once");
    ensure!(well(&server, "GET", &path, None).await?["revoked_at"].is_string());
    for (method, body) in [("DELETE", None), ("PATCH", Some(json!({"name": "x"})))] {
        assert_eq!(call(&server, method, &path, body).await?.0, 404, "it stays revoked");
    }
    Ok(())
}

async fn what_is_wrong_in_a_key_is_named(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let all = format!("/v1/clients/{}/keys", text(&ann["id"])?);
    let one = format!("{all}/{}", text(&key(&server, &ann, json!({})).await?["id"])?);
    for (field, body) in [
        ("scopes", json!({"scopes": ["fax"]})),
        ("scopes", json!({"scopes": []})),
        ("account_id", json!({"account_id": "acc_0000000000000000000000000000000f"})),
        ("account_id", json!({"account_id": "x"})),
        ("sources", json!({"sources": ["ten"]})),
        ("sources", json!({"sources": ["10.0.0.0/33"]})),
        ("senders", json!({"senders": "("})),
        ("destinations", json!({"destinations": "(a{100}){100}(a{100}){100}"})),
        ("destinations", json!({"destinations": "x".repeat(1001)})),
        ("rate", json!({"rate": -1})),
        ("expires_at", json!({"expires_at": "monday"})),
        ("name", json!({"name": "x".repeat(129)})),
    ] {
        for (method, path) in [("POST", &all), ("PATCH", &one)] {
            let (status, problem) = call(&server, method, path, Some(body.clone())).await?;
            ensure!(status == 400 && problem["field"] == field, "{method} {body}: {status} {problem}");
        }
    }
    for sha256 in ["", "12", &"g".repeat(64), &"0".repeat(66)] {
        let (status, problem) = call(&server, "POST", &all, Some(json!({"sha256": sha256}))).await?;
        ensure!(status == 400 && problem["field"] == "sha256", "{status} {problem}");
    }
    // another client's key is not there
    let bob = client(&server, "Bob", json!({})).await?;
    let other = one.replace(&text(&ann["id"])?, &text(&bob["id"])?);
    for (method, body) in [("GET", None), ("PATCH", Some(json!({"name": "x"}))), ("DELETE", None)] {
        assert_eq!(call(&server, method, &other, body).await?.0, 404, "{method}");
    }
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_key WHERE revoked_ms IS NULL").await?.concat(), ["1"]);
    Ok(())
}

async fn old_keys_are_taken_over_by_their_hashes(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let id = text(&ann["id"])?;
    let (one, other, third) = ("sk_live_of_old", "another of old", "ünlike the others");
    let made = key(&server, &ann, json!({"sha256": sha256_hex(one.as_bytes()), "scopes": ["read"]})).await?;
    ensure!(made["key"].is_null() && made["prefix"].is_null(), "{made}");
    let again = json!({"sha256": sha256_hex(one.as_bytes()).to_uppercase()});
    let (refused, problem) = call(&server, "POST", &format!("/v1/clients/{id}/keys"), Some(again)).await?;
    ensure!(refused == 409, "{refused} {problem}");
    let hashes = [sha256_hex(other.as_bytes()), sha256_hex(third.as_bytes())];
    let url = server.url("");
    let words =
        ["key", "import", &id, "--sha256", &hashes[0], "--sha256", &hashes[1], "--scope", "read", "--url", &url];
    let said = server.builder().run(&words).await?;
    ensure!(said.status.success(), "{said:?}");
    // in the words of an older relay: of the only client, or of one that is named
    let (fourth, fifth) = ("a fourth of old", "a fifth of old");
    let import =
        async |words: &[&str]| server.builder().run(&[&["keys", "import", "--url", &url], words].concat()).await;
    let said = import(&["--sha256", &sha256_hex(fourth.as_bytes())]).await?;
    ensure!(said.status.success(), "{said:?}");
    client(&server, "Bob", json!({})).await?;
    let fifth_hash = sha256_hex(fifth.as_bytes());
    let said = import(&["--sha256", &fifth_hash]).await?;
    ensure!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("--client"), "{said:?}");
    let said = import(&["--sha256", &fifth_hash, "--client", &id]).await?;
    ensure!(said.status.success(), "{said:?}");
    for key in [one, other, fourth, fifth] {
        assert_eq!(status(&server, By::Proxy(key), "GET", "/v1/messages").await?, 200, "{key}");
    }
    assert_eq!(status(&server, By::Basic(&text(&ann["sid"])?, third), "GET", "/v1/messages").await?, 200);
    assert_eq!(status(&server, By::Proxy(&hashes[0]), "GET", "/v1/messages").await?, 401, "the hash is no key");
    Ok(())
}

async fn the_last_use_is_written_down(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let used = key_text(&server, &ann, json!({"name": "used"})).await?;
    key(&server, &ann, json!({"name": "unused"})).await?;
    assert_eq!(status(&server, By::Proxy(&used), "GET", "/v1/messages").await?, 200);
    until("the last use", async || {
        let rows = server.rows("SELECT name FROM sb_key WHERE last_used_ms > 0").await?;
        Ok((rows == [["used"]]).then_some(()))
    })
    .await?;
    let keys = well(&server, "GET", &format!("/v1/clients/{}/keys", text(&ann["id"])?), None).await?;
    ensure!(keys["data"][1]["last_used_at"].is_string() && keys["data"][0]["last_used_at"].is_null(), "{keys}");
    Ok(())
}

/// Until a key is answered so, and how long that took.
async fn answered(node: &Server, key: &str, wanted: u16, since: Instant) -> Result<Duration> {
    loop {
        if status(node, By::Proxy(key), "GET", "/v1/messages").await? == wanted {
            return Ok(since.elapsed());
        }
        ensure!(since.elapsed() < Duration::from_secs(10), "not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_nodes_know_within_two_seconds() -> Result {
    let one = Builder::new(Layout::MariadbShared).await?;
    let other = Builder::at(one.home());
    let (one, other) = (one.start().await?, other.start_unseeded().await?);
    let ann = client(&one, "Ann", json!({})).await?;
    let made = key(&one, &ann, json!({})).await?;
    let (secret, since) = (text(&made["key"])?, Instant::now());
    assert_eq!(status(&one, By::Proxy(&secret), "GET", "/v1/messages").await?, 200, "at once where it was made");
    let known = answered(&other, &secret, 200, since).await?;
    let path = format!("/v1/clients/{}/keys/{}", text(&ann["id"])?, text(&made["id"])?);
    assert_eq!(call(&one, "DELETE", &path, None).await?.0, 204);
    let since = Instant::now();
    assert_eq!(status(&one, By::Proxy(&secret), "GET", "/v1/messages").await?, 401, "at once where it was revoked");
    let refused = answered(&other, &secret, 401, since).await?;
    println!("another node knew a key after {known:?}, refused it after {refused:?}");
    ensure!(known < Duration::from_secs(2) && refused < Duration::from_secs(2), "{known:?}, {refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_keys_are_managed_from_the_command_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let run = async |words: &[&str]| -> Result<String> {
        let said = server.builder().run(&[words, &["--url", &url]].concat()).await?;
        ensure!(said.status.success(), "{words:?}: {said:?}");
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    };
    let added = run(&["client", "add", "Ann", "--email", "a@b.c", "--balance", "5", "--low-at", "1", "--json"]).await?;
    let added: serde_json::Value = serde_json::from_str(&added)?;
    let id = text(&added["id"])?;
    ensure!(added["balance"] == "5.0000" && added["email"] == "a@b.c", "{added}");
    let secret = run(&["key", "add", &id, "--scope", "read", "--source", "127.0.0.0/8", "--rate", "9"]).await?;
    let secret = secret.trim();
    assert_eq!(status(&server, By::Bearer(secret), "GET", "/v1/messages").await?, 200);
    let keys = well(&server, "GET", &format!("/v1/clients/{id}/keys"), None).await?;
    let key = text(&keys["data"][0]["id"])?;
    run(&["key", "change", &id, &key, "--source", "", "--name", "mine"]).await?;
    let listed = run(&["key", "list", &id]).await?;
    ensure!(listed.contains("mine") && listed.contains(&secret[..12]) && !listed.contains(secret), "{listed}");
    run(&["key", "revoke", &id, &key]).await?;
    assert_eq!(status(&server, By::Bearer(secret), "GET", "/v1/messages").await?, 401);
    run(&["client", "change", &id, "--email", "", "--name", "Anna", "--low-at", ""]).await?;
    ensure!(well(&server, "GET", &format!("/v1/clients/{id}"), None).await?["low_at"].is_null());
    let token = run(&["client", "token", &id]).await?;
    ensure!(token.contains("auth token"), "{token}");
    let shown = run(&["client", "show", &id]).await?;
    ensure!(shown.contains("Anna") && !shown.contains("a@b.c") && shown.contains("5.0000"), "{shown}");
    run(&["client", "delete", &id]).await?;
    ensure!(run(&["client", "list"]).await?.contains("inactive"));
    let audit = run(&["audit", "--object", &id]).await?;
    for action in ["client.create", "client.change", "client.token", "client.delete"] {
        ensure!(audit.contains(action), "{action}: {audit}");
    }
    ensure!(!audit.contains(ADMIN) && !audit.contains("key.create"), "{audit}");
    Ok(())
}

/// With an underscore, and 48 hex digits behind it.
async fn a_key_handed_out_before_stays_valid(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let older = format!("sbkey_{}", "0123456789abcdef".repeat(3));
    // stored as each key is: by a keyed hash of this
    let imported = key(&server, &ann, json!({"sha256": sha256_hex(older.as_bytes())})).await?;
    let (client_sid, key_sid) = (text(&ann["sid"])?, text(&imported["id"])?.replacen("key_", "SK", 1));
    for by in [By::Proxy(&older), By::Bearer(&older), By::Basic(&client_sid, &older), By::Basic(&key_sid, &older)] {
        assert_eq!(status(&server, by, "GET", "/v1/messages").await?, 200);
    }
    Ok(())
}

on_both_engines!(
    a_key_handed_out_before_stays_valid,
    a_key_is_made_changed_listed_and_revoked,
    what_is_wrong_in_a_key_is_named,
    old_keys_are_taken_over_by_their_hashes,
    the_last_use_is_written_down,
);

//! Changes that meet: nobody takes back what another has set, and what is written is said to be written.

use anyhow::ensure;
use serde_json::json;

use super::client::{By, client, key, key_text, loopback, status};
use super::scene::tamper;
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

async fn changes_of_a_client_at_once_all_stay(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for round in 0..8 {
        let made = client(&server, "Ann", json!({"company": "Example Ltd"})).await?;
        let path = format!("/v1/clients/{}", text(&made["id"])?);
        let change = |body| call(&server, "PATCH", &path, Some(body));
        let done = futures_util::future::join_all([
            change(json!({"notes": "n"})),
            change(json!({"email": "a@example.com"})),
            change(json!({"name": "Anna"})),
            change(json!({"site": "https://x", "low_at": "1"})),
        ]);
        let (done, (deleted, _)) = {
            let (done, deleted) = tokio::join!(done, call(&server, "DELETE", &path, None));
            (done, deleted?)
        };
        ensure!(deleted == 204, "{deleted}");
        for done in done {
            let (status, answer) = done?;
            ensure!(status == 200, "{status} {answer}");
        }
        let now = well(&server, "GET", &path, None).await?;
        ensure!(now["is_active"] == false, "round {round}: {now}");
        ensure!(now["name"] == "Anna" && now["notes"] == "n" && now["email"] == "a@example.com", "{round}: {now}");
        ensure!(now["site"] == "https://x" && now["company"] == "Example Ltd" && now["low_at"] == "1.0000", "{now}");
    }
    Ok(())
}

async fn changes_of_a_key_at_once_all_stay(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    for round in 0..8 {
        let made = key(&server, &ann, json!({"name": "old", "senders": r"\+1"})).await?;
        let path = format!("/v1/clients/{}/keys/{}", text(&ann["id"])?, text(&made["id"])?);
        let change = |body| call(&server, "PATCH", &path, Some(body));
        let done = futures_util::future::join_all([
            change(json!({"name": "new"})),
            change(json!({"scopes": ["read"]})),
            change(json!({"sources": ["10.0.0.0/8"]})),
            change(json!({"destinations": r"\+237", "rate": 7})),
        ]);
        for done in done.await {
            let (status, answer) = done?;
            ensure!(status == 200, "{status} {answer}");
        }
        let now = well(&server, "GET", &path, None).await?;
        ensure!(now["name"] == "new" && now["scopes"] == json!(["read"]), "round {round}: {now}");
        ensure!(now["sources"] == json!(["10.0.0.0/8"]) && now["senders"] == r"\+1", "round {round}: {now}");
        ensure!(now["destinations"] == r"\+237" && now["rate"] == 7, "round {round}: {now}");
    }
    Ok(())
}

async fn changes_of_a_route_and_of_a_rate_at_once_all_stay(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (account, other) = (loopback(&server).await?, super::scene::unreachable(&server, '7').await?);
    for round in 0..8 {
        let new = json!({"priority": 5, "pattern": r"\+237", "account_id": account, "channel": "sms"});
        let path = format!("/v1/routes/{}", text(&well(&server, "POST", "/v1/routes", Some(new)).await?["id"])?);
        let rate = json!({"channel": "sms", "prefix": format!("237{round}"), "price": "0.01"});
        let rate = format!("/v1/rates/{}", text(&well(&server, "POST", "/v1/rates", Some(rate)).await?["id"])?);
        let change = |path: &str, body| {
            let (server, path) = (&server, path.to_owned());
            async move { call(server, "PATCH", &path, Some(body)).await }
        };
        let done = futures_util::future::join_all([
            change(&path, json!({"priority": 7})),
            change(&path, json!({"pattern": r"\+33"})),
            change(&path, json!({"channel": null})),
            change(&path, json!({"account_id": other})),
            change(&path, json!({"name": "new"})),
            change(&rate, json!({"price": "0.02"})),
            change(&rate, json!({"until": "2100-01-01T00:00:00Z"})),
        ]);
        for done in done.await {
            let (status, answer) = done?;
            ensure!(status == 200, "{status} {answer}");
        }
        let now = well(&server, "GET", &path, None).await?;
        ensure!(now["priority"] == 7 && now["pattern"] == r"\+33" && now["channel"].is_null(), "{round}: {now}");
        ensure!(now["account_id"] == other.as_str() && now["name"] == "new", "round {round}: {now}");
        let now = well(&server, "GET", &rate, None).await?;
        ensure!(now["price"] == "0.0200" && now["until"] == "2100-01-01T00:00:00.000Z", "round {round}: {now}");
    }
    Ok(())
}

async fn what_is_committed_is_no_error_though_it_cannot_be_read_again(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let bad_key = "INSERT INTO sb_key (id, client_id, key_hash, prefix, name, scopes, rate, created_ms, twiml) \
                   VALUES (X'0bad', X'0bad', X'0bad', '', '', '', 0, 0, 'none')";
    let bad_route = "INSERT INTO sb_route (id, priority, pattern, channel, account_id, name, created_ms) \
                     VALUES (X'0bad', 1, '.*', 'fax', X'0bad', '', 0)";
    tamper(&server, bad_key).await?;
    tamper(&server, bad_route).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let path = format!("/v1/clients/{}", text(&ann["id"])?);
    well(&server, "PATCH", &path, Some(json!({"name": "Anna"}))).await?;
    let gone = key(&server, &ann, json!({})).await?;
    let kept = key_text(&server, &ann, json!({})).await?;
    let one = format!("{path}/keys/{}", text(&gone["id"])?);
    well(&server, "PATCH", &one, Some(json!({"name": "new"}))).await?;
    assert_eq!(call(&server, "DELETE", &one, None).await?.0, 204);
    let new = json!({"priority": 5, "pattern": r"\+237", "account_id": account});
    let route = format!("/v1/routes/{}", text(&well(&server, "POST", "/v1/routes", Some(new)).await?["id"])?);
    well(&server, "PATCH", &route, Some(json!({"priority": 6}))).await?;
    assert_eq!(call(&server, "DELETE", &route, None).await?.0, 204);
    let rate = json!({"channel": "sms", "prefix": "237", "price": "0.01"});
    well(&server, "POST", "/v1/rates", Some(rate)).await?;
    // a key that cannot be read keeps no others from being read
    assert_eq!(status(&server, By::Proxy(&kept), "GET", "/v1/messages").await?, 200);
    let gone = text(&gone["key"])?;
    assert_eq!(status(&server, By::Proxy(&gone), "GET", "/v1/messages").await?, 401);
    Ok(())
}

on_both_engines!(
    changes_of_a_client_at_once_all_stay,
    changes_of_a_key_at_once_all_stay,
    changes_of_a_route_and_of_a_rate_at_once_all_stay,
    what_is_committed_is_no_error_though_it_cannot_be_read_again,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_revoked_though_its_last_use_cannot_be_written() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF last_used_ms ON sb_key BEGIN SELECT RAISE(ABORT, 'no'); END";
    tamper(&server, refuse).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let made = key(&server, &ann, json!({})).await?;
    let secret = text(&made["key"])?;
    assert_eq!(status(&server, By::Proxy(&secret), "GET", "/v1/messages").await?, 200);
    let path = format!("/v1/clients/{}/keys/{}", text(&ann["id"])?, text(&made["id"])?);
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 204);
    assert_eq!(status(&server, By::Proxy(&secret), "GET", "/v1/messages").await?, 401);
    Ok(())
}

//! What administrators do is written down: who, what, before, after, from where; and no secret.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client::{By, ask, client, key, key_text, loopback};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Layout, Result, Server, until};
use crate::on_both_engines;

async fn entries(server: &Server, query: &str) -> Result<Vec<Value>> {
    let page = well(server, "GET", &format!("/v1/audit{query}"), None).await?;
    Ok(page["data"].as_array().cloned().unwrap_or_default())
}

async fn every_action_is_written_down(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let ann = client(&server, "Ann", json!({"balance": "1"})).await?;
    let one = format!("/v1/clients/{}", text(&ann["id"])?);
    let made = key(&server, &ann, json!({})).await?;
    let number = json!({"number": "+15005550199", "account_id": account});
    let number = text(&well(&server, "POST", "/v1/numbers", Some(number)).await?["id"])?;
    let endpoint = well(&server, "POST", "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    let (endpoint, secret) = (text(&endpoint["id"])?, text(&endpoint["secret"])?);
    let key_path = format!("{one}/keys/{}", text(&made["id"])?);
    let calls = [
        ("POST", format!("/v1/accounts/{account}/check"), None, "account.check"),
        ("PATCH", format!("/v1/accounts/{account}"), Some(json!({"name": "lo"})), "account.change"),
        ("PATCH", format!("/v1/accounts/{account}"), Some(json!({"credentials": {}})), "account.credentials"),
        ("PATCH", format!("/v1/numbers/{number}"), Some(json!({"rate": 3})), "number.change"),
        ("DELETE", format!("/v1/numbers/{number}"), None, "number.delete"),
        ("PATCH", one.clone(), Some(json!({"name": "Anna"})), "client.change"),
        ("POST", format!("{one}/token"), None, "client.token"),
        ("PATCH", key_path.clone(), Some(json!({"rate": 5})), "key.change"),
        ("DELETE", key_path, None, "key.revoke"),
        ("DELETE", one, None, "client.delete"),
        ("PATCH", format!("/v1/endpoints/{endpoint}"), Some(json!({"description": "x"})), "endpoint.change"),
        ("POST", format!("/v1/endpoints/{endpoint}/rotate"), None, "endpoint.rotate"),
        ("DELETE", format!("/v1/endpoints/{endpoint}"), None, "endpoint.delete"),
        ("PUT", "/v1/opt-outs/+15005550100/+14155550100".into(), Some(json!({"is_out": true})), "opt_out.set"),
    ];
    let mut wanted = vec!["account.add", "number.add", "client.create", "key.create", "number.add", "endpoint.create"];
    for (method, path, body, action) in &calls {
        let (status, answer) = call(&server, method, path, body.clone()).await?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        wanted.push(action);
    }
    // what is read, or refused, is not written
    call(&server, "GET", "/v1/clients", None).await?;
    call(&server, "POST", "/v1/clients", Some(json!({"name": ""}))).await?;
    call(&server, "DELETE", &format!("/v1/numbers/{number}"), None).await?;

    let mut found = entries(&server, "?limit=200").await?;
    found.reverse();
    let actions: Vec<_> = found.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, wanted);
    for entry in &found {
        ensure!(entry["who"] == "config token" && entry["address"] == "127.0.0.1", "{entry}");
        ensure!(entry["at"].is_string() && entry["id"].as_str().is_some_and(|id| id.starts_with("aud_")), "{entry}");
    }
    let of = |action: &str| found.iter().find(|entry| entry["action"] == action).context(action.to_owned());
    let changed = of("client.change")?;
    ensure!(changed["before"]["name"] == "Ann" && changed["after"]["name"] == "Anna", "{changed}");
    ensure!(of("client.create")?["before"].is_null(), "nothing was there before");
    ensure!(of("number.delete")?["after"].is_null() && of("number.delete")?["before"]["rate"] == 3, "{found:?}");
    let revoked = of("key.revoke")?;
    ensure!(revoked["before"]["revoked_at"].is_null() && revoked["after"]["revoked_at"].is_string(), "{revoked}");
    let set = of("opt_out.set")?;
    ensure!(set["object"] == "+15005550100/+14155550100" && set["before"].is_null(), "{set}");
    let all = Value::from(found.clone()).to_string();
    for hidden in [text(&ann["auth_token"])?, text(&made["key"])?, secret, ADMIN.to_owned()] {
        ensure!(!all.contains(&hidden), "{hidden} in {all}");
    }
    Ok(())
}

async fn the_log_is_filtered_and_paged_and_names_who(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let said = server.builder().run(&["admin", "key", "create", "Eve of operations", "--json"]).await?;
    let admin: Value = serde_json::from_slice(&said.stdout)?;
    let eve = text(&admin["key"])?;
    let ann = client(&server, "Ann", json!({})).await?;
    let id = text(&ann["id"])?;
    until("the key to be known", async || {
        let (status, ..) = ask(&server, By::Bearer(&eve), "GET", "/v1/clients", None).await?;
        Ok((status == 200).then_some(()))
    })
    .await?;
    let path = format!("/v1/clients/{id}");
    ask(&server, By::Bearer(&eve), "PATCH", &path, Some(json!({"name": "Anna"}))).await?;
    client(&server, "Bob", json!({})).await?;
    let of_ann = entries(&server, &format!("?object={id}")).await?;
    let actions: Vec<_> = of_ann.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["client.change", "client.create"], "newest first");
    assert_eq!(of_ann[0]["who"], format!("{} Eve of operations", text(&admin["id"])?));

    let at = text(&of_ann[0]["at"])?;
    assert_eq!(entries(&server, &format!("?from={at}")).await?.len(), 2);
    assert_eq!(entries(&server, &format!("?before={at}")).await?.len(), 2, "the key's entry, and Ann's");
    assert_eq!(entries(&server, "?before=2001-01-01T00:00:00Z").await?.len(), 0);
    let page = well(&server, "GET", "/v1/audit?limit=2", None).await?;
    let rest = entries(&server, &format!("?limit=2&cursor={}", text(&page["next_cursor"])?)).await?;
    ensure!(rest.len() == 2 && rest[0]["id"] == of_ann[1]["id"], "{rest:?}");
    ensure!(rest[1]["action"] == "admin_key.create" && rest[1]["object"] == admin["id"], "{rest:?}");
    for bad in ["from=monday", "before=1", "cursor=x", "limit=0"] {
        let (status, problem) = call(&server, "GET", &format!("/v1/audit?{bad}"), None).await?;
        ensure!(status == 400 && problem["field"] == bad.split('=').next().unwrap_or_default(), "{bad}: {problem}");
    }
    Ok(())
}

async fn what_a_client_does_for_itself_is_not_an_administrator_s(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let (sid, token, id) = (text(&ann["sid"])?, text(&ann["auth_token"])?, text(&ann["id"])?);
    let endpoint = || Some(json!({"url": "https://example.com/"}));
    for (by, entries_after) in [(By::Basic(&sid, &token), 1), (By::AdminFor(&id), 2)] {
        let (made, _, answer) = ask(&server, by, "POST", "/v1/endpoints", endpoint()).await?;
        ensure!(made == 201, "{made} {answer}");
        assert_eq!(entries(&server, "").await?.len(), entries_after);
    }
    let key = key_text(&server, &ann, json!({})).await?;
    assert_eq!(ask(&server, By::Proxy(&key), "GET", "/v1/audit", None).await?.0, 403);
    assert_eq!(ask(&server, By::Nobody, "GET", "/v1/audit", None).await?.0, 401);
    Ok(())
}

on_both_engines!(
    every_action_is_written_down,
    the_log_is_filtered_and_paged_and_names_who,
    what_a_client_does_for_itself_is_not_an_administrator_s,
);

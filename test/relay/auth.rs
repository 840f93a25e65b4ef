//! Who asks, by what, and what each may do; what is another client's is not there.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client::{By, TO, ask, client, key, key_text, loopback, now_ms, status};
use crate::events::{text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};
use crate::messages::with;
use crate::on_both_engines;

const OPERATOR_AC: &str = "AC00000000000000000000000000000001";

async fn every_way_in_is_known_and_no_other(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (ann, bob) = (client(&server, "Ann", json!({})).await?, client(&server, "Bob", json!({})).await?);
    let made = key(&server, &ann, json!({})).await?;
    let (secret, key_sid) = (text(&made["key"])?, text(&made["sid"])?);
    let (sid, token, other) = (text(&ann["sid"])?, text(&ann["auth_token"])?, text(&bob["sid"])?);
    let good = [
        By::Bearer(ADMIN),
        By::Proxy(&secret),
        By::Bearer(&secret),
        By::Basic(&sid, &secret),
        By::Basic(&sid, &token),
        By::Basic(&key_sid, &secret),
    ];
    for (n, by) in good.into_iter().enumerate() {
        assert_eq!(status(&server, by, "GET", "/v1/messages").await?, 200, "way {n}");
    }
    let longer = format!("{secret}0");
    let bad = [
        By::Nobody,
        By::Proxy("invalid_key"),
        By::Proxy(""),
        By::Proxy(&longer),
        By::Proxy(ADMIN),
        By::Bearer(&token),
        By::Proxy(&token),
        By::Basic(&sid, ""),
        By::Basic(&sid, ADMIN),
        By::Basic(&other, &secret),
        By::Basic(&other, &token),
        By::Basic(&key_sid, &token),
        By::Basic(OPERATOR_AC, ""),
        By::Basic(OPERATOR_AC, ADMIN),
        By::Basic("AC", &secret),
        By::Basic("admin", ADMIN),
    ];
    for (n, by) in bad.into_iter().enumerate() {
        for (method, path) in [("GET", "/v1/messages"), ("POST", "/v1/messages"), ("GET", "/v1/clients")] {
            let (status, headers, _) = ask(&server, by, method, path, None).await?;
            ensure!(status == 401 && headers.contains_key("www-authenticate"), "way {n}: {method} {path}: {status}");
        }
    }
    Ok(())
}

async fn a_key_may_do_what_its_scopes_say(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let ann = client(&server, "Ann", json!({"balance": "1"})).await?;
    let (sid, token) = (text(&ann["sid"])?, text(&ann["auth_token"])?);
    let sms = key_text(&server, &ann, json!({"scopes": ["sms"], "account_id": account})).await?;
    let read = key_text(&server, &ann, json!({"scopes": ["read"], "account_id": account})).await?;
    let later = switchboard::model::rfc3339(now_ms() + 600_000);
    let order = || Some(json!({"to": TO, "body": "hello", "send_at": later}));
    let (sent, _, message) = ask(&server, By::Proxy(&sms), "POST", "/v1/messages", order()).await?;
    ensure!(sent == 202 && message["cost"] == "0.0075", "{sent} {message}");
    assert_eq!(ask(&server, By::Proxy(&read), "POST", "/v1/messages", order()).await?.0, 403);
    let one = format!("/v1/messages/{}", text(&message["id"])?);
    let lists = ["/v1/numbers", "/v1/endpoints", "/v1/events", "/v1/event-types", "/v1/opt-outs"];
    for path in ["/v1/messages", &one].into_iter().chain(lists) {
        assert_eq!(status(&server, By::Proxy(&read), "GET", path).await?, 200, "{path}");
        assert_eq!(status(&server, By::Proxy(&sms), "GET", path).await?, 403, "{path}");
    }
    assert_eq!(status(&server, By::Proxy(&read), "DELETE", &one).await?, 403);
    assert_eq!(status(&server, By::Proxy(&sms), "DELETE", &one).await?, 200);
    let empty = Some(json!({"body": ""}));
    assert_eq!(ask(&server, By::Proxy(&read), "PATCH", &one, empty.clone()).await?.0, 403);
    assert_eq!(ask(&server, By::Proxy(&sms), "PATCH", &one, empty).await?.0, 200);
    // how a client is served is its owner's to change
    let all = key_text(&server, &ann, json!({})).await?;
    let endpoint = Some(json!({"url": "https://example.com/"}));
    assert_eq!(ask(&server, By::Proxy(&all), "POST", "/v1/endpoints", endpoint.clone()).await?.0, 403);
    let (made, _, kept) = ask(&server, By::Basic(&sid, &token), "POST", "/v1/endpoints", endpoint).await?;
    ensure!(made == 201, "{made} {kept}");
    let kept = format!("/v1/endpoints/{}", text(&kept["id"])?);
    assert_eq!(status(&server, By::Proxy(&all), "DELETE", &kept).await?, 403);
    assert_eq!(status(&server, By::Proxy(&all), "GET", "/v1/endpoints/callback-secret").await?, 403);
    assert_eq!(status(&server, By::Basic(&sid, &token), "GET", "/v1/endpoints/callback-secret").await?, 200);
    // what administrators do is theirs alone, whatever a client shows
    for (method, path) in [
        ("GET", "/v1/accounts"),
        ("POST", "/v1/accounts"),
        ("GET", "/v1/clients"),
        ("POST", "/v1/clients"),
        ("GET", "/v1/audit"),
        ("POST", "/v1/numbers"),
        ("GET", "/v1/lookup/+14155550100"),
        ("GET", "/v1/users/111/devices"),
        ("GET", "/metrics"),
    ] {
        for by in [By::Proxy(&all), By::Bearer(&all), By::Basic(&sid, &token)] {
            assert_eq!(status(&server, by, method, path).await?, 403, "{method} {path}");
        }
    }
    Ok(())
}

async fn a_key_is_bound_by_time_place_rate_and_pattern(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("http.trusted_proxies", "[\"127.0.0.0/8\"]").start().await?;
    let account = loopback(&server).await?;
    let ann = client(&server, "Ann", json!({"balance": "1"})).await?;
    let get = async |key: &str| status(&server, By::Proxy(key), "GET", "/v1/messages").await;
    let past = key_text(&server, &ann, json!({"expires_at": "2020-01-01T00:00:00Z"})).await?;
    assert_eq!(get(&past).await?, 401);
    let soon = switchboard::model::rfc3339(now_ms() + 700);
    let soon = key_text(&server, &ann, json!({"expires_at": soon})).await?;
    assert_eq!(get(&soon).await?, 200);
    until("the key to expire", async || Ok((get(&soon).await? == 401).then_some(()))).await?;

    let away = key_text(&server, &ann, json!({"sources": ["10.0.0.0/8", "2001:db8::/32"]})).await?;
    assert_eq!(get(&away).await?, 403);
    for (from, wanted) in [("10.1.2.3", 200), ("11.1.2.3", 403), ("2001:db8::7", 200), ("::ffff:10.9.9.9", 200)] {
        let request = server.http.get(server.url("/v1/messages")).header("x-proxy-auth", &away);
        let answer = request.header("x-forwarded-for", from).send().await?;
        assert_eq!(answer.status().as_u16(), wanted, "{from}");
    }

    let slow = key_text(&server, &ann, json!({"rate": 2})).await?;
    assert_eq!((get(&slow).await?, get(&slow).await?), (200, 200));
    let (refused, headers, problem) = ask(&server, By::Proxy(&slow), "GET", "/v1/messages", None).await?;
    ensure!(refused == 429, "{refused} {problem}");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let wait: u64 = header("retry-after").context("no Retry-After")?.parse()?;
    ensure!((1..=31).contains(&wait), "{wait}");
    ensure!(header("ratelimit-limit").as_deref() == Some("2"), "{headers:?}");
    ensure!(header("ratelimit-remaining").as_deref() == Some("0"), "{headers:?}");
    ensure!(header("ratelimit-reset") == header("retry-after"), "{headers:?}");
    let quick = key_text(&server, &ann, json!({"rate": 2})).await?;
    assert_eq!(get(&quick).await?, 200, "another key has its own");

    let bounds = json!({"account_id": account, "senders": r"\+15005550100$", "destinations": r"\+1415"});
    let bound = key_text(&server, &ann, bounds).await?;
    let send = async |set: Value| -> Result<u16> {
        let order = with(json!({"to": TO, "body": "x"}), set);
        Ok(ask(&server, By::Proxy(&bound), "POST", "/v1/messages", Some(order)).await?.0)
    };
    assert_eq!(send(json!({})).await?, 202);
    assert_eq!(send(json!({"from": "+15005550100"})).await?, 202);
    assert_eq!(send(json!({"to": "+237612345678"})).await?, 403);
    well(&server, "POST", "/v1/numbers", Some(json!({"number": "+15005550199", "account_id": account}))).await?;
    assert_eq!(send(json!({"from": "+15005550199"})).await?, 403);
    Ok(())
}

async fn what_is_another_client_s_is_not_there(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let (ann, bob) = (client(&server, "Ann", json!({"balance": "1"})).await?, client(&server, "Bob", json!({})).await?);
    let ann_id = text(&ann["id"])?;
    let (mine, theirs) = (
        key_text(&server, &ann, json!({"account_id": account})).await?,
        key_text(&server, &bob, json!({"account_id": account})).await?,
    );
    let (bob_sid, bob_token) = (text(&bob["sid"])?, text(&bob["auth_token"])?);
    let order = json!({"to": TO, "body": "mine"});
    let (_, _, message) = ask(&server, By::Proxy(&mine), "POST", "/v1/messages", Some(order.clone())).await?;
    let one = format!("/v1/messages/{}", text(&message["id"])?);
    let number = json!({"number": "+15005550150", "account_id": account});
    let (made, _, number) = ask(&server, By::AdminFor(&ann_id), "POST", "/v1/numbers", Some(number)).await?;
    ensure!(made == 201, "{made} {number}");
    let number = format!("/v1/numbers/{}", text(&number["id"])?);
    let endpoint = json!({"url": "https://example.com/"});
    let (_, _, endpoint) = ask(&server, By::AdminFor(&ann_id), "POST", "/v1/endpoints", Some(endpoint)).await?;
    let endpoint = format!("/v1/endpoints/{}", text(&endpoint["id"])?);
    for path in [&one, &number, &endpoint] {
        for by in [By::Proxy(&mine), By::AdminFor(&ann_id)] {
            assert_eq!(status(&server, by, "GET", path).await?, 200, "{path}");
        }
        for by in [By::Proxy(&theirs), By::Basic(&bob_sid, &bob_token), By::Bearer(ADMIN)] {
            assert_eq!(status(&server, by, "GET", path).await?, 404, "{path}");
        }
    }
    assert_eq!(status(&server, By::Proxy(&theirs), "DELETE", &one).await?, 404);
    assert_eq!(ask(&server, By::Proxy(&theirs), "PATCH", &one, Some(json!({"body": ""}))).await?.0, 404);
    assert_eq!(status(&server, By::Basic(&bob_sid, &bob_token), "DELETE", &endpoint).await?, 404);
    for path in ["/v1/messages", "/v1/numbers", "/v1/endpoints"] {
        let (_, _, list) = ask(&server, By::Proxy(&theirs), "GET", path, None).await?;
        ensure!(list["data"] == json!([]), "{path}: {list}");
        let (_, _, list) = ask(&server, By::Proxy(&mine), "GET", path, None).await?;
        ensure!(list["data"].as_array().is_some_and(|all| all.len() == 1), "{path}: {list}");
    }
    // a client does not learn which accounts carry what it sends
    let (_, _, shown) = ask(&server, By::Proxy(&mine), "GET", &number, None).await?;
    ensure!(shown["account_id"].is_null(), "{shown}");
    until("an attempt", async || {
        let (_, _, shown) = ask(&server, By::Proxy(&mine), "GET", &one, None).await?;
        let attempts = shown["attempts"].as_array().cloned().unwrap_or_default();
        ensure!(attempts.iter().all(|attempt| attempt["account_id"].is_null()), "{shown}");
        Ok((!attempts.is_empty()).then_some(()))
    })
    .await?;
    // nobody sends for another by naming it
    let request = server.http.post(server.url("/v1/messages")).header("x-proxy-auth", &theirs);
    let answer = request.header("switchboard-client", &ann_id).body(order.to_string()).send().await?;
    assert_eq!(answer.status(), 402, "it is Bob who has no money");
    for unknown in ["x", "cli_0000000000000000000000000000000f"] {
        assert_eq!(status(&server, By::AdminFor(unknown), "GET", "/v1/messages").await?, 400);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn good_keys_are_not_counted_by_address_and_guesses_are() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("http.requests_per_address", 8).start().await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let (sid, token) = (text(&ann["sid"])?, text(&ann["auth_token"])?);
    let good = key_text(&server, &ann, json!({})).await?;
    for _ in 0..20 {
        assert_eq!(status(&server, By::Proxy(&good), "GET", "/v1/messages").await?, 200);
        assert_eq!(status(&server, By::Basic(&sid, &token), "GET", "/v1/messages").await?, 200);
    }
    let mut statuses = Vec::new();
    for guess in 0..6 {
        statuses.push(status(&server, By::Proxy(&format!("guess {guess}")), "GET", "/v1/messages").await?);
        statuses.push(status(&server, By::Basic(&sid, &format!("guess {guess}")), "GET", "/v1/messages").await?);
    }
    assert_eq!(statuses, [&[401; 8][..], &[429; 4]].concat());
    assert_eq!(
        status(&server, By::Proxy(&good), "GET", "/v1/messages").await?,
        429,
        "the right one looks no different"
    );
    Ok(())
}

on_both_engines!(
    every_way_in_is_known_and_no_other,
    a_key_may_do_what_its_scopes_say,
    a_key_is_bound_by_time_place_rate_and_pattern,
    what_is_another_client_s_is_not_there,
);

//! `/v1/users/<uid>/devices` and `/v1/devices/<id>`: what an administrator sees of paired
//! phones, and how one is revoked.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::crypto::SharedKey;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::play::{self, Answer, NOBODY, Written};
use crate::harness::server::Builder;
use crate::harness::{ADMIN, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{in_foreign_sessions, on_both_engines, on_every_layout};

const LIST: &str = "/v1/users/111/devices";

async fn ask(server: &Server, method: Method, path: &str) -> Result<Answer> {
    Answer::to(server.http.request(method, server.url(path)).bearer_auth(ADMIN)).await
}

async fn list(server: &Server, path: &str) -> Result<Value> {
    let answer = ask(server, Method::GET, path).await?;
    ensure!(answer.status == 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

fn devices(list: &Value) -> Result<Vec<Value>> {
    Ok(list["data"].as_array().context("no data")?.clone())
}

fn id(device: &Value) -> Result<String> {
    Ok(device["id"].as_str().context("no id")?.to_owned())
}

/// Devices of a user, oldest first; ids are ordered by the millisecond, so each gets its own.
async fn pair(server: &Server, user: &str, count: usize) -> Result<Vec<SharedKey>> {
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.push(Phone::new()?.pair(server, user, &server.sid(user).await?).await?);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(keys)
}

/// An error as RFC 9457 has it.
fn is_problem(answer: &Answer, status: u16) -> Result {
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{answer:?}");
    let problem = answer.json()?;
    // bad input is told with the name of its field
    let keys: Vec<&str> = play::keys(&problem).into_iter().filter(|key| *key != "field").collect();
    assert_eq!(keys, ["detail", "status", "title", "type"]);
    assert_eq!(problem["status"], status);
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    Ok(())
}

async fn a_user_s_devices_are_listed_newest_first(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.users(1).start().await?;
    let begun = OffsetDateTime::now_utc() - Duration::from_secs(1);
    let first = pair(&server, USER, 1).await?.remove(0);
    pair(&server, "load-000001", 1).await?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    let (_, answer) = play::try_two_step(&server, USER, &sid, PASSWORD).await?;
    let second = Phone::new()?.open(&answer)?;

    let listed = list(&server, LIST).await?;
    assert_eq!(play::keys(&listed), ["data", "next_cursor"]);
    assert_eq!(listed["next_cursor"], Value::Null);
    let found = devices(&listed)?;
    assert_eq!(found.len(), 2, "{found:?}");
    for (device, (key, flavour)) in found.iter().zip([(&second, "two-step"), (&first, "one-step")]) {
        assert_eq!(play::keys(device), ["fingerprint", "flavour", "id", "paired_at", "revoked_at", "user_id"]);
        assert_eq!(device["fingerprint"], key.fingerprint());
        assert_eq!((&device["flavour"], &device["user_id"]), (&json!(flavour), &json!(USER)));
        assert_eq!(device["revoked_at"], Value::Null);
        let hex = id(device)?.strip_prefix("dev_").context("another prefix")?.to_owned();
        assert!(hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()), "{hex}");
        let paired_at = OffsetDateTime::parse(device["paired_at"].as_str().context("no time")?, &Rfc3339)?;
        assert!(paired_at > begun && paired_at <= OffsetDateTime::now_utc());
    }
    assert_eq!(devices(&list(&server, "/v1/users/load-000001/devices").await?)?.len(), 1);
    assert_eq!(list(&server, "/v1/users/nobody/devices").await?, json!({"data": [], "next_cursor": null}));
    assert_eq!(ask(&server, Method::GET, "/v1/users/%20Zo%C3%AB%3F/devices").await?.status, 400);
    assert_eq!(devices(&list(&server, "/v1/users/Zo%C3%AB%3F/devices").await?)?.len(), 0);
    Ok(())
}

async fn a_long_list_comes_in_pages(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.users(1).start().await?;
    pair(&server, USER, 5).await?;
    pair(&server, "load-000001", 1).await?;
    let all: Vec<String> = devices(&list(&server, LIST).await?)?.iter().map(id).collect::<Result<_>>()?;
    assert_eq!(all.len(), 5);
    for limit in [1, 2, 5, 200] {
        let (mut seen, mut path, mut pages) = (Vec::new(), format!("{LIST}?limit={limit}"), 0);
        loop {
            let page = list(&server, &path).await?;
            let found = devices(&page)?;
            assert!(found.len() <= limit);
            seen.extend(found.iter().map(id).collect::<Result<Vec<_>>>()?);
            pages += 1;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{LIST}?limit={limit}&cursor={cursor}");
        }
        assert_eq!(seen, all, "in pages of {limit}");
        assert_eq!(pages, all.len().div_ceil(limit), "no empty page at the end");
    }
    // a page goes on where it stopped, though the device that it stopped at was revoked
    assert_eq!(ask(&server, Method::DELETE, &format!("/v1/devices/{}", all[1])).await?.status, 204);
    pair(&server, USER, 1).await?;
    let rest = devices(&list(&server, &format!("{LIST}?cursor={}", all[1])).await?)?;
    assert_eq!(rest.iter().map(id).collect::<Result<Vec<_>>>()?, all[2..]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_page_is_refused() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    pair(&server, USER, 1).await?;
    let device = id(&devices(&list(&server, LIST).await?)?[0])?;
    let (bare, upper) = (device.replace("dev_", ""), device.to_uppercase());
    for cursor in ["", "x", "dev_", "1", &bare, &upper, "msg_00000000000000000000000000000000"] {
        is_problem(&ask(&server, Method::GET, &format!("{LIST}?cursor={cursor}")).await?, 400)?;
    }
    for limit in ["", "0", "201", "-1", "1.5", "many", "99999999999999999999"] {
        is_problem(&ask(&server, Method::GET, &format!("{LIST}?limit={limit}")).await?, 400)?;
    }
    is_problem(&ask(&server, Method::GET, "/v1/users/%20/devices").await?, 400)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_administrator_s_key_opens() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    pair(&server, USER, 1).await?;
    let device = id(&devices(&list(&server, LIST).await?)?[0])?;
    let one = format!("/v1/devices/{device}");
    let keys = [
        None,
        Some(String::new()),
        Some("Bearer".into()),
        Some("Bearer ".into()),
        Some("Bearer wrong".into()),
        Some(format!("Bearer {ADMIN}x")),
        Some(format!("Bearer {}", &ADMIN[1..])),
        Some(format!("Basic {ADMIN}")),
        Some(ADMIN.to_owned()),
        Some(format!("Bearer {}", ADMIN.to_uppercase())),
    ];
    let before = Written::by(&server).await?;
    for key in keys {
        for (method, path) in [(Method::GET, LIST), (Method::DELETE, &one), (Method::DELETE, "/v1/devices/x")] {
            let mut request = server.http.request(method, server.url(path));
            if let Some(key) = &key {
                request = request.header("authorization", key);
            }
            let refused = Answer::to(request).await?;
            is_problem(&refused, 401)?;
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(Written::by(&server).await?, before);
    let spelt = server.http.get(server.url(LIST)).header("authorization", format!("bearer {ADMIN}"));
    assert_eq!(Answer::to(spelt).await?.status, 200, "the scheme's case is free");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_in_the_configuration_nobody_is_administrator() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("admin.token", "").start().await?;
    for key in ["Bearer", "Bearer ", "Bearer test-admin-token", "Bearer dev-admin"] {
        for (method, path) in [(Method::GET, LIST), (Method::DELETE, "/v1/devices/x")] {
            let request = server.http.request(method, server.url(path)).header("authorization", key);
            is_problem(&Answer::to(request).await?, 401)?;
        }
    }
    Ok(())
}

async fn revoking_empties_one_device_s_key_and_no_other(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.users(1).start().await?;
    pair(&server, USER, 3).await?;
    pair(&server, "load-000001", 1).await?;
    let found = devices(&list(&server, LIST).await?)?;
    let (middle, path) = (id(&found[1])?, format!("/v1/devices/{}", id(&found[1])?));
    let rows = "SELECT id, shared_key, revoked_ms, fingerprint FROM sb_device ORDER BY id";
    let before = server.rows(rows).await?;
    assert!(before.iter().all(|row| row[1].len() > 32 && row[2] == "NULL"));

    let revoked = ask(&server, Method::DELETE, &path).await?;
    assert_eq!((revoked.status, revoked.body.as_str()), (204, ""));
    let after = server.rows(rows).await?;
    for (was, is) in before.iter().zip(&after) {
        if format!("dev_{}", is[0]) == middle {
            assert_eq!((is[1].as_str(), &is[3]), ("", &was[3]), "emptied, and still known");
            assert!(is[2].parse::<i64>()? > 1_700_000_000_000);
        } else {
            assert_eq!(was, is);
        }
    }
    // again: the same answer, and nothing new in the store
    assert_eq!(ask(&server, Method::DELETE, &path).await?.status, 204);
    assert_eq!(server.rows(rows).await?, after);

    let listed = devices(&list(&server, LIST).await?)?;
    assert_eq!(listed.len(), 3);
    for (was, is) in found.iter().zip(&listed) {
        assert_eq!((&was["id"], &was["paired_at"]), (&is["id"], &is["paired_at"]));
        assert_eq!(is["revoked_at"].is_string(), is["id"] == json!(middle), "{is}");
    }
    // the user pairs on
    pair(&server, USER, 1).await?;
    assert_eq!(server.fingerprints().await?.len(), 4);
    Ok(())
}

async fn a_device_that_is_none_cannot_be_revoked(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    pair(&server, USER, 1).await?;
    let device = id(&devices(&list(&server, LIST).await?)?[0])?;
    let before = Written::by(&server).await?;
    let last = if device.ends_with('0') { "1" } else { "0" };
    let near = format!("{}{last}", &device[..device.len() - 1]);
    let long = format!("{device}0");
    let unknown = [
        near.as_str(),
        "dev_00000000000000000000000000000000",
        "x",
        "dev_",
        "dev_x",
        &device[4..],
        &long,
        "%20",
        "111",
        &device.to_uppercase(),
        "dev_%27%20OR%201%3D1",
    ]
    .map(str::to_owned);
    for id in unknown {
        is_problem(&ask(&server, Method::DELETE, &format!("/v1/devices/{id}")).await?, 404)?;
    }
    assert_eq!(Written::by(&server).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_which_would_do() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let one = "/v1/devices/dev_00000000000000000000000000000000";
    for (path, allowed) in [(LIST, "GET"), (one, "DELETE")] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::GET] {
            if method.as_str() == allowed {
                continue;
            }
            let refused = ask(&server, method, path).await?;
            is_problem(&refused, 405)?;
            assert_eq!(refused.header("allow"), allowed, "{path}");
        }
    }
    for path in ["/v1/devices", "/v1/users/111", "/v1", "/v1/devices/x/y"] {
        is_problem(&ask(&server, Method::GET, path).await?, 404)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_key_works_under_dev() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("admin.token", "").dev().start().await?;
    pair(&server, USER, 1).await?;
    let asked = Answer::to(server.http.get(server.url(LIST)).bearer_auth("dev-admin")).await?;
    assert_eq!(devices(&asked.json()?)?.len(), 1);
    let unknown = server.http.get(server.url(&format!("/v1/users/{NOBODY}/devices"))).bearer_auth("");
    is_problem(&Answer::to(unknown).await?, 401)
}

on_every_layout!(a_user_s_devices_are_listed_newest_first, revoking_empties_one_device_s_key_and_no_other);
on_both_engines!(a_long_list_comes_in_pages, a_device_that_is_none_cannot_be_revoked);
in_foreign_sessions!(revoking_empties_one_device_s_key_and_no_other);

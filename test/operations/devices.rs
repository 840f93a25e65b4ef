//! `switchboard device list` and `revoke`: an administrator's view of a running server.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde_json::Value;
use switchboard::store::Change;

use super::command::{Said, run};
use crate::harness::port::free_port;
use crate::harness::{Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER, stored};
use crate::on_both_engines;

async fn on(server: &Server, words: &[&str]) -> Result<Said> {
    let url = server.url("");
    run(server.builder(), &[words, &["--url", &url]].concat()).await
}

async fn listed(server: &Server) -> Result<Vec<Value>> {
    let list: Value = serde_json::from_str(&on(server, &["device", "list", USER, "--json"]).await?.well()?)?;
    Ok(list["data"].as_array().context("a list")?.clone())
}

/// Pairs by the command, and returns the fingerprint that it printed.
async fn paired(server: &Server, flavour: &str) -> Result<String> {
    let sid = server.sid(USER).await?;
    let url = server.url(&format!("/v2/sync/users/{USER}/sessions/{sid}/"));
    let pair = ["device", "pair", &url, "--password", PASSWORD, "--flavour", flavour];
    let printed = run(server.builder(), &pair).await?.well()?;
    Ok(printed.trim().rsplit(' ').next().context("a fingerprint")?.to_owned())
}

async fn a_list_shows_what_pair_printed_and_what_was_revoked(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let none = on(&server, &["device", "list", USER]).await?.well()?;
    assert_eq!(none, "user 111 has no devices\n");
    let (first, second) = (paired(&server, "one").await?, paired(&server, "two").await?);
    let text = on(&server, &["device", "list", USER]).await?.well()?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains(&second) && lines[0].contains("two-step") && lines[0].ends_with("live"), "{text}");
    assert!(lines[1].contains(&first) && lines[1].contains("one-step") && lines[1].ends_with("live"), "{text}");
    let devices = listed(&server).await?;
    assert_eq!((&devices[0]["fingerprint"], &devices[1]["fingerprint"]), (&second.into(), &first.clone().into()));
    assert!(lines[1].contains(devices[1]["id"].as_str().context("an id")?), "{text}");

    let mut socket = Socket::of(&server, USER, None).await?;
    socket.code().await?;
    let id = devices[1]["id"].as_str().context("an id")?;
    for _ in 0..2 {
        let said = on(&server, &["device", "revoke", id]).await?.well()?;
        assert_eq!(said, format!("revoked {id}\n"));
    }
    assert_eq!(socket.hear_past_codes().await?, Heard::Closed(4410));
    let devices = listed(&server).await?;
    assert!(devices[0]["revoked_at"].is_null() && devices[1]["revoked_at"].is_string(), "{devices:?}");
    let text = on(&server, &["device", "list", USER]).await?.well()?;
    assert!(text.lines().nth(1).is_some_and(|line| line.contains(&first) && line.contains("revoked 20")), "{text}");
    let keys = server.rows("SELECT shared_key FROM sb_device WHERE revoked_ms IS NOT NULL").await?;
    assert_eq!(keys, [[""]], "its key is gone");
    Ok(())
}

async fn a_long_list_is_read_to_its_end(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    let mut change = Change::new();
    for n in 0..450 {
        let copy = "INSERT INTO sb_device (id, user_id, shared_key, fingerprint, phone_hash, flavour, sync_session_id, \
                    paired_ms) SELECT ?, user_id, shared_key, ?, phone_hash, flavour, sync_session_id, paired_ms \
                    FROM sb_device WHERE fingerprint NOT LIKE 'copy%'";
        change = change.one(copy, vec![stored(&format!("{n:032x}")), format!("copy{n:012x}").into()]);
    }
    server.home().databases.store()?.commit(change).await?;
    let devices = listed(&server).await?;
    let distinct: BTreeSet<&str> = devices.iter().filter_map(|device| device["id"].as_str()).collect();
    assert_eq!((devices.len(), distinct.len()), (451, 451));
    assert_eq!(on(&server, &["device", "list", USER]).await?.well()?.lines().count(), 451);
    Ok(())
}

on_both_engines!(a_list_shows_what_pair_printed_and_what_was_revoked, a_long_list_is_read_to_its_end);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_or_not_allowed_is_told() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let none = "dev_00000000000000000000000000000000";
    let said = on(&server, &["device", "revoke", none]).await?.refusal()?;
    assert!(said.contains("no such device"), "{said}");
    let url = server.url("");
    let stranger = server.builder().clone().set("admin.token", "another-administrator");
    for words in [["device", "list", USER], ["device", "revoke", none]] {
        let said = run(&stranger, &[&words[..], &["--url", &url]].concat()).await?;
        assert!(!said.all().contains("another-administrator"), "{said:?}");
        let said = said.refusal()?;
        assert!(said.contains("401") && said.contains("administrator's key"), "{said}");
    }
    let nobody = format!("http://127.0.0.1:{}", free_port()?);
    let said = run(server.builder(), &["device", "list", USER, "--url", &nobody]).await?.refusal()?;
    assert!(said.contains(&nobody) && said.contains("is the server running there?"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_found_by_the_configuration() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let by_listen = server.builder().clone().set("http.listen", format!("127.0.0.1:{}", server.port));
    run(&by_listen, &["device", "list", USER]).await?.well()?;
    let nowhere = server.builder().clone().set("http.listen", format!("127.0.0.1:{}", free_port()?));
    run(&nowhere, &["device", "list", USER]).await?.refusal()?;
    run(&nowhere.set("http.public_url", server.url("")), &["device", "list", USER]).await?.well()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_takes_the_development_key() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("admin.token", "").dev();
    let server = builder.start_unseeded().await?;
    assert_eq!(on(&server, &["device", "list", USER]).await?.well()?, "user 111 has no devices\n");
    let asked = server.http.get(server.url("/v1/users/111/devices"));
    assert_eq!(asked.bearer_auth("dev-admin").send().await?.status(), 200);
    let without = server.builder().clone();
    drop(server);
    // outside --dev no key means that nobody is the administrator
    let server = Builder::at(without.home()).set("admin.token", "").start().await?;
    for token in ["dev-admin", ""] {
        let asked = server.http.get(server.url("/v1/users/111/devices"));
        assert_eq!(asked.bearer_auth(token).send().await?.status(), 401);
    }
    Ok(())
}

//! What others wrote is shown by every command, and moves nothing on the terminal that shows it.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::command::{Said, run};
use crate::events::{text, well};
use crate::harness::port::free_port;
use crate::harness::{Builder, Layout, Result, Server, until};

/// A title, a cleared screen (in seven bits and in eight), a line of its own, and words that run the other way.
const NASTY: &str =
    "Ann\u{1b}]0;you\u{7}\u{1b}[2J\u{9b}2J\ncli_0  9.0000  active\r\u{85}\u{7f}\u{202e}eve\u{2066}\u{200f}";

async fn on(builder: &Builder, url: &str, words: &[&str]) -> Result<Said> {
    run(builder, &[words, &["--url", url]].concat()).await
}

/// What a terminal would obey, but for ends of lines.
fn harmful(shown: &str) -> Option<char> {
    let is_bidi =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    shown.chars().find(|c| *c != '\n' && (c.is_control() || is_bidi(*c)))
}

/// A server on which everything is called so; the ids of a client and of an event.
async fn furnished() -> Result<(Server, String, String)> {
    let nobody = format!("http://127.0.0.1:{}/", free_port()?);
    let server = Builder::new(Layout::SqliteShared).await?.set("event.allow", "127.0.0.1").start().await?;
    let account = json!({"provider": "loopback", "name": NASTY, "credentials": {}});
    let account = text(&well(&server, "POST", "/v1/accounts", Some(account)).await?["id"])?;
    let number = json!({"number": "+14155550100", "account_id": account});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    let endpoint = json!({"url": nobody, "description": NASTY});
    well(&server, "POST", "/v1/endpoints", Some(endpoint)).await?;
    let client = json!({"name": NASTY, "company": NASTY, "balance": "1"});
    let client = text(&well(&server, "POST", "/v1/clients", Some(client)).await?["id"])?;
    well(&server, "POST", &format!("/v1/clients/{client}/keys"), Some(json!({"name": NASTY}))).await?;
    let credit = json!({"kind": "credit", "amount": "1", "reason": NASTY});
    well(&server, "POST", &format!("/v1/clients/{client}/ledger"), Some(credit)).await?;
    let text = json!({"from": "+14155550123", "to": "+14155550100", "body": NASTY, "carrier": {"ProfileName": NASTY}});
    well(&server, "POST", "/v1/loopback/inbound", Some(text)).await?;
    let event = until("what came in", async || {
        let events = well(&server, "GET", "/v1/events?type=message.received", None).await?;
        Ok(events["data"][0]["id"].as_str().map(str::to_owned))
    })
    .await?;
    Ok((server, client, event))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_what_a_terminal_obeys() -> Result {
    let (server, client, event) = furnished().await?;
    let (builder, url) = (server.builder(), server.url(""));
    for (words, at, items) in [
        (&["client", "list"][..], "/data/0/name", 1),
        (&["client", "show", &client], "/company", 0),
        (&["key", "list", &client], "/data/0/name", 1),
        (&["account", "list"], "/data/0/name", 1),
        (&["endpoint", "list"], "/data/0/description", 1),
        (&["ledger", "show", &client], "/data/0/reason", 2),
        (&["message", "list"], "/data/0/body", 1),
        (&["event", "show", &event], "/data/body", 0),
        (&["event", "show", &event], "/data/carrier/ProfileName", 0),
    ] {
        let shown = on(builder, &url, words).await?.well()?;
        ensure!(shown.contains("Ann") && harmful(&shown).is_none(), "{words:?}: {shown:?}");
        ensure!(items == 0 || shown.lines().count() == items, "{words:?}: {shown:?}");
        ensure!(!shown.lines().any(|line| line.starts_with("cli_0 ")), "{words:?}: {shown:?}");
        // for a script it is escaped as JSON is, and says the same
        let shown = on(builder, &url, &[words, &["--json"]].concat()).await?.well()?;
        ensure!(harmful(&shown).is_none(), "{words:?}: {shown:?}");
        let read: Value = serde_json::from_str(&shown)?;
        assert_eq!(read.pointer(at), Some(&NASTY.into()), "{words:?}");
    }
    for words in [&["audit"][..], &["audit", "--json"], &["event", "list"]] {
        let shown = on(builder, &url, words).await?.well()?;
        ensure!(harmful(&shown).is_none(), "{words:?}: {shown:?}");
    }
    let statement = on(builder, &url, &["ledger", "statement", &client, "--from", "2020-01-01"]).await?.well()?;
    let seen = statement.replace('\r', "");
    ensure!(seen.contains("Ann") && harmful(&seen).is_none(), "{statement:?}");
    Ok(())
}

/// Who answers may be no server of ours: one request with these words. Its URL.
async fn hostile(words: String) -> Result<(String, JoinHandle<Result>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut head = vec![0; 4096];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut head).await?;
            ensure!(read > 0, "no request");
        }
        let length = words.len();
        let answer = format!("HTTP/1.1 400 x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}");
        stream.write_all(answer.as_bytes()).await?;
        // what is left unread would be a reset
        let _ = stream.read_to_end(&mut head).await;
        Ok(())
    });
    Ok((url, server))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_as_harmlessly() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let (url, api) = hostile(json!({ "detail": NASTY }).to_string()).await?;
    let listed = on(&builder, &url, &["client", "list"]).await?.refusal()?;
    let (url, phone) = hostile(NASTY.to_owned()).await?;
    let scanned = format!("{url}/v2/sync/users/111/sessions/0123456789abcdef0123456789abcdef/");
    let paired = run(&builder, &["device", "pair", &scanned, "--password", "secret"]).await?.refusal()?;
    api.await??;
    phone.await??;
    for said in [listed, paired] {
        ensure!(harmful(&said).is_none() && said.lines().count() == 1 && said.contains("400"), "{said:?}");
    }
    Ok(())
}

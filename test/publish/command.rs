//! `device pair --save` and `device send`: a phone in two commands.

use serde_json::Value;

use super::play::{self, SOON};
use super::sink::Sink;
use crate::harness::{Layout, PASSWORD, Result, Server, USER, until};
use crate::on_both_engines;
use crate::operations::command::{Said, run};

async fn send(server: &Server, words: &[&str]) -> Result<Said> {
    let url = server.url("");
    run(server.builder(), &[&["device", "send"], words, &["--url", &url]].concat()).await
}

/// Waits until no text waits for its sink, and counts those taken and those posted.
async fn published(server: &Server, sink: &Sink) -> Result<(String, usize)> {
    until("the end of all jobs", async || {
        let left = server.rows("SELECT COUNT(*) FROM sb_publication WHERE state <> 'published'").await?;
        Ok((left.concat() == ["0"]).then_some(()))
    })
    .await?;
    Ok((server.rows("SELECT COUNT(*) FROM sb_publication").await?.concat().concat(), sink.texts()?.len()))
}

async fn a_phone_paired_by_command_sends_by_command(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    let server = play::builder(layout, &sink).await?.start().await?;
    let code = server.url(&format!("/v2/sync/users/{USER}/sessions/{}/", server.sid(USER).await?));
    let pair = ["device", "pair", &code, "--password", PASSWORD, "--save", "phone.key"];
    run(server.builder(), &pair).await?.well()?;
    let sent = send(&server, &["gmail", "a@example.org:::Subject:Hello", "--key", "phone.key", "--times", "3"]).await?;
    assert_eq!(sent.well()?, "200 OK published!\n".repeat(3));
    let heard = sink.await_heard(1, SOON).await?;
    assert_eq!(heard[0].body["plaintext"], "g:a@example.org:::Subject:Hello");
    assert_eq!(published(&server, &sink).await?, ("1".into(), 1), "once, though posted three times");

    let sent = send(&server, &["Twitter", "hello", "--key", "phone.key", "--json"]).await?.well()?;
    let sent: Value = serde_json::from_str(&sent)?;
    assert_eq!((&sent["status"], &sent["body"]), (&200.into(), &"published!".into()));
    // what it printed is what went out
    assert_eq!(play::post(&server, sent["text"].as_str().unwrap_or_default()).await?.0, 200);
    let heard = sink.await_heard(2, SOON).await?;
    assert_eq!((heard[1].body["plaintext"].as_str(), heard.len()), (Some("t:hello"), 2));
    assert_eq!(published(&server, &sink).await?, ("2".into(), 2));

    let refused = send(&server, &["twitter", "hello", "--key", "phone.key", "--phone", "+237999999999"]).await?;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), "400 Bad Request message cannot be published\n"));
    for (words, expected) in [
        (["facebook", "hello", "--key", "phone.key"], "gmail, twitter, telegram"),
        (["twitter", "hello", "--key", "absent.key"], "absent.key"),
        (["twitter", "hello", "--key", "keys/master.key"], "device pair --save"),
    ] {
        let said = send(&server, &words).await?.refusal()?;
        assert!(said.contains(expected), "{said}");
    }
    Ok(())
}

on_both_engines!(a_phone_paired_by_command_sends_by_command);

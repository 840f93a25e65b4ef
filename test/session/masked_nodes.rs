//! Texts in sessions on two nodes, in the operator's own, at numbers that lose what they could, and page by page.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::talk::{ANN, BOB, Talk};
use super::{made, number_of, path, pool};
use crate::events::receiver::Receiver;
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::{self, settled};
use crate::on_both_engines;

/// Pairs of people that talk at once.
const TALKS: usize = 12;

async fn what_two_begin_on_two_nodes_is_told_once(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let builder = Builder::new(layout).await?.set("event.allow", "127.0.0.1");
    let talk = Talk::of(builder, 1).await?;
    let listener = json!({"url": receiver.url("/"), "event_types": ["session.in_progress"]});
    talk.well("POST", "/v1/endpoints", Some(listener)).await?;
    let number = talk.numbers[0].clone();
    let people: Vec<(String, String)> =
        (0..TALKS).map(|nth| (format!("+1415556{nth:04}"), format!("+1415557{nth:04}"))).collect();
    for (one, other) in &people {
        talk.hold(&[(one.as_str(), "one"), (other.as_str(), "other")], json!({})).await?;
    }
    let node = Builder::at(talk.server.home()).start_unseeded().await?;
    for (one, other) in &people {
        let (first, second) = tokio::join!(
            play::text(&talk.server, one, &number, "hello"),
            play::text(&node, other, &number, "hello, too"),
        );
        ensure!(first? != second?, "each is a text of its own");
    }
    settled(&talk.server).await?;
    let told = talk.server.rows("SELECT COUNT(*) FROM sb_event WHERE type = 'session.in_progress'").await?;
    assert_eq!(told, [[TALKS.to_string()]], "once of each");
    let copies = talk.server.rows("SELECT COUNT(*) FROM sb_message WHERE direction = 'outbound'").await?;
    assert_eq!(copies, [[(2 * TALKS).to_string()]]);
    let said = talk.server.rows("SELECT COUNT(*) FROM sb_interaction WHERE reason IS NULL").await?;
    assert_eq!(said, copies);
    Ok(())
}

async fn the_operators_own_session_costs_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    let session = made(&server, &pool, &[ANN, BOB], json!({})).await?;
    play::text(&server, ANN, &number_of(&session, ANN)?, "hello").await?;
    settled(&server).await?;
    let listed = well(&server, "GET", &format!("{}/interactions", path(&session)?), None).await?;
    ensure!(listed["data"][0]["reason"].is_null() && listed["data"][0]["body"] == "hello", "{listed}");
    assert!(server.rows("SELECT id FROM sb_ledger").await?.is_empty());
    Ok(())
}

async fn a_number_that_cannot_text_any_more_passes_nothing_on(layout: Layout) -> Result {
    let talk = Talk::start(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let listed = talk.well("GET", "/v1/numbers", None).await?;
    let number = format!("/v1/numbers/{}", text(&listed["data"][0]["id"])?);
    talk.well("PATCH", &number, Some(json!({"capabilities": ["voice"]}))).await?;
    talk.say(&held, ANN, "hello").await?;
    let said = talk.said(&held).await?;
    ensure!(said.len() == 1 && said[0]["reason"] == "number" && said[0]["status"] == "failed", "{said:?}");
    assert_eq!(talk.paid().await?, "0");
    talk.well("PATCH", &number, Some(json!({"capabilities": ["sms", "voice"]}))).await?;
    talk.say(&held, ANN, "hello again").await?;
    assert_eq!(talk.bodies(BOB).await?, ["hello again"]);
    talk.end().await
}

async fn what_was_said_is_listed_page_by_page(layout: Layout) -> Result {
    let talk = Talk::start(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    for body in ["one", "two", "three", "four", "five"] {
        talk.say(&held, ANN, body).await?;
    }
    let (mut bodies, mut ids, mut cursor) = (Vec::new(), BTreeSet::new(), String::new());
    loop {
        let path = format!("{}/interactions?limit=2{cursor}", held.path()?);
        let page = talk.well("GET", &path, None).await?;
        for one in page["data"].as_array().context("no data")? {
            bodies.push(text(&one["body"])?);
            ids.insert(text(&one["id"])?);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(bodies, ["five", "four", "three", "two", "one"]);
    assert_eq!(ids.len(), 5, "each once");
    talk.end().await
}

on_both_engines!(
    what_two_begin_on_two_nodes_is_told_once,
    the_operators_own_session_costs_nothing,
    a_number_that_cannot_text_any_more_passes_nothing_on,
    what_was_said_is_listed_page_by_page,
);

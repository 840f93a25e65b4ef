//! Texts that are on their way while their session changes, or that two nodes handle: who was in it when they came in hears
//! them, once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use switchboard::model::InboundId;
use switchboard::store::Change;

use super::masked_edge::AGAIN;
use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::harness::{Builder, Layout, Result, until};
use crate::inbound::play::{self, end_leases, settled};
use crate::on_both_engines;
use crate::relay::client::now_ms;
use crate::relay::scene::tamper;

/// The only text so far comes again, as if it had not been handled since.
async fn again(talk: &Talk) -> Result {
    let late = Change::new().run(AGAIN, vec![InboundId::new(now_ms()).into()]);
    talk.server.home().databases.store()?.commit(late).await?;
    settled(&talk.server).await
}

async fn who_leaves_or_comes_meanwhile_hears_what_came_in_while_they_were_there(layout: Layout) -> Result {
    let talk = Talk::start(layout, 4).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    talk.say(&held, ANN, "all of you").await?;
    talk.well("DELETE", &format!("{}/participants/{}", held.path()?, held.id(CID)?), None).await?;
    talk.well("POST", &format!("{}/participants", held.path()?), Some(json!({"address": DOT}))).await?;
    again(&talk).await?;
    assert_eq!((talk.bodies(BOB).await?.len(), talk.bodies(CID).await?.len()), (2, 2), "he was there");
    assert!(talk.bodies(DOT).await?.is_empty(), "and she was not yet");
    talk.say(&held, ANN, "those who are left").await?;
    assert_eq!((talk.bodies(BOB).await?.len(), talk.bodies(CID).await?.len()), (3, 2));
    assert_eq!(talk.bodies(DOT).await?, ["those who are left"]);
    talk.end().await
}

async fn a_text_that_came_in_before_its_session_ran_out_is_passed_on(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"ttl": "1h"})).await?;
    talk.say(&held, ANN, "in time").await?;
    tamper(&talk.server, "UPDATE sb_session SET expires_ms = 1").await?;
    until("its end", async || Ok((talk.state(&held).await?["state"] == "closed").then_some(()))).await?;
    again(&talk).await?;
    assert_eq!(talk.bodies(BOB).await?, ["in time", "in time"]);
    talk.say(&held, BOB, "too late").await?;
    assert!(talk.bodies(ANN).await?.is_empty());
    let now = talk.state(&held).await?;
    assert_eq!((&now["state"], &now["reason"]), (&json!("closed"), &json!("expired")), "and it stays over");
    talk.end().await
}

/// Pairs of people that talk at once, and texts of each.
const TALKS: usize = 10;
const TEXTS: usize = 4;

/// A node takes texts for its own that the other is at, again and again.
async fn what_two_nodes_handle_is_passed_on_once(layout: Layout) -> Result {
    let talk = Talk::start(layout, 1).await?;
    let number = talk.numbers[0].clone();
    let people: Vec<(String, String)> =
        (0..TALKS).map(|nth| (format!("+1415556{nth:04}"), format!("+1415557{nth:04}"))).collect();
    for (one, other) in &people {
        talk.hold(&[(one.as_str(), "one"), (other.as_str(), "other")], json!({})).await?;
    }
    let node = Builder::at(talk.server.home()).start_unseeded().await?;
    let post = async {
        for nth in 0..TEXTS {
            for (one, _) in &people {
                let at = if nth % 2 == 0 { &talk.server } else { &node };
                play::text(at, one, &number, &format!("text {nth}")).await?;
            }
        }
        anyhow::Ok(())
    };
    let take = async {
        for _ in 0..50 {
            end_leases(&talk.server).await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(post, take)?;
    settled(&talk.server).await?;
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in talk.server.rows("SELECT to_address, body FROM sb_message WHERE direction = 'outbound'").await? {
        *copies.entry((row[0].clone(), row[1].clone())).or_default() += 1;
    }
    assert!(copies.len() == TALKS * TEXTS && copies.values().all(|count| *count == 1), "{copies:?}");
    let said = talk.server.rows("SELECT COUNT(*), COUNT(DISTINCT outbound_id) FROM sb_interaction").await?;
    assert_eq!(said, [[copies.len().to_string(), copies.len().to_string()]]);
    assert_eq!(talk.paid().await?, copies.len().to_string());
    Ok(())
}

on_both_engines!(
    who_leaves_or_comes_meanwhile_hears_what_came_in_while_they_were_there,
    a_text_that_came_in_before_its_session_ran_out_is_passed_on,
    what_two_nodes_handle_is_passed_on_once,
);

//! Nobody is shown the number of another, whatever happens in a session.

use std::collections::BTreeSet;

use anyhow::ensure;
use serde_json::json;

use super::all_told;
use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::events::receiver::Receiver;
use crate::events::text;
use crate::harness::{Builder, Layout, Result, until};
use crate::messages::drained;
use crate::on_both_engines;

const NONE: &str = "There is no conversation here.";
const PEOPLE: [&str; 4] = [ANN, BOB, CID, DOT];

/// Whose numbers are in this, however they are set.
fn shown(text: &str) -> Vec<&'static str> {
    let digits: String = text.chars().filter(|letter| !" ()-.".contains(*letter)).collect();
    PEOPLE.into_iter().filter(|person| digits.contains(&person[2..])).collect()
}

/// All that people can be told by a session: copies, its start and end, why nobody hears them.
async fn everything_happens(talk: &Talk) -> Result {
    let people = [(ANN, ANN), (BOB, "Bob, +1 (415) 555-0102"), (CID, "Cid")];
    let set = json!({"labels": "name", "start_text": "It begins.", "end_text": "It has ended.", "ttl": "1h"});
    let held = talk.hold(&people, set).await?;
    for who in [ANN, BOB, CID] {
        talk.say(&held, who, "hello").await?;
    }
    talk.say(&held, ANN, &"x".repeat(1_601)).await?;
    talk.text(DOT, &talk.numbers[0], "who is there?").await?;
    let words = json!({"body": "hello all", "from_participant": held.id(BOB)?});
    talk.well("POST", &format!("{}/messages", held.path()?), Some(words)).await?;
    talk.say(&held, CID, "STOP").await?;
    talk.say(&held, ANN, "are you there?").await?;
    for who in [BOB, CID] {
        talk.well("DELETE", &format!("{}/participants/{}", held.path()?, held.id(who)?), None).await?;
    }
    talk.say(&held, ANN, "anybody?").await?;
    talk.well("DELETE", &held.path()?, None).await?;
    talk.say(&held, ANN, "hello?").await?;
    all_told(&talk.server).await?;
    drained(&talk.server).await
}

async fn nobody_is_shown_the_number_of_another(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let builder = Builder::new(layout).await?.set("event.allow", "127.0.0.1").set("session.none_text", NONE);
    let talk = Talk::of(builder, 3).await?;
    let listener = json!({"url": receiver.url("/"), "event_types": ["*"]});
    talk.well("POST", "/v1/endpoints", Some(listener)).await?;
    everything_happens(&talk).await?;
    until("no delivery that waits", async || {
        let left = talk.server.rows("SELECT COUNT(*) FROM sb_delivery WHERE ready_ms IS NOT NULL").await?;
        Ok((left[0][0] == "0").then_some(()))
    })
    .await?;

    // texts: their own number, to which they go, and one of the pool
    let texts = talk.server.rows("SELECT to_address, from_address, body FROM sb_message WHERE direction = 'outbound'");
    let (mut said, texts) = (BTreeSet::new(), texts.await?);
    for row in &texts {
        ensure!(talk.numbers.contains(&row[1]) && shown(&row[2]).is_empty(), "{row:?}");
        said.insert(row[2].as_str());
    }
    let all = ["It begins.", "It has ended.", "hello", "hello all", NONE];
    let was_said = |words: &str| said.iter().any(|text| text.ends_with(words));
    ensure!(all.into_iter().all(was_said), "{said:?}");
    ensure!(was_said("too long and was not delivered.") && was_said("in this conversation now."), "{said:?}");

    // events: of a text those to or from whom it is, of an interaction nobody; who is in a session its client knows
    let mut kinds = BTreeSet::new();
    for post in receiver.posts() {
        let told = post.json()?;
        let kind = text(&told["type"])?;
        let most = usize::from(!kind.starts_with("interaction."));
        ensure!(kind.starts_with("session.") || shown(&told.to_string()).len() <= most, "{told}");
        kinds.insert(kind);
    }
    let wanted = ["interaction.message", "message.received", "opt_out.changed", "session.closed"];
    ensure!(wanted.into_iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    talk.end().await
}

on_both_engines!(nobody_is_shown_the_number_of_another);

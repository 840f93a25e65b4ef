//! STOP, START and HELP: who said STOP gets nothing more, but for the one text that says so.

use reqwest::Method;
use serde_json::json;

use super::play::{
    OURS, PERSON, account, builder, call, in_state, number, received, send, sent, settled, text, with_loopback,
};
use crate::harness::{Layout, Result, Server, until};
use crate::{in_foreign_sessions, on_both_engines};

/// Waits for what the loopback provider was sent, newest first.
async fn await_sent(server: &Server, to: &str, count: usize) -> Result<Vec<String>> {
    until("messages at the loopback provider", async || {
        let bodies = sent(server, to).await?;
        Ok((bodies.len() >= count).then_some(bodies))
    })
    .await
}

async fn stop_closes_and_start_opens(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    assert_eq!(send(&server, PERSON, "one").await?.0, 202);
    await_sent(&server, PERSON, 1).await?;
    for word in [" stop\n", "STOPALL"] {
        text(&server, PERSON, OURS, word).await?;
        settled(&server).await?;
    }
    let bodies = await_sent(&server, PERSON, 2).await?;
    assert!(bodies[0].starts_with("You are unsubscribed"), "{bodies:?}");
    let (status, refused) = send(&server, PERSON, "two").await?;
    assert_eq!(status, 403, "{refused}");
    // another person, and another number of ours, are not meant
    assert_eq!(send(&server, "+14155550101", "three").await?.0, 202);
    text(&server, PERSON, OURS, "HELP").await?;
    let bodies = await_sent(&server, PERSON, 3).await?;
    assert!(bodies[0].starts_with("Reply STOP"), "{bodies:?}");
    text(&server, PERSON, OURS, "UnStop").await?;
    let bodies = await_sent(&server, PERSON, 4).await?;
    assert!(bodies[0].starts_with("You are subscribed again"), "{bodies:?}");
    settled(&server).await?;
    assert_eq!(send(&server, PERSON, "four").await?.0, 202);
    let bodies = await_sent(&server, PERSON, 5).await?;
    assert_eq!((bodies.len(), &*bodies[0]), (5, "four"), "a second STOP is not answered again");
    assert_eq!(received(&server).await?.len(), 4, "keywords are messages too");
    let ledger = server.rows("SELECT number, person, is_out, reason FROM sb_opt_out").await?;
    assert_eq!(ledger, [[OURS, PERSON, "0", "keyword"]]);
    Ok(())
}

async fn stop_takes_back_what_waits(layout: Layout) -> Result {
    let server = builder(layout).await?.set("outbox.retry_first", "10m").start().await?;
    let account = super::play::loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    // nobody is ever there: the first is tried again in ten minutes, the second waits behind it
    let gone = "+15005550014";
    let mut ids = Vec::new();
    for body in ["first", "second"] {
        let (status, message) = send(&server, gone, body).await?;
        assert_eq!(status, 202);
        ids.push(message["id"].as_str().unwrap_or_default().to_owned());
    }
    let at = json!({"from": OURS, "to": gone, "body": "later", "send_at": switchboard::model::rfc3339(
        switchboard::model::Clock::default().now_ms() + 3_600_000)});
    let (status, message) = call(&server, Method::POST, "/v1/messages", Some(at)).await?;
    assert_eq!((status, message["state"].as_str()), (202, Some("scheduled")), "{message}");
    ids.push(message["id"].as_str().unwrap_or_default().to_owned());
    in_state(&server, &ids[0], "sending").await?;
    text(&server, gone, OURS, "STOP").await?;
    for id in &ids {
        in_state(&server, id, "canceled").await?;
    }
    settled(&server).await?;
    // nothing is left to send but the confirmation
    assert!(server.rows("SELECT message_id FROM sb_schedule").await?.is_empty());
    let waiting = server.rows("SELECT m.body FROM sb_outbox o JOIN sb_message m ON m.id = o.message_id").await?;
    assert!(waiting.len() == 1 && waiting[0][0].starts_with("You are unsubscribed"), "{waiting:?}");
    Ok(())
}

async fn a_carrier_that_answers_by_itself_is_left_to_it(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let account = account(&server, "loopback", json!({}), json!({"replies_to_keywords": true})).await?;
    number(&server, &account, OURS, json!({})).await?;
    for word in ["STOP", "HELP"] {
        text(&server, PERSON, OURS, word).await?;
    }
    settled(&server).await?;
    assert_eq!(send(&server, PERSON, "one").await?.0, 403);
    assert_eq!(server.rows("SELECT id FROM sb_message WHERE direction = 'outbound'").await?.len(), 0);
    Ok(())
}

async fn a_sentence_is_no_keyword(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    text(&server, PERSON, OURS, "please stop it").await?;
    settled(&server).await?;
    assert_eq!(send(&server, PERSON, "one").await?.0, 202);
    Ok(())
}

async fn the_last_word_stands(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    for round in 0..10 {
        text(&server, PERSON, OURS, "STOP").await?;
        text(&server, PERSON, OURS, "START").await?;
        text(&server, PERSON, OURS, "STOP").await?;
        settled(&server).await?;
        assert_eq!(send(&server, PERSON, "one").await?.0, 403, "round {round}");
        text(&server, PERSON, OURS, "START").await?;
        settled(&server).await?;
    }
    Ok(())
}

/// Who opted out at the carrier is refused there once, and here from then on.
async fn a_carriers_opt_out_is_ours_too(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    let out = "+15005550004";
    let (status, message) = send(&server, out, "one").await?;
    assert_eq!(status, 202);
    let message = in_state(&server, message["id"].as_str().unwrap_or_default(), "failed").await?;
    assert_eq!(message["error"]["code"], 21610);
    assert_eq!(send(&server, out, "two").await?.0, 403);
    let ledger = server.rows("SELECT number, person, is_out, reason FROM sb_opt_out").await?;
    assert_eq!(ledger, [[OURS, out, "1", "carrier"]]);
    Ok(())
}

on_both_engines!(
    stop_closes_and_start_opens,
    stop_takes_back_what_waits,
    a_carrier_that_answers_by_itself_is_left_to_it,
    a_sentence_is_no_keyword,
    the_last_word_stands,
    a_carriers_opt_out_is_ours_too,
);
in_foreign_sessions!(stop_closes_and_start_opens);

//! What carriers do wrong: the outcome, the retry and the question that follow.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::{TO, account, bodies, builder, copies, drained, in_state, number, outcomes, ready, send_id, sms, tried};
use crate::events::well;
use crate::harness::{Carrier, Layout, Result, until};
use crate::{in_foreign_sessions, on_both_engines};

/// One fault, once: what the attempts say, and that the carrier has it exactly once.
async fn one(layout: Layout, faults: &[(Value, &[&str])]) -> Result {
    let carrier = Carrier::start().await?;
    let quick = builder(layout, &carrier).await?.set("outbox.call_timeout", "1s");
    let (server, _) = ready(quick).await?;
    for (count, (fault, wanted)) in faults.iter().enumerate() {
        let to = super::person(count);
        carrier.behave(super::with(json!({"to": to, "times": 1}), fault.clone())).await?;
        let first = send_id(&server, sms(&to, &format!("first {count}"), json!({}))).await?;
        let second = send_id(&server, sms(&to, &format!("second {count}"), json!({}))).await?;
        let sent = in_state(&server, &first, "sent").await?;
        ensure!(outcomes(&sent) == *wanted, "{fault}: {sent}");
        in_state(&server, &second, "sent").await?;
        assert_eq!(bodies(&carrier, &to).await?, [format!("first {count}"), format!("second {count}")], "{fault}");
    }
    drained(&server).await
}

async fn what_was_not_taken_is_sent_again(layout: Layout) -> Result {
    let again = |outcome: &'static str| [outcome, "accepted"];
    let (throttled, unreachable, cut) = (again("throttled"), again("unreachable"), again("uncertain"));
    one(
        layout,
        &[
            (json!({"do": "status", "status": 429}), &throttled),
            (json!({"do": "status", "status": 408}), &unreachable),
            (json!({"do": "status", "status": 425}), &unreachable),
            (json!({"do": "status", "status": 500}), &unreachable),
            (json!({"do": "status", "status": 503}), &unreachable),
            // after the last look-up, as nothing is listed
            (json!({"do": "status", "status": 502}), &cut),
            (json!({"do": "cut_before"}), &cut),
        ],
    )
    .await
}

async fn what_may_have_been_taken_is_asked_for(layout: Layout) -> Result {
    one(
        layout,
        &[
            (json!({"do": "status", "status": 502, "recorded": true}), &["adopted"]),
            (json!({"do": "status", "status": 504, "recorded": true}), &["adopted"]),
            (json!({"do": "garbage"}), &["adopted"]),
            (json!({"do": "garbage", "status": 200}), &["adopted"]),
            (json!({"do": "cut"}), &["adopted"]),
            (json!({"do": "silent"}), &["adopted"]),
        ],
    )
    .await
}

/// The same words twice, each adopted as itself: no id is taken for two.
async fn twins_in_doubt_are_told_apart(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 3, "do": "cut"})).await?;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(send_id(&server, sms(TO, "the same words", json!({}))).await?);
    }
    let mut adopted = Vec::new();
    for id in &ids {
        let sent = in_state(&server, id, "sent").await?;
        ensure!(outcomes(&sent) == ["adopted"], "{sent}");
        adopted.push(crate::events::text(&sent["attempts"][0]["provider_id"])?);
    }
    let sids: Vec<String> = carrier.messages(Some(TO)).await?.into_iter().map(|message| message.sid).collect();
    assert_eq!(adopted, sids);
    Ok(())
}

/// Much was said between the two on this day: the list is long, and has several pages.
async fn doubt_in_a_long_conversation_is_settled(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let long = "x".repeat(1000);
    for _ in 0..6 {
        futures_util::future::try_join_all((0..20).map(|_| send_id(&server, sms(TO, &long, json!({}))))).await?;
    }
    drained(&server).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "and now?", json!({}))).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&sent) == ["adopted"], "{sent}");
    Ok(())
}

async fn a_carrier_that_cannot_be_asked_is_asked_again(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    carrier.behave(json!({"to": TO, "times": 4, "on": "list", "do": "status", "status": 500})).await?;
    let id = send_id(&server, sms(TO, "patience", json!({}))).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&sent) == ["adopted"], "{sent}");
    assert_eq!(bodies(&carrier, TO).await?, ["patience"]);
    Ok(())
}

async fn a_carrier_that_can_never_be_asked_is_given_up_with_the_message(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    carrier.behave(json!({"to": TO, "times": 10_000, "on": "list", "do": "status", "status": 401})).await?;
    let id = send_id(&server, sms(TO, "no answer ever", json!({"valid_for": "2s"}))).await?;
    let failed = in_state(&server, &id, "failed").await?;
    ensure!(outcomes(&failed) == ["uncertain"] && failed["error"]["code"] == 30008, "{failed}");
    assert_eq!(bodies(&carrier, TO).await?, ["no answer ever"], "it is not sent blindly");
    Ok(())
}

async fn what_is_not_listed_is_sent_again_after_the_last_question(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?.set("outbox.call_timeout", "1s")).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "unlisted", "delay_ms": 3000})).await?;
    let id = send_id(&server, sms(TO, "hidden", json!({}))).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&sent) == ["uncertain", "accepted"], "{sent}");
    assert_eq!(bodies(&carrier, TO).await?.len(), 2, "no provider can do better that hides what it has");
    Ok(())
}

async fn accounts_choose_what_follows_doubt(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = builder(layout, &carrier).await?.start().await?;
    let made = account(&server, json!({"uncertain": "fail"})).await?;
    number(&server, &made, super::FROM, json!({})).await?;
    carrier.behave(json!({"to": TO, "times": 2, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "once at most", json!({}))).await?;
    let failed = in_state(&server, &id, "failed").await?;
    ensure!(outcomes(&failed) == ["uncertain"] && failed["error"]["code"] == 30008, "{failed}");
    well(&server, "PATCH", &format!("/v1/accounts/{made}"), Some(json!({"uncertain": "resend"}))).await?;
    let id = send_id(&server, sms(TO, "once at least", json!({}))).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&sent) == ["uncertain", "accepted"], "{sent}");
    let copies = copies(&carrier)?;
    assert_eq!((copies["once at most"], copies["once at least"]), (1, 2));
    Ok(())
}

/// The account is told to give up while a question waits for its time.
async fn doubt_that_waits_ends_as_its_account_chooses_by_then(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?.set("outbox.look_up_after", "3s,4s")).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "once at most", json!({}))).await?;
    tried(&server, &id, 1).await?;
    well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(json!({"uncertain": "fail"}))).await?;
    let failed = in_state(&server, &id, "failed").await?;
    ensure!(outcomes(&failed) == ["uncertain"] && failed["error"]["code"] == 30008, "{failed}");
    assert_eq!(bodies(&carrier, TO).await?, ["once at most"]);
    drained(&server).await
}

async fn a_refusal_is_final(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "refuse", "code": 21614})).await?;
    let id = send_id(&server, sms(TO, "to a landline", json!({}))).await?;
    let next = send_id(&server, sms(TO, "next", json!({}))).await?;
    let failed = in_state(&server, &id, "failed").await?;
    ensure!(outcomes(&failed) == ["refused"] && failed["error"]["code"] == 21614, "{failed}");
    in_state(&server, &next, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["next"]);
    drained(&server).await
}

async fn a_wait_that_the_carrier_asks_for_is_kept(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "status", "status": 503, "retry_after": 2})).await?;
    let begun = Instant::now();
    let id = send_id(&server, sms(TO, "slowly", json!({}))).await?;
    tried(&server, &id, 1).await?;
    // the whole account pauses
    let other = send_id(&server, sms("+14155550101", "others too", json!({}))).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    ensure!(outcomes(&sent) == ["unreachable", "accepted"], "{sent}");
    let sent = in_state(&server, &other, "sent").await?;
    ensure!(outcomes(&sent) == ["accepted"], "{sent}");
    Ok(())
}

async fn a_carrier_that_is_away_is_waited_for(layout: Layout) -> Result {
    let mut carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.kill()?;
    let id = send_id(&server, sms(TO, "is anybody there?", json!({}))).await?;
    let waiting = tried(&server, &id, 2).await?;
    ensure!(outcomes(&waiting).iter().all(|outcome| *outcome == "unreachable"), "{waiting}");
    ensure!(waiting["state"] == "sending", "{waiting}");
    carrier.restart().await?;
    in_state(&server, &id, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["is anybody there?"]);
    Ok(())
}

async fn a_name_that_is_unknown_is_no_answer(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let nowhere = builder(layout, &carrier).await?.set("provider.twilio_base_url", "http://carrier.invalid");
    let (server, _) = ready(nowhere).await?;
    let id = send_id(&server, sms(TO, "where?", json!({}))).await?;
    let waiting = tried(&server, &id, 2).await?;
    ensure!(outcomes(&waiting).iter().all(|outcome| *outcome == "unreachable"), "{waiting}");
    Ok(())
}

async fn a_failing_account_rests_and_is_tried_again(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let careful = builder(layout, &carrier).await?;
    let (server, _) = ready(careful.set("outbox.breaker_failures", 3).set("outbox.breaker_rest", "1s")).await?;
    carrier.behave(json!({"do": "status", "status": 500})).await?;
    let mut ids = Vec::new();
    for who in 0..20 {
        ids.push(send_id(&server, sms(&super::person(who), &format!("{who}"), json!({}))).await?);
    }
    let calls = async || Result::Ok(carrier.stats().await?["counts"]["sends"].as_u64().unwrap_or(0));
    until("three failures", async || Ok((calls().await? >= 3).then_some(()))).await?;
    let (begun, before) = (Instant::now(), calls().await?);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (rests, more) = (begun.elapsed().as_secs() + 2, calls().await? - before);
    // those under way when it opened, then one call a rest
    ensure!(more <= rests + 20, "{more} calls in {rests} rests");
    carrier.clear().await?;
    for id in &ids {
        in_state(&server, id, "sent").await?;
    }
    assert!(copies(&carrier)?.into_values().all(|count| count == 1));
    drained(&server).await
}

/// A message that is retried for too long steps aside, and its successors pass it.
async fn a_stubborn_head_steps_aside(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?.set("outbox.hold_for", "500ms")).await?;
    carrier.behave(json!({"to": TO, "times": 6, "do": "status", "status": 500})).await?;
    let head = send_id(&server, sms(TO, "head", json!({}))).await?;
    let next = send_id(&server, sms(TO, "next", json!({}))).await?;
    let sent = in_state(&server, &head, "sent").await?;
    in_state(&server, &next, "sent").await?;
    let mut arrived = bodies(&carrier, TO).await?;
    arrived.sort();
    ensure!(arrived == ["head", "next"], "{arrived:?} {sent}");
    drained(&server).await
}

on_both_engines!(
    what_was_not_taken_is_sent_again,
    what_may_have_been_taken_is_asked_for,
    twins_in_doubt_are_told_apart,
    doubt_in_a_long_conversation_is_settled,
    a_carrier_that_cannot_be_asked_is_asked_again,
    a_carrier_that_can_never_be_asked_is_given_up_with_the_message,
    what_is_not_listed_is_sent_again_after_the_last_question,
    accounts_choose_what_follows_doubt,
    doubt_that_waits_ends_as_its_account_chooses_by_then,
    a_refusal_is_final,
    a_wait_that_the_carrier_asks_for_is_kept,
    a_carrier_that_is_away_is_waited_for,
    a_name_that_is_unknown_is_no_answer,
    a_failing_account_rests_and_is_tried_again,
    a_stubborn_head_steps_aside,
);
in_foreign_sessions!(what_may_have_been_taken_is_asked_for);

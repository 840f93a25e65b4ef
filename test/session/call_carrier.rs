//! What a carrier does to the calls by which people are put through: it has too many for a while, and takes them then.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{Millis, parse_time};

use super::talk::{ANN, BOB, CID};
use super::{made, number_of, path};
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::inbound::play::{PUBLIC, post_twilio};
use crate::messages::{account, number, outcomes, quick};
use crate::on_both_engines;

/// What stands for the second after which a call is tried again first.
const FIRST_MS: Millis = 200;

/// The call to this participant, by place, once it has been tried so often.
async fn tried(server: &Server, session: &Value, place: usize, tries: usize) -> Result<Value> {
    let whom = &session["participants"][place]["id"];
    let said = well(server, "GET", &format!("{}/interactions", path(session)?), None).await?;
    let said = said["data"].as_array().context("no data")?;
    let one = said.iter().find(|one| one["to_participant_id"] == *whom).context("nothing is written of the call")?;
    let leg = format!("/v1/calls/{}", text(&one["outbound_call_id"])?);
    until("the tries of a call", async || {
        let call = well(server, "GET", &leg, None).await?;
        Ok((outcomes(&call).len() >= tries).then_some(call))
    })
    .await
}

/// How long after each try the next one came.
fn waits(call: &Value) -> Result<Vec<Millis>> {
    let tries = call["attempts"].as_array().context("no attempts")?;
    let at = |time: &Value| -> Result<Millis> { parse_time(&text(time)?).context("no time") };
    let wait = |two: &[Value]| -> Result<Millis> { Ok(at(&two[1]["started_at"])? - at(&two[0]["ended_at"])?) };
    tries.windows(2).map(wait).collect()
}

async fn a_leg_that_is_throttled_is_tried_again_ever_later(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let builder = quick(Builder::new(layout).await?, &carrier).set("http.public_url", PUBLIC);
    let builder = builder.set("outbox.retry_first", format!("{FIRST_MS}ms")).set("outbox.retry_most", "10m");
    let server = builder.start().await?;
    let account = account(&server, json!({})).await?;
    let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
    let id = number(&server, &account, "+12125550001", json!({"capabilities": ["sms", "voice"]})).await?;
    well(&server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    let session = made(&server, &pool, &[ANN, BOB, CID], json!({})).await?;
    carrier.behave(json!({"to": BOB, "times": 4, "do": "status", "status": 429})).await?;

    let ours = number_of(&session, ANN)?;
    let form = [("CallSid", "CA1"), ("AccountSid", ACCOUNT), ("From", ANN), ("To", &*ours), ("Called", &*ours)];
    let (status, twiml) = post_twilio(&server, "/webhooks/twilio/voice", &form, TOKEN).await?;
    ensure!(status == 200 && twiml.contains("<Conference"), "{status} {twiml}");
    let other = tried(&server, &session, 2, 1).await?;
    ensure!(outcomes(&other) == ["accepted"], "who waits keeps nobody else waiting: {other}");
    let call = tried(&server, &session, 1, 5).await?;
    assert_eq!(outcomes(&call), ["throttled", "throttled", "throttled", "throttled", "accepted"], "{call}");
    // each wait is twice the one before, of which half is left to chance
    for (nth, wait) in waits(&call)?.into_iter().enumerate() {
        ensure!(wait >= (FIRST_MS << nth) / 2, "{wait} ms after try {}: {call}", nth + 1);
    }
    assert_eq!(carrier.messages(Some(BOB)).await?.len(), 1, "called once");
    Ok(())
}

on_both_engines!(a_leg_that_is_throttled_is_tried_again_ever_later);

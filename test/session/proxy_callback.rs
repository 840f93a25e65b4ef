//! What a service of Twilio's Proxy is called back of: each status of all that is said in its sessions, once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::ride::{Ride, Trip};
use super::talk::{ANN, BOB, CID};
use crate::events::receiver::{Answer, Post, Receiver};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::on_both_engines;

/// Whoever is called here talks for as long as they are let.
const LASTING: &str = "+15005550018";

fn fields(post: &Post) -> BTreeMap<String, String> {
    form_urlencoded::parse(&post.body).into_owned().collect()
}

/// The states in which something was called back.
fn states(posts: &[Post], interaction: &str) -> BTreeSet<String> {
    let posts = posts.iter().map(fields).filter(|one| one.get("interactionSid").is_some_and(|sid| sid == interaction));
    posts.filter_map(|mut one| one.remove("outboundResourceStatus")).collect()
}

/// Holds that each status comes once: what is tried again brings its token again.
fn are_told_once(posts: &[Post]) -> Result {
    let mut told = BTreeMap::<[String; 2], BTreeSet<&str>>::new();
    for post in posts {
        let mut fields = fields(post);
        let status = ["interactionSid", "outboundResourceStatus"].map(|name| fields.remove(name).unwrap_or_default());
        told.entry(status).or_default().insert(post.header("i-twilio-idempotency-token")?);
    }
    ensure!(told.values().all(|tokens| tokens.len() == 1), "{told:?}");
    Ok(())
}

async fn each_status_is_called_back(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let ride = Ride::start(layout, 2, &receiver.url("/told")).await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    // what fails is tried again, as events are
    receiver.answer([Answer::status(500), Answer::status(200)]);
    let told = text(&ride.well("POST", &trip.told(BOB)?, &[("Body", "hello")]).await?["sid"])?;
    ride.say(&trip, ANN, "on my way").await?;
    let said = text(&ride.said(&trip).await?[0]["sid"])?;
    let wanted: BTreeSet<String> = ["queued", "delivered"].map(str::to_owned).into();
    let token = |post: &Post| post.header("i-twilio-idempotency-token").map(str::to_owned);
    let posts = until("every status of both, and the one that failed again", async || {
        let posts = receiver.posts();
        let tokens = posts.iter().map(token).collect::<Result<BTreeSet<_>>>()?;
        let is_told = |one: &String| states(&posts, one).is_superset(&wanted);
        Ok((tokens.len() < posts.len() && is_told(&told) && is_told(&said)).then_some(posts))
    })
    .await?;
    let shown = posts.iter().map(fields).find(|one| one.get("interactionSid") == Some(&said));
    let shown = shown.context("not called back")?;
    for (name, value) in [
        ("interactionData", r#"{"body":"on my way"}"#),
        ("interactionType", "Message"),
        ("interactionServiceSid", &ride.service),
        ("interactionAccountSid", &ride.client.sid),
        ("inboundParticipantSid", trip.sid(ANN)?),
        ("inboundResourceStatus", "delivered"),
        ("inboundResourceType", "Message"),
        ("outboundParticipantSid", trip.sid(BOB)?),
    ] {
        assert_eq!(shown.get(name).map(String::as_str), Some(value), "{name}");
    }
    ensure!(posts.iter().all(|post| !String::from_utf8_lossy(&post.body).contains(&ANN[1..])), "{posts:?}");
    are_told_once(&posts)
}

async fn each_step_of_a_call_is_called_back(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let ride = Ride::start(layout, 2, &receiver.url("/told")).await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    ride.dial(&trip, ANN, "call-1").await?;
    let calls = until("the call to be over", async || {
        let said = ride.said(&trip).await?;
        let is_over = said.first().is_some_and(|one| one["outbound_resource_status"] == "completed");
        Ok(is_over.then_some(said))
    })
    .await?;
    let [call] = calls.as_slice() else { anyhow::bail!("not one: {calls:?}") };
    assert_eq!((&call["type"], &call["data"]), (&json!("voice"), &json!(r#"{"duration":"1"}"#)));
    assert_eq!(
        (&call["inbound_resource_status"], &call["outbound_resource_type"]),
        (&json!("in-progress"), &json!("Call"))
    );
    assert_eq!(ride.well("GET", &text(&call["outbound_resource_url"])?, &[]).await?["status"], "completed");
    let sid = text(&call["sid"])?;
    let steps: BTreeSet<String> = ["initiated", "ringing", "in-progress", "completed"].map(str::to_owned).into();
    let posts = until("every step", async || {
        let posts = receiver.posts();
        Ok((states(&posts, &sid) == steps).then_some(posts))
    })
    .await?;
    let ended =
        |one: &BTreeMap<String, String>| one.get("outboundResourceStatus").is_some_and(|step| step == "completed");
    let shown = posts.iter().map(fields).find(ended).context("not called back")?;
    for (name, value) in [
        ("interactionType", "Voice"),
        ("interactionData", r#"{"duration":"1"}"#),
        ("inboundParticipantSid", trip.sid(ANN)?),
        ("inboundResourceStatus", "in-progress"),
        ("outboundParticipantSid", trip.sid(BOB)?),
        ("outboundResourceSid", &text(&call["outbound_resource_sid"])?),
        ("outboundResourceType", "Call"),
    ] {
        assert_eq!(shown.get(name).map(String::as_str), Some(value), "{name}");
    }
    // one that is over is taken away, and one that is under way stays
    let path = |trip: &Trip, call: &Value| -> Result<String> {
        Ok(format!("{}/Interactions/{}", trip.path, text(&call["sid"])?))
    };
    assert_eq!(ride.ask("DELETE", &path(&trip, call)?, &[]).await?.0, 204);
    let lasting = ride.hold(&[CID], &[]).await?;
    let other = [("Identifier", LASTING), ("ProxyIdentifier", trip.number(BOB)?)];
    ride.well("POST", &format!("{}/Participants", lasting.path), &other).await?;
    ride.dial(&lasting, CID, "call-2").await?;
    assert_eq!(ride.code("DELETE", &path(&lasting, &ride.said(&lasting).await?[0])?, &[]).await?, 20009);
    are_told_once(&posts)
}

async fn what_nobody_gets_is_called_back_too(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let ride = Ride::start(layout, 2, &receiver.url("/told")).await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    ride.say(&trip, BOB, "stop").await?;
    ride.say(&trip, ANN, "are you there?").await?;
    let calls = ride.hold(&[CID, BOB], &[("Mode", "voice-only")]).await?;
    ride.say(&calls, CID, "hello?").await?;
    let failed = |post: &Post| fields(post).get("outboundResourceStatus").is_some_and(|status| status == "failed");
    let whose = |post: &Post| fields(post).remove("inboundParticipantSid");
    let both = BTreeSet::from([trip.sid(ANN)?, calls.sid(CID)?].map(|sid| Some(sid.to_owned())));
    let posts = until("both to be called back", async || {
        let posts = receiver.posts();
        let told: BTreeSet<_> = posts.iter().filter(|post| failed(post)).map(whose).collect();
        Ok(told.is_superset(&both).then_some(posts))
    })
    .await?;
    let shown: Vec<_> = posts.iter().map(fields).collect();
    let to_bob = shown.iter().find(|one| one.get("inboundParticipantSid").map(String::as_str) == trip.sid(ANN).ok());
    let to_bob = to_bob.context("not called back")?;
    assert_eq!(to_bob.get("outboundParticipantSid").map(String::as_str), Some(trip.sid(BOB)?));
    assert_eq!((to_bob.get("outboundResourceSid"), to_bob.contains_key("inboundResourceSid")), (None, true));
    assert_eq!(ride.said(&trip).await?[0]["outbound_resource_status"], "failed");
    Ok(())
}

async fn what_the_clients_server_blocks_is_called_back_too(layout: Layout) -> Result {
    let (receiver, hook) = (Receiver::start().await?, Receiver::start().await?);
    hook.answer([Answer::status(403)]);
    let ride = Ride::start(layout, 2, &receiver.url("/told")).await?;
    let (service, url) = (format!("/v1/Services/{}", ride.service), hook.url("/ask"));
    ride.well("POST", &service, &[("InterceptCallbackUrl", &url)]).await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    ride.say(&trip, ANN, "on my way").await?;
    let post = receiver.wait(1).await?.remove(0);
    let shown = fields(&post);
    for (name, value) in [
        ("outboundResourceStatus", "failed"),
        ("inboundParticipantSid", trip.sid(ANN)?),
        ("outboundParticipantSid", trip.sid(BOB)?),
    ] {
        assert_eq!(shown.get(name).map(String::as_str), Some(value), "{name}");
    }
    let listed = ride.said(&trip).await?;
    assert_eq!((listed.len(), &listed[0]["outbound_resource_status"]), (1, &json!("failed")));
    assert_eq!(shown.get("interactionSid").map(String::as_str), listed[0]["sid"].as_str());
    Ok(())
}

on_both_engines!(
    each_status_is_called_back,
    each_step_of_a_call_is_called_back,
    what_nobody_gets_is_called_back_too,
    what_the_clients_server_blocks_is_called_back_too,
);

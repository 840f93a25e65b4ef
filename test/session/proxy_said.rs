//! What is said in sessions that are made by Twilio's Proxy: listed, called back at each status, and taken away.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::ride::{Ride, Trip};
use super::talk::{ANN, BOB, CID};
use crate::events::receiver::{Answer, Post, Receiver};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::client;

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

async fn what_people_and_the_client_say_is_listed(layout: Layout) -> Result {
    let ride = Ride::start(layout, 2, "http://127.0.0.1:9/").await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    let told = ride.well("POST", &trip.told(BOB)?, &[("Body", "Your driver is near.")]).await?;
    ride.say(&trip, ANN, "on my way").await?;
    drained(&ride.server).await?;
    let said = until("what was said to arrive", async || {
        let said = ride.said(&trip).await?;
        Ok(said.iter().all(|one| one["outbound_resource_status"] == "delivered").then_some(said))
    })
    .await?;
    let [text_in, first] = said.as_slice() else { anyhow::bail!("not two: {said:?}") };
    assert_eq!(first["sid"], told["sid"]);
    assert_eq!((&first["inbound_participant_sid"], &first["inbound_resource_sid"]), (&Value::Null, &Value::Null));
    assert_eq!(text_in["inbound_participant_sid"], trip.sid(ANN)?);
    assert_eq!(text_in["outbound_participant_sid"], trip.sid(BOB)?);
    assert_eq!((&text_in["inbound_resource_status"], &text_in["type"]), (&json!("delivered"), &json!("message")));
    assert_eq!(text_in["data"], json!({"body": "on my way"}).to_string());
    // its messages are there, and nobody's number is in what is said of it
    for side in ["inbound", "outbound"] {
        let url = text(&text_in[format!("{side}_resource_url")])?;
        assert_eq!(ride.well("GET", &url, &[]).await?["body"], "on my way", "{url}");
    }
    ensure!(!json!(said).to_string().contains(&ANN[1..]), "{said:?}");
    // of Bob there is what the client said to him, and of Ann nothing
    let listed = ride.well("GET", &trip.told(BOB)?, &[]).await?;
    assert_eq!((&listed["interactions"][0]["sid"], &listed["meta"]["key"]), (&told["sid"], &json!("interactions")));
    assert_eq!(listed["interactions"].as_array().map(Vec::len), Some(1));
    assert_eq!(ride.well("GET", &trip.told(ANN)?, &[]).await?["interactions"], json!([]));
    let one = format!("{}/{}", trip.told(BOB)?, text(&told["sid"])?);
    assert_eq!(ride.well("GET", &one, &[]).await?["participant_sid"], trip.sid(BOB)?);
    assert_eq!(ride.code("GET", &format!("{}/{}", trip.told(ANN)?, text(&told["sid"])?), &[]).await?, 20404);
    // taken away, it is gone with its words
    let path = format!("{}/Interactions/{}", trip.path, text(&text_in["sid"])?);
    assert_eq!(ride.ask("DELETE", &path, &[]).await?.0, 204);
    assert_eq!(ride.code("GET", &path, &[]).await?, 20404);
    assert_eq!(ride.code("DELETE", &path, &[]).await?, 20404);
    let left = ride.server.rows("SELECT body FROM sb_message WHERE body <> ''").await?;
    assert_eq!(left, [["Your driver is near."]]);
    Ok(())
}

async fn what_a_client_may_not_say_has_its_code(layout: Layout) -> Result {
    let ride = Ride::start(layout, 3, "http://127.0.0.1:9/").await?;
    let trip = ride.hold(&[ANN], &[]).await?;
    let hello = [("Body", "hello")];
    assert_eq!(ride.code("POST", &trip.told(ANN)?, &hello).await?, 80614, "nobody else is in it");
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    assert_eq!(ride.code("POST", &trip.told(BOB)?, &[("Body", "")]).await?, 21602);
    assert_eq!(ride.code("POST", &trip.told(BOB)?, &[("Body", &"x".repeat(1601))]).await?, 21617);
    assert_eq!(ride.code("PUT", &trip.told(BOB)?, &hello).await?, 20004);
    assert_eq!(ride.code("DELETE", &format!("{}/Interactions", trip.path), &[]).await?, 20004);
    assert_eq!(ride.code("GET", &format!("{}/Interactions?PageSize=1001", trip.path), &[]).await?, 20007);
    let stranger = format!("{}/Participants/KP{}/MessageInteractions", trip.path, "0".repeat(32));
    assert_eq!(ride.code("POST", &stranger, &hello).await?, 20404);
    ride.say(&trip, BOB, "stop").await?;
    assert_eq!(ride.code("POST", &trip.told(BOB)?, &hello).await?, 80901, "he wants nothing from that number");
    assert_eq!(ride.said(&trip).await?[0]["outbound_resource_status"], "failed", "and that is written down");
    let calls = ride.hold(&[ANN, BOB], &[("Mode", "voice-only")]).await?;
    assert_eq!(ride.code("POST", &calls.told(BOB)?, &hello).await?, 80616);
    ride.well("POST", &trip.path, &[("Status", "closed")]).await?;
    assert_eq!(ride.code("POST", &trip.told(ANN)?, &hello).await?, 80607);
    // another client's session is none
    let other = client(&ride.server, "1").await?;
    let request = ride.server.http.get(ride.server.url(&format!("{}/Interactions", trip.path)));
    let response = request.basic_auth(&other.sid, Some(&other.token)).send().await?;
    assert_eq!(response.status().as_u16(), 404);
    Ok(())
}

async fn a_request_that_comes_again_says_it_once(layout: Layout) -> Result {
    let ride = Ride::start(layout, 2, "http://127.0.0.1:9/").await?;
    let hello = [("Body", "hello")];
    let alone = ride.hold(&[ANN], &[]).await?;
    let (status, refused) = ride.ask_as("POST", &alone.told(ANN)?, &hello, Some("first")).await?;
    assert_eq!((status, &refused["code"]), (400, &json!(80614)), "a name lets nothing more through");
    let trip = ride.hold(&[BOB, CID], &[]).await?;
    let (status, told) = ride.ask_as("POST", &trip.told(BOB)?, &hello, Some("second")).await?;
    assert_eq!(status, 200, "{told}");
    ride.well("POST", &trip.path, &[("Status", "closed")]).await?;
    let (status, again) = ride.ask_as("POST", &trip.told(BOB)?, &hello, Some("second")).await?;
    assert_eq!((status, &again["sid"]), (200, &told["sid"]), "as it was answered then");
    let (status, other) = ride.ask_as("POST", &trip.told(BOB)?, &[("Body", "bye")], Some("second")).await?;
    assert_eq!((status, &other["code"]), (409, &json!(20409)));
    assert_eq!(ride.said(&trip).await?.len(), 1);
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
    let posts = until("every status of both", async || {
        let posts = receiver.posts();
        Ok([&told, &said].into_iter().all(|one| states(&posts, one).is_superset(&wanted)).then_some(posts))
    })
    .await?;
    let tokens = |post: &Post| post.header("i-twilio-idempotency-token").map(str::to_owned);
    let all = posts.iter().map(tokens).collect::<Result<Vec<_>>>()?;
    ensure!(all.iter().collect::<BTreeSet<_>>().len() < all.len(), "the one that failed came again: {all:?}");
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
    let said = until("the call to be over", async || {
        let said = ride.said(&trip).await?;
        let is_over = said.first().is_some_and(|one| one["outbound_resource_status"] == "completed");
        Ok(is_over.then_some(said))
    })
    .await?;
    let [call] = said.as_slice() else { anyhow::bail!("not one: {said:?}") };
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
    let posts = until("both to be called back", async || {
        let posts = receiver.posts();
        Ok((posts.iter().filter(|post| failed(post)).count() >= 2).then_some(posts))
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

async fn each_session_is_listed_once_while_others_are_made(layout: Layout) -> Result {
    let ride = Ride::start(layout, 1, "http://127.0.0.1:9/").await?;
    let path = ride.path("Sessions");
    let mut made = BTreeSet::new();
    for _ in 0..120 {
        made.insert(text(&ride.well("POST", &path, &[]).await?["sid"])?);
    }
    let (mut listed, mut next) = (Vec::new(), Some(format!("{path}?PageSize=20")));
    while let Some(url) = next {
        let page = ride.well("GET", &url, &[]).await?;
        for session in page["sessions"].as_array().context("no sessions")? {
            listed.push(text(&session["sid"])?);
        }
        ride.well("POST", &path, &[]).await?;
        next = page["meta"]["next_page_url"].as_str().map(str::to_owned);
    }
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    ensure!(once == made && listed.len() == made.len(), "{} of {}, {} once", listed.len(), made.len(), once.len());
    Ok(())
}

on_both_engines!(
    what_people_and_the_client_say_is_listed,
    what_a_client_may_not_say_has_its_code,
    a_request_that_comes_again_says_it_once,
    each_status_is_called_back,
    each_step_of_a_call_is_called_back,
    what_nobody_gets_is_called_back_too,
    what_the_clients_server_blocks_is_called_back_too,
    each_session_is_listed_once_while_others_are_made,
);

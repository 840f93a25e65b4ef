//! What is said in sessions that are made by Twilio's Proxy: listed, refused with its code, and taken away.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::ride::Ride;
use super::talk::{ANN, BOB, CID};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::client;
use crate::relay::scene::{act_well, tamper};

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

async fn words_stay_for_whom_else_they_were_said_to(layout: Layout) -> Result {
    let ride = Ride::start(layout, 3, "http://127.0.0.1:9/").await?;
    let trip = ride.hold_natively(&[ANN, BOB, CID]).await?;
    let kept = async || ride.server.rows("SELECT id FROM sb_message WHERE body <> ''").await;
    let path = |said: &Value| Ok::<_, anyhow::Error>(format!("{}/Interactions/{}", trip.path, text(&said["sid"])?));
    for is_at_once in [false, true] {
        ride.say(&trip, ANN, "on my way").await?;
        drained(&ride.server).await?;
        let said = ride.said(&trip).await?;
        let [one, other] = said.as_slice() else { anyhow::bail!("not two: {said:?}") };
        assert_eq!(kept().await?.len(), 3, "what came in, and two copies");
        let (one, other) = (path(one)?, path(other)?);
        let (first, second) = if is_at_once {
            tokio::join!(ride.ask("DELETE", &one, &[]), ride.ask("DELETE", &other, &[]))
        } else {
            let first = ride.ask("DELETE", &one, &[]).await;
            assert_eq!(kept().await?.len(), 2, "the other one was told it too");
            (first, ride.ask("DELETE", &other, &[]).await)
        };
        assert_eq!((first?.0, second?.0), (204, 204));
        assert_eq!(kept().await?.len(), 0);
    }
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

async fn what_became_of_a_copy_that_is_removed_is_unknown(layout: Layout) -> Result {
    let ride = Ride::start(layout, 2, "http://127.0.0.1:9/").await?;
    let trip = ride.hold(&[ANN, BOB], &[]).await?;
    ride.say(&trip, ANN, "on my way").await?;
    drained(&ride.server).await?;
    let shown = async |status: &str| {
        until("what was said to stand so", async || {
            let said = ride.said(&trip).await?;
            Ok(said.into_iter().find(|one| one["outbound_resource_status"] == status))
        })
        .await
    };
    let before = shown("delivered").await?;
    // its messages were kept for as long as the server keeps them
    tamper(&ride.server, "DELETE FROM sb_message").await?;
    let after = shown("unknown").await?;
    for kept in ["sid", "inbound_resource_status", "outbound_resource_sid", "outbound_participant_sid"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let (_, session) = trip.path.rsplit_once("KC").context("no session")?;
    let natively = format!("/v1/sessions/ses_{session}/interactions");
    let natively = act_well(&ride.server, &ride.client.id, "GET", &natively, None).await?;
    ensure!(natively["data"][0]["id"].is_string() && natively["data"][0]["status"].is_null(), "{natively}");
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
    words_stay_for_whom_else_they_were_said_to,
    what_a_client_may_not_say_has_its_code,
    what_became_of_a_copy_that_is_removed_is_unknown,
    a_request_that_comes_again_says_it_once,
    each_session_is_listed_once_while_others_are_made,
);

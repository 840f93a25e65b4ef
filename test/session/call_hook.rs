//! Calls of which a client's own server is asked: it may block them, and says what becomes of strangers.

use anyhow::ensure;
use serde_json::{Value, json};
use warp::Filter as _;

use super::call::{dial, document};
use super::talk::{ANN, BOB, DOT, Talk};
use crate::events::receiver::{Answer, Receiver};
use crate::events::well;
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;

const STRANGER: &str = "<Say>This number is not in use for you now. Goodbye.</Say>";

async fn talk(layout: Layout) -> Result<Talk> {
    Talk::of(Builder::new(layout).await?.set("event.allow", "127.0.0.1"), 2).await
}

/// A server that answers every question so; its URL.
async fn saying(answer: String) -> Result<String> {
    let route = warp::post().and(warp::body::bytes()).map(move |_: bytes::Bytes| answer.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(warp::serve(route).incoming(listener).run());
    Ok(url)
}

async fn a_server_blocks_calls(layout: Layout) -> Result {
    let (talk, receiver) = (talk(layout).await?, Receiver::start().await?);
    receiver.answer([Answer::status(403)]);
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": receiver.url("/")})).await?;
    let blocked = dial(&talk, ANN, &held.number(ANN)?, "call-1").await?;
    assert_eq!(blocked, document("<Say>Your call cannot be connected now. Goodbye.</Say>"));
    let said = talk.said(&held).await?;
    assert_eq!((&said[0]["reason"], &said[0]["kind"], said.len()), (&json!("blocked"), &json!("voice"), 1));
    assert_eq!(talk.paid().await?, "0");
    let asked = receiver.wait(1).await?[0].json()?;
    ensure!(asked["type"] == "session.intercept" && asked["data"]["kind"] == "voice", "{asked}");
    for status in [200, 500] {
        receiver.answer([Answer::status(status)]);
        let passed = dial(&talk, ANN, &held.number(ANN)?, &format!("call-{status}")).await?;
        ensure!(passed.contains(&format!("<Number>{BOB}</Number>")), "{status}: {passed}");
    }
    assert_eq!(receiver.posts().len(), 4, "asked about each, and about the last once more");
    Ok(())
}

async fn a_server_says_what_strangers_hear(layout: Layout) -> Result {
    let talk = talk(layout).await?;
    let number = talk.numbers[0].clone();
    let answered = async |answer: String, id: &str| -> Result<String> {
        let hook = json!({"out_of_session_url": saying(answer).await?});
        talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(hook)).await?;
        dial(&talk, DOT, &number, id).await
    };
    let closed = "<Response><Say>We are closed.</Say></Response>";
    assert_eq!(answered(closed.to_owned(), "call-1").await?, closed);
    let refused = [
        "<Response><Dial><Conference>room</Conference></Dial></Response>",
        "<Response><Dial record=\"true\">+14155550199</Dial></Response>",
        // a number of somebody else's, and one of ours
        "<Response><Dial callerId=\"+14155550998\">+14155550199</Dial></Response>",
        "<Response><Dial>+14155550301</Dial></Response>",
        "hello",
        "",
    ];
    for (nth, refused) in refused.into_iter().enumerate() {
        assert_eq!(answered(refused.to_owned(), &format!("refused-{nth}")).await?, document(STRANGER), "{refused}");
    }
    assert_eq!(talk.paid().await?, "0");
    // whom it dials is called, and paid for once
    let dialling = "<Response><Say>One moment.</Say><Dial timeout=\"5\">+14155550199</Dial></Response>";
    let dialled = format!(
        "<Response><Say>One moment.</Say><Dial callerId=\"{number}\" timeout=\"5\"><Number>+14155550199</Number>\
         </Dial></Response>"
    );
    for _ in 0..2 {
        assert_eq!(answered(dialling.to_owned(), "call-1b").await?, dialled);
    }
    assert_eq!(talk.paid().await?, "1");
    let calls = talk.well("GET", "/v1/calls", None).await?;
    ensure!(calls["data"][0]["to"] == "+14155550199" && calls["data"][0]["from"] == number.as_str(), "{calls}");
    // nobody is called whom none of the client's keys may call
    let bounds = json!({"destinations": r"\+1415555019", "twiml": "any"});
    well(&talk.server, "POST", &format!("/v1/clients/{}/keys", talk.client), Some(bounds)).await?;
    assert_eq!(answered(dialling.replace("0199", "0209"), "call-1c").await?, document(STRANGER));
    assert_eq!(answered(dialling.to_owned(), "call-1d").await?, dialled);
    assert_eq!(talk.paid().await?, "2");
    // a session with somebody else, on the number that was called, whom another of its keys may reach
    well(&talk.server, "POST", &format!("/v1/clients/{}/keys", talk.client), Some(json!({}))).await?;
    let wanted: Value = json!({"participantIdentifier": BOB});
    let through = answered(wanted.to_string(), "call-2").await?;
    ensure!(through.contains(&format!("<Dial callerId=\"{number}\"><Number>{BOB}</Number></Dial>")), "{through}");
    let back = dial(&talk, BOB, &number, "call-3").await?;
    ensure!(back.contains(&format!("<Number>{DOT}</Number>")), "{back}");
    Ok(())
}

on_both_engines!(a_server_blocks_calls, a_server_says_what_strangers_hear);

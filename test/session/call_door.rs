//! Calls as Twilio posts them, at its own path and at an older system's: signed, or answered with no TwiML at all.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::talk::{ANN, BOB, DOT};
use super::{made, number_of, path};
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN, signature::sign};
use crate::harness::{Layout, Result, Server, until};
use crate::inbound::play::{PUBLIC, builder, post_form, post_twilio, settled, twilio};
use crate::messages::{account, number};
use crate::on_both_engines;

const VOICE: &str = "/webhooks/twilio/voice";
const OLDER: &str = "/inbound-call";

/// A server that Twilio finds, with a session of two on two numbers of an account there.
struct Line {
    server: Server,
    session: Value,
}

impl Line {
    async fn start(layout: Layout) -> Result<Self> {
        let builder = builder(layout).await?.set("session.voice", "alice").set("session.language", "en-GB");
        let server = builder.start().await?;
        let account = twilio(&server).await?;
        let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
        for ours in ["+12125550001", "+12125550002"] {
            let id = number(&server, &account, ours, json!({"capabilities": ["sms", "voice"]})).await?;
            well(&server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
        }
        let session = made(&server, &pool, &[ANN, BOB], json!({})).await?;
        Ok(Self { server, session })
    }

    async fn said(&self) -> Result<Vec<Value>> {
        let listed = well(&self.server, "GET", &format!("{}/interactions", path(&self.session)?), None).await?;
        listed["data"].as_array().cloned().context("no data")
    }
}

/// The form of somebody's call to a number.
fn called<'a>(who: &'a str, number: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("CallSid", "CA1"), ("AccountSid", ACCOUNT), ("From", who), ("To", "+12125559999"), ("Called", number)]
}

async fn a_call_is_put_through_and_followed(layout: Layout) -> Result {
    let line = Line::start(layout).await?;
    let (server, ours) = (&line.server, number_of(&line.session, ANN)?);
    let form = called(ANN, &ours);
    let (status, twiml) = post_twilio(server, VOICE, &form, TOKEN).await?;
    ensure!(
        status == 200 && twiml.contains("<Say voice=\"alice\" language=\"en-GB\">Connecting your call.</Say>"),
        "{twiml}"
    );
    ensure!(twiml.contains(&format!("callerId=\"{}\"", number_of(&line.session, BOB)?)), "{twiml}");
    ensure!(twiml.contains(&format!(">{BOB}</Number></Dial></Response>")), "{twiml}");
    let leg = twiml.split_once("leg=").and_then(|(_, rest)| rest.get(..32)).context("no leg")?.to_owned();
    for where_to in ["status", "dial"] {
        ensure!(twiml.contains(&format!("{PUBLIC}:443/webhooks/twilio/{where_to}?leg={leg}\"")), "{where_to}: {twiml}");
    }
    assert_eq!(post_twilio(server, VOICE, &form, TOKEN).await?, (200, twiml.clone()), "posted twice");
    assert_eq!(post_twilio(server, OLDER, &form[..1], TOKEN).await?.0, 400, "nobody was called");
    // the older path needs no account, and is the same
    let older: Vec<_> = form.iter().copied().filter(|(name, _)| *name != "AccountSid").collect();
    assert_eq!(post_twilio(server, OLDER, &older, TOKEN).await?, (200, twiml));
    assert_eq!(line.said().await?.len(), 1);

    let step = [("CallSid", "CA2"), ("ParentCallSid", "CA1"), ("AccountSid", ACCOUNT), ("CallStatus", "in-progress")];
    let status_path = format!("/webhooks/twilio/status?leg={leg}");
    assert_eq!(post_twilio(server, &status_path, &step, TOKEN).await?.0, 204);
    until("the answer", async || Ok((line.said().await?[0]["status"] == "in-progress").then_some(()))).await?;
    let over = [
        ("CallSid", "CA1"),
        ("AccountSid", ACCOUNT),
        ("CallStatus", "in-progress"),
        ("DialCallSid", "CA2"),
        ("DialCallStatus", "completed"),
        ("DialCallDuration", "42"),
    ];
    let (status, nothing) = post_twilio(server, &format!("/webhooks/twilio/dial?leg={leg}"), &over, TOKEN).await?;
    ensure!(status == 200 && nothing.ends_with("<Response/>"), "{status} {nothing}");
    settled(server).await?;
    let one = line.said().await?.swap_remove(0);
    ensure!(one["status"] == "completed" && one["duration"] == 42, "{one}");
    Ok(())
}

async fn what_is_not_signed_gets_no_twiml(layout: Layout) -> Result {
    let line = Line::start(layout).await?;
    let (server, ours) = (&line.server, number_of(&line.session, ANN)?);
    let form = called(ANN, &ours);
    let fields: Vec<(String, String)> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    for (path, missing) in [(OLDER, 400), (VOICE, 403)] {
        let bare = server.http.post(server.url(path)).header("Content-Type", "application/x-www-form-urlencoded");
        let bare = bare.body(body.clone()).send().await?;
        let (status, said) = (bare.status().as_u16(), bare.text().await?);
        ensure!(status == missing && !said.contains("<Response"), "{path}: {status} {said}");
        let (status, said) = post_twilio(server, path, &form, "guess").await?;
        ensure!(status == 403 && !said.contains("<Response"), "{path}: {status} {said}");
        // signed for another path
        let signature = sign(TOKEN, &format!("{PUBLIC}/elsewhere"), &fields);
        assert_eq!(post_form(server, path, &fields, &signature).await?.0, 403, "{path}");
        assert_eq!(server.http.get(server.url(path)).send().await?.status(), 405, "{path}");
    }
    assert!(line.said().await?.is_empty());
    // other carriers' calls are not served
    assert_eq!(server.post("/webhooks/flowroute/secret/voice", "").await?.0, 404);
    assert_eq!(server.post("/webhooks/telnyx/voice", "").await?.0, 404);
    Ok(())
}

async fn a_stranger_hears_so_at_both_paths(layout: Layout) -> Result {
    let line = Line::start(layout).await?;
    let ours = number_of(&line.session, ANN)?;
    for path in [VOICE, OLDER] {
        let (status, twiml) = post_twilio(&line.server, path, &called(DOT, &ours), TOKEN).await?;
        let said = "<Response><Say voice=\"alice\" language=\"en-GB\">This number is not in use for you now. \
                    Goodbye.</Say></Response>";
        ensure!(status == 200 && twiml.ends_with(said), "{path}: {status} {twiml}");
    }
    Ok(())
}

async fn another_accounts_token_learns_nothing(layout: Layout) -> Result {
    let line = Line::start(layout).await?;
    let (sid, token) = (format!("AC{}", "b".repeat(32)), "c".repeat(32));
    let credentials = json!({"account_sid": sid, "auth_token": token});
    account(&line.server, json!({"name": "another", "credentials": credentials})).await?;
    let ours = number_of(&line.session, ANN)?;
    let form: Vec<_> = called(ANN, &ours).into_iter().filter(|(name, _)| *name != "AccountSid").collect();
    let (status, twiml) = post_twilio(&line.server, OLDER, &form, &token).await?;
    ensure!(status == 200 && twiml.contains("not in use") && !twiml.contains(BOB), "{status} {twiml}");
    assert!(line.said().await?.is_empty());
    Ok(())
}

on_both_engines!(
    a_call_is_put_through_and_followed,
    what_is_not_signed_gets_no_twiml,
    a_stranger_hears_so_at_both_paths,
    another_accounts_token_learns_nothing,
);

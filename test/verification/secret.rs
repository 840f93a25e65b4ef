//! Codes in texts: told in time, before all else, and only while they open anything; and written down nowhere.

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::adversity::secrecy::{dump, holds, spellings};
use crate::events::receiver::Receiver;
use crate::events::{self, endpoint, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::{
    FROM, TO, bodies, builder, drained, fetch, in_state, number, person, ready, send_id, sms, tried,
};
use crate::on_both_engines;
use crate::relay::loopback;
use crate::relay::scene::tamper;

/// So long that it does not stand in a database by chance.
const CODE: &str = "4820917365";
/// What stands in its place.
const HIDDEN: &str = "••••";

/// A verification of somebody by this code: its id.
async fn made(server: &Server, to: &str) -> Result<String> {
    let order = json!({"to": to, "channel": "sms", "code": CODE});
    text(&well(server, "POST", "/v1/verifications", Some(order)).await?["id"])
}

/// Does something to a verification: `resend`, or `cancel`.
async fn act(server: &Server, verification: &str, what: &str) -> Result {
    well(server, "POST", &format!("/v1/verifications/{verification}/{what}"), None).await.map(drop)
}

async fn check(server: &Server, to: &str) -> Result {
    let checked = well(server, "POST", "/v1/verifications/check", Some(json!({"to": to, "code": CODE}))).await?;
    ensure!(checked["status"] == "approved", "{checked}");
    Ok(())
}

/// The last text that was sent for a code: its id.
async fn sent(server: &Server) -> Result<String> {
    let rows = server.rows("SELECT message_id FROM sb_verification_send ORDER BY message_id DESC LIMIT 1").await?;
    Ok(format!("msg_{}", rows.first().and_then(|row| row.first()).context("nothing was sent")?))
}

/// A message, once nothing more becomes of it.
async fn over(server: &Server, message: &str) -> Result<Value> {
    until("a message's end", async || {
        let message = fetch(server, message).await?;
        let is_over = ["failed", "canceled", "expired", "undelivered", "delivered"].map(Value::from);
        Ok(is_over.contains(&message["state"]).then_some(message))
    })
    .await
}

/// A server whose loopback has a number of the operator's, and its account.
async fn with_loopback(builder: Builder) -> Result<(Server, String)> {
    let server = builder.start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({})).await?;
    Ok((server, account))
}

/// What the loopback provider shows, newest first: to whom, and what.
async fn shown(server: &Server) -> Result<Vec<(String, String)>> {
    let listed = well(server, "GET", "/v1/loopback/messages?limit=100", None).await?;
    let all = listed["data"].as_array().context("no list")?;
    all.iter().map(|one| Ok((text(&one["to"])?, text(&one["body"])?))).collect()
}

/// The code in every spelling in which it might lie about.
fn spelled() -> Vec<Vec<u8>> {
    let wide = |bytes: fn(u16) -> [u8; 2]| CODE.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let digits: Vec<String> = CODE.chars().map(String::from).collect();
    let parted = [" ", ", ", ",", "-", ".", "\0"].map(|gap| digits.join(gap).into_bytes());
    [spellings(CODE.as_bytes()), vec![wide(u16::to_le_bytes), wide(u16::to_be_bytes)], parted.to_vec()].concat()
}

/// Neither the store, nor the log, nor what was posted holds it.
async fn is_nowhere(server: &Server, layout: Layout, told: &Receiver) -> Result {
    let posted = told.posts().iter().flat_map(|post| post.body.to_vec()).collect::<Vec<u8>>();
    let mut places = vec![("store", dump(server, layout).await?), ("log", server.log()?.into_bytes())];
    places.push(("posts", posted));
    for path in ["/v1/messages?limit=100", "/v1/events?limit=100", "/v1/audit?limit=100"] {
        places.push((path, well(server, "GET", path, None).await?.to_string().into_bytes()));
    }
    for spelling in spelled() {
        for (place, all) in &places {
            ensure!(!holds(all, &spelling), "in {place}: {}", String::from_utf8_lossy(&spelling));
        }
    }
    let hidden = places.iter().filter(|(_, all)| holds(all, HIDDEN.as_bytes())).count();
    ensure!(hidden >= 4, "the texts are in {hidden} of {} places only", places.len());
    Ok(())
}

async fn a_code_lies_nowhere_while_it_opens_and_afterwards(layout: Layout) -> Result {
    let told = Receiver::start().await?;
    let (server, _) = with_loopback(events::builder(layout).await?.set("log.level", "trace")).await?;
    endpoint(&server, &told.url("/"), &["message.*"]).await?;
    // one arrives, one comes back as an answer, one fails at once and one later
    let people = [TO, "+15005550010", "+15005550009", "+15005550012"];
    let mut all = Vec::new();
    for to in people {
        all.push(made(&server, to).await?);
    }
    drained(&server).await?;
    until("the answer", async || {
        let answers = server.rows("SELECT id FROM sb_message WHERE direction = 'inbound'").await?;
        Ok((answers.len() == 1).then_some(()))
    })
    .await?;
    told.wait(people.len()).await?;
    let with_code =
        async || -> Result<usize> { Ok(shown(&server).await?.iter().filter(|(_, body)| body.contains(CODE)).count()) };
    assert_eq!(with_code().await?, people.len() - 1, "they arrive with it, but for what was refused");
    is_nowhere(&server, layout, &told).await?;
    check(&server, TO).await?;
    ensure!(shown(&server).await?.iter().all(|(to, body)| body.contains(CODE) == (to != TO)));
    for verification in &all[1..] {
        act(&server, verification, "cancel").await?;
    }
    assert_eq!(with_code().await?, 0);
    ensure!(shown(&server).await?.iter().all(|(_, body)| body.contains(HIDDEN)));
    is_nowhere(&server, layout, &told).await
}

/// Who refuses a text may repeat it. What was refused does not count, and the same code goes out again.
async fn what_a_carrier_repeats_is_not_kept(layout: Layout) -> Result {
    let (carrier, told) = (Carrier::start().await?, Receiver::start().await?);
    let quick = builder(layout, &carrier).await?.set("event.allow", "127.0.0.1").set("log.level", "trace");
    let (server, _) = ready(quick).await?;
    endpoint(&server, &told.url("/"), &["message.*"]).await?;
    let says = format!("'{CODE}' (4820 917 365) is spam");
    carrier.behave(json!({"to": TO, "times": 1, "do": "refuse", "code": 30007, "says": says})).await?;
    let verification = made(&server, TO).await?;
    let message = in_state(&server, &sent(&server).await?, "failed").await?;
    let reason = format!("'{HIDDEN}' ({HIDDEN}) is spam");
    ensure!(message["error"]["reason"] == reason && message["attempts"][0]["reason"] == reason, "{message}");
    let counted = async || server.rows("SELECT status, sends FROM sb_verification").await;
    assert_eq!(counted().await?, [["pending", "0"]], "what failed does not count");
    told.wait(2).await?;
    act(&server, &verification, "resend").await?;
    drained(&server).await?;
    assert_eq!(counted().await?, [["pending", "1"]]);
    let bodies = bodies(&carrier, TO).await?;
    ensure!(bodies.len() == 1 && bodies[0].contains(CODE), "{bodies:?}");
    check(&server, TO).await?;
    is_nowhere(&server, layout, &told).await
}

/// A carrier that takes a text and says later that it has failed: that does not count either, and once only.
async fn what_fails_later_does_not_count(layout: Layout) -> Result {
    let (server, _) = with_loopback(Builder::new(layout).await?).await?;
    for to in ["+15005550012", "+15005550011", TO] {
        made(&server, to).await?;
        over(&server, &sent(&server).await?).await?;
    }
    let counted = server.rows("SELECT address, sends FROM sb_verification WHERE status = 'pending' ORDER BY address");
    assert_eq!(counted.await?, [[TO, "1"], ["+15005550011", "0"], ["+15005550012", "0"]]);
    let failed = server.rows("SELECT address FROM sb_verification_send WHERE failed_ms IS NOT NULL ORDER BY address");
    assert_eq!(failed.await?, [["+15005550011"], ["+15005550012"]]);
    Ok(())
}

async fn what_is_canceled_while_it_waits_is_not_sent(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 3000, "do": "accept"})).await?;
    let first = send_id(&server, sms(TO, "first", json!({}))).await?;
    let verification = made(&server, TO).await?;
    let message = sent(&server).await?;
    act(&server, &verification, "cancel").await?;
    let message = over(&server, &message).await?;
    ensure!(message["state"] == "canceled" && message["attempts"] == json!([]), "{message}");
    in_state(&server, &first, "sent").await?;
    drained(&server).await?;
    assert_eq!(bodies(&carrier, TO).await?, ["first"]);
    Ok(())
}

/// The carrier is away until the code is worth nothing.
async fn no_text_leaves_late(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let slow = builder(layout, &carrier).await?.set("outbox.retry_first", "60s").set("outbox.retry_most", "60s");
    let (server, _) = ready(slow).await?;
    carrier.behave(json!({"to": TO, "do": "status", "status": 500})).await?;
    made(&server, TO).await?;
    let message = sent(&server).await?;
    tried(&server, &message, 1).await?;
    tamper(&server, "UPDATE sb_verification SET expires_ms = 1").await?;
    carrier.clear().await?;
    // the carrier is there again, and it is the text's turn
    until("its turn", async || {
        let waits = server.rows("SELECT lane FROM sb_lane WHERE owner IS NULL").await?;
        Ok((!waits.is_empty()).then_some(()))
    })
    .await?;
    tamper(&server, "UPDATE sb_lane SET ready_ms = 1, version = version + 1 WHERE owner IS NULL").await?;
    let message = over(&server, &message).await?;
    ensure!(message["state"] == "expired" || message["state"] == "canceled", "{message}");
    drained(&server).await?;
    ensure!(bodies(&carrier, TO).await?.is_empty());
    Ok(())
}

/// An account's rate holds a campaign back, and no code.
async fn a_code_does_not_wait_behind_a_campaign(layout: Layout) -> Result {
    let (server, account) = with_loopback(Builder::new(layout).await?).await?;
    well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(json!({"rate": 2}))).await?;
    let campaign = (0..24).map(|count| sms(&person(count), "Buy!", json!({})));
    try_join_all(campaign.map(|text| send_id(&server, text))).await?;
    made(&server, TO).await?;
    drained(&server).await?;
    let sent = shown(&server).await?;
    assert_eq!(sent.len(), 25);
    let behind = sent.iter().position(|(to, _)| to == TO).context("no code")?;
    ensure!(behind >= 6, "only {behind} texts went behind it");
    Ok(())
}

on_both_engines!(
    a_code_lies_nowhere_while_it_opens_and_afterwards,
    what_a_carrier_repeats_is_not_kept,
    what_fails_later_does_not_count,
    what_is_canceled_while_it_waits_is_not_sent,
    no_text_leaves_late,
    a_code_does_not_wait_behind_a_campaign,
);

//! A carrier that is only described, through the doors: a text leaves, its receipts come back, a person's text comes
//! in, nobody else's does, and what is not described is in doubt.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::crypto::MasterKey;
use switchboard::store::Change;

use super::play::{OURS, PERSON, account, builder, call, get, in_state, number, received, send, settled};
use super::token::changed;
use crate::harness::termii::{self, SECRET_KEY, TOKEN, id, sign};
use crate::harness::{Layout, Result, Server, Termii, stored};
use crate::messages::outcomes;
use crate::on_both_engines;

fn path(what: &str) -> String {
    format!("/webhooks/http/{TOKEN}/{what}")
}

async fn scene(layout: Layout) -> Result<(Server, Termii)> {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let made = account(&server, "http", termii.credentials()?, json!({"check": true})).await?;
    number(&server, &made, OURS, json!({})).await?;
    Ok((server, termii))
}

fn reported(message: &str, status: &str) -> Value {
    json!({"type": "outbound", "id": "8248611476370959317", "message_id": message, "receiver": &PERSON[1..],
        "sender": &OURS[1..], "message": "hello", "sent_at": "2030-01-31 09:00:00", "cost": "3.9", "status": status,
        "channel": "dnd"})
}

fn texted(message: &str, body: &str) -> Value {
    json!({"type": "inbound", "id": "8248611476370959318", "message_id": message, "receiver": &OURS[1..],
        "sender": &PERSON[1..], "message": body, "received_at": "2030-01-31T09:00:00.000000Z", "cost": null,
        "status": "Received", "channel": null})
}

async fn a_text_leaves_and_is_reported(layout: Layout) -> Result {
    let (server, termii) = scene(layout).await?;
    let text = "Ça va \"bien\"? <&>";
    let (_, message) = send(&server, PERSON, text).await?;
    let message = message["id"].as_str().unwrap_or_default();
    in_state(&server, message, "sent").await?;
    let wanted = json!({"api_key": termii::API_KEY, "to": &PERSON[1..], "from": &OURS[1..], "sms": text,
        "type": "plain", "channel": "dnd"});
    assert_eq!(termii.taken(), [wanted]);
    // all of its posts may come to one path
    for (what, status) in [("receipt", "Message Sent"), ("sms", "DELIVERED | Message delivered to handset")] {
        for _ in 0..2 {
            assert_eq!(termii.post(&server, &path(what), &reported(&id(1), status)).await?, 200, "{status}");
        }
    }
    in_state(&server, message, "delivered").await?;
    settled(&server).await?;
    let message = in_state(&server, message, "delivered").await?;
    assert_eq!(message["receipts"].as_array().map(Vec::len), Some(2), "{message}");
    Ok(())
}

async fn a_person_s_text_is_taken_once_and_nobody_else_s(layout: Layout) -> Result {
    let (server, termii) = scene(layout).await?;
    for _ in 0..2 {
        assert_eq!(termii.post(&server, &path("sms"), &texted("3905204342778053556", "Ça va ?")).await?, 200);
    }
    let forged = texted("3905204342778053557", "forged").to_string();
    let good = sign(SECRET_KEY, &forged)?;
    for (path, signature, body) in [
        (path("sms"), sign("tsk_of_somebody_else", &forged)?, forged.clone()),
        (path("sms"), String::new(), forged.clone()),
        (path("sms"), good.clone(), forged.replace("forged", "altered")),
        ("/webhooks/http/a-path-of-somebody-else/sms".to_owned(), good.clone(), forged.clone()),
    ] {
        assert_eq!(termii::post(&server, &path, &signature, body).await?, 403, "{path}");
    }
    assert_eq!(termii::post(&server, &path("nothing"), &good, forged).await?, 404);
    // what it posts of things that are not ours to know
    for what in ["sms", "receipt"] {
        let event = json!({"type": "balance", "balance": 9});
        assert_eq!(termii.post(&server, &path(what), &event).await?, 200, "{what}");
        let (body, forged) = (event.to_string(), sign("tsk_of_somebody_else", "{}")?);
        assert_eq!(termii::post(&server, &path(what), &forged, body).await?, 403, "{what}");
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, "Ça va ?"]]);
    Ok(())
}

async fn without_a_proof_its_paths_are_not_found(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let mut credentials = termii.credentials()?;
    credentials["description"]["proof"] = Value::Null;
    credentials["secrets"] = json!({"api_key": termii::API_KEY, "channel": "dnd"});
    let made = account(&server, "http", credentials, json!({})).await?;
    number(&server, &made, OURS, json!({})).await?;
    assert_eq!(termii.post(&server, &path("sms"), &texted("3905204342778053556", "hello")).await?, 404);
    assert_eq!(termii.post(&server, &path("receipt"), &reported(&id(1), "Delivered")).await?, 404);
    settled(&server).await?;
    assert_eq!(received(&server).await?, Vec::<Vec<String>>::new());
    Ok(())
}

async fn an_answer_that_is_not_as_described_is_in_doubt(layout: Layout) -> Result {
    let (server, termii) = scene(layout).await?;
    for odd in ["<html>OK</html>", "{\"message\":\"Successfully Sent\"}", ""] {
        termii.answer(odd);
        let (_, message) = send(&server, PERSON, "hello").await?;
        let failed = in_state(&server, message["id"].as_str().unwrap_or_default(), "failed").await?;
        assert_eq!(outcomes(&failed), ["uncertain"], "{odd}: {failed}");
    }
    assert_eq!(termii.taken().len(), 3, "none is sent again");
    Ok(())
}

async fn what_becomes_of_a_lost_answer_its_account_may_say(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let mut usual = termii.credentials()?;
    usual["webhook_token"] = json!("a-path-that-nobody-else-has");
    let usual = account(&server, "http", usual, json!({})).await?;
    assert_eq!(get(&server, &format!("/v1/accounts/{usual}")).await?["uncertain"], "fail");
    let resends = json!({"uncertain": "resend"});
    let resends = account(&server, "http", termii.credentials()?, resends).await?;
    assert_eq!(get(&server, &format!("/v1/accounts/{resends}")).await?["uncertain"], "resend");
    number(&server, &resends, OURS, json!({})).await?;
    termii.answer("<html>OK</html>");
    let (_, message) = send(&server, PERSON, "hello").await?;
    let sent = in_state(&server, message["id"].as_str().unwrap_or_default(), "sent").await?;
    assert_eq!(outcomes(&sent), ["uncertain", "accepted"], "{sent}");
    Ok(())
}

async fn a_carrier_that_cannot_be_asked_is_not_sent_a_message_again(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let made = account(&server, "http", termii.credentials()?, json!({"uncertain": "reconcile"})).await?;
    number(&server, &made, OURS, json!({})).await?;
    termii.answer("<html>OK</html>");
    let (_, message) = send(&server, PERSON, "hello").await?;
    let failed = in_state(&server, message["id"].as_str().unwrap_or_default(), "failed").await?;
    assert_eq!(outcomes(&failed), ["uncertain"], "{failed}");
    settled(&server).await?;
    assert_eq!(termii.taken().len(), 1);
    Ok(())
}

/// Its credentials are changed because they cannot be used; what is posted meanwhile comes to the path of before.
async fn the_path_of_what_is_read_more_strictly_now_is_kept(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let made = account(&server, "http", termii.credentials()?, json!({})).await?;
    number(&server, &made, OURS, json!({})).await?;
    let mut older = termii.credentials()?;
    older["description"]["send"]["method"] = json!("LINK");
    let master = MasterKey::parse(std::fs::read_to_string(server.builder().path("keys/master.key"))?.trim())?;
    let id = made.rsplit('_').next().unwrap_or_default();
    let sealed = master.seal(switchboard::store::account::place(id), older.to_string().as_bytes())?;
    let values = vec![sealed.into(), stored(&made)];
    let change = Change::new().one("UPDATE sb_account SET credentials = ? WHERE id = ?", values);
    server.home().databases.store()?.commit(change).await?;
    let mut mended = termii.credentials()?;
    mended["webhook_token"] = json!("a-path-that-nobody-else-has");
    changed(&server, &made, json!({"credentials": mended})).await?;
    for (token, body) in [(TOKEN, "before"), ("a-path-that-nobody-else-has", "after")] {
        let path = format!("/webhooks/http/{token}/sms");
        assert_eq!(termii.post(&server, &path, &texted(body, body)).await?, 200, "{token}");
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?.len(), 2);
    Ok(())
}

async fn a_stop_at_the_carrier_is_one_here(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    let mut credentials = termii.credentials()?;
    credentials["description"]["answer"]["error_code"] = json!("code");
    credentials["description"]["answer"]["codes"] = json!({"OPTED-OUT": "opted_out"});
    let made = account(&server, "http", credentials, json!({})).await?;
    number(&server, &made, OURS, json!({})).await?;
    termii.answer("{\"code\":\"OPTED-OUT\",\"message\":\"They said STOP\"}");
    let (_, message) = send(&server, PERSON, "hello").await?;
    let failed = in_state(&server, message["id"].as_str().unwrap_or_default(), "failed").await?;
    assert_eq!(outcomes(&failed), ["refused"], "{failed}");
    let (status, answer) = send(&server, PERSON, "again").await?;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(termii.taken().len(), 1);
    Ok(())
}

async fn what_is_wrong_with_a_description_is_said_and_secrets_are_not(layout: Layout) -> Result {
    let termii = Termii::start().await?;
    let server = builder(layout).await?.start().await?;
    for (field, value, said) in [
        ("send", json!({"method": "POST", "url": "https://{to}/"}), "description: send.url must be"),
        ("answer", json!({"format": "json", "id": "a//b"}), "description: answer.id must be"),
        // the reader of JSON would repeat each of these
        ("proof", json!(SECRET_KEY), "description: proof: expected one of"),
        ("answer", json!({"format": SECRET_KEY, "id": "id"}), "description: answer.format: expected one of"),
        ("send", json!(SECRET_KEY), "description: send: expected"),
        ("webhooks", json!({}), "description: webhooks: expected one of"),
    ] {
        let mut credentials = termii.credentials()?;
        credentials["description"][field] = value;
        let new = json!({"provider": "http", "credentials": credentials, "check": false});
        let (status, answer) = call(&server, Method::POST, "/v1/accounts", Some(new)).await?;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.to_string().contains(said) && !answer.to_string().contains(SECRET_KEY), "{said}: {answer}");
    }
    let mut credentials = termii.credentials()?;
    credentials["secrets"]["api_key"] = json!("TLhush");
    let new = json!({"provider": "http", "credentials": credentials});
    let (status, answer) = call(&server, Method::POST, "/v1/accounts", Some(new)).await?;
    assert_eq!(status, 400, "{answer}");
    // Termii has said "Invalid API key: TLhush"
    let answer = answer.to_string();
    assert!(answer.contains("Invalid API key: (hidden)") && !answer.contains("TLhush"), "{answer}");
    // by its name
    let secrets = json!({"api_key": "hush", "username": "me"});
    let named = json!({"description": "africas-talking", "secrets": secrets, "webhook_token": "a-path-nobody-guesses"});
    account(&server, "http", named, json!({})).await?;
    Ok(())
}

on_both_engines!(
    a_text_leaves_and_is_reported,
    a_person_s_text_is_taken_once_and_nobody_else_s,
    without_a_proof_its_paths_are_not_found,
    an_answer_that_is_not_as_described_is_in_doubt,
    what_becomes_of_a_lost_answer_its_account_may_say,
    a_carrier_that_cannot_be_asked_is_not_sent_a_message_again,
    the_path_of_what_is_read_more_strictly_now_is_kept,
    a_stop_at_the_carrier_is_one_here,
    what_is_wrong_with_a_description_is_said_and_secrets_are_not,
);

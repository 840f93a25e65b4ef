//! What the masked door's answers link to: conversations read, changed, spoken in, closed and removed.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::conversation::{Door, path};
use super::{consistent, ours};
use crate::events::text;
use crate::harness::carrier::TOKEN;
use crate::harness::carrier::signature::sign;
use crate::harness::{Layout, Result, until};
use crate::inbound::play::{self, PUBLIC, post_form, settled};
use crate::messages::account;
use crate::on_both_engines;
use crate::relay::scene::{act_well, tamper};

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const CEM: &str = "+14155550103";

const EVENT: &str = "/conversations-post-event";

async fn a_conversation_is_read_changed_and_deleted(layout: Layout) -> Result {
    let door = Door::open(layout, 3).await?;
    let made = door.made(json!({"addresses": [ANN, BEN], "timers": {"closed": "P1D"}})).await?;
    let path = path(&made)?;
    let found = door.asked("GET", &path, &[], 200).await?;
    ensure!(found["sid"] == made["sid"] && found["friendly_name"].is_null() && found["url"] == made["url"], "{found}");
    ensure!(found["links"] == made["links"] && !found["timers"]["date_closed"].is_null(), "{found}");
    let form = [("FriendlyName", "Ride"), ("Attributes", "[1]"), ("Timers.Closed", ""), ("Timers.Inactive", "PT10M")];
    let changed = door.asked("POST", &path, &form, 200).await?;
    ensure!(changed["friendly_name"] == "Ride" && changed["attributes"] == "[1]", "{changed}");
    ensure!(changed["timers"]["date_closed"].is_null() && !changed["timers"]["date_inactive"].is_null(), "{changed}");
    let long = "x".repeat(257);
    for (field, value, words) in [
        ("State", "open", "State"),
        ("Attributes", "{", "Attributes"),
        ("Timers.Closed", "1d", "Timers.Closed"),
        ("Timers.Inactive", "PT0.5S", "Timers.Inactive"),
        ("FriendlyName", long.as_str(), "FriendlyName"),
        ("UniqueName", "other", "UniqueName"),
    ] {
        let refused = door.asked("POST", &path, &[(field, value)], 400).await?;
        ensure!(refused["code"] == 20001 && text(&refused["message"])?.contains(words), "{refused}");
    }
    for (state, wanted) in [("inactive", "inactive"), ("inactive", "inactive"), ("active", "active")] {
        ensure!(door.asked("POST", &path, &[("State", state)], 200).await?["state"] == wanted, "{state}");
    }
    let hooks = door.asked("GET", &format!("{path}/Webhooks"), &[], 200).await?;
    assert_eq!((&hooks["webhooks"], &hooks["meta"]["key"]), (&json!([]), &json!("webhooks")));
    ensure!(door.asked("POST", &format!("{path}/Webhooks"), &[("Target", "webhook")], 404).await?["code"] == 20404);
    ensure!(door.asked("POST", &path, &[("State", "closed")], 200).await?["state"] == "closed");
    ensure!(door.asked("POST", &path, &[("State", "closed")], 200).await?["state"] == "closed", "once is enough");
    door.asked("POST", &path, &[("State", "active")], 409).await?;
    consistent(&door.server).await?;
    let other = door.made(json!({"addresses": [ANN]})).await?;
    let listed = door.asked("GET", "/v1/Conversations?PageSize=1", &[], 200).await?;
    assert_eq!(listed["conversations"][0]["sid"], other["sid"]);
    ensure!(!listed["meta"]["next_page_url"].is_null(), "{listed}");
    door.asked("DELETE", &path, &[], 204).await?;
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/Participants"))] {
        ensure!(door.asked(method, &path, &[], 404).await?["code"] == 20404, "{method} {path}");
    }
    let listed = door.asked("GET", "/v1/Conversations", &[], 200).await?;
    assert_eq!(listed["conversations"].as_array().map(Vec::len), Some(1), "{listed}");
    door.asked("PUT", &path, &[], 405).await?;
    Ok(())
}

/// However small the pages are, each is there once, both ways.
async fn each_is_on_one_page(door: &Door, said: &str, all: &[Value]) -> Result {
    let base = door.server.url("");
    for (order, places) in [("asc", [0, 1, 2]), ("desc", [2, 1, 0])] {
        let mut page = door.asked("GET", &format!("{said}?PageSize=1&Order={order}"), &[], 200).await?;
        for (turn, nth) in ["next", "next", "previous", "previous", "previous"].into_iter().zip([0, 1, 2, 1, 0]) {
            let items = page["messages"].as_array().context("no messages")?;
            ensure!(items.len() == 1 && items[0]["sid"] == all[places[nth]]["sid"], "{order}: {page}");
            let url = page["meta"][format!("{turn}_page_url")].as_str();
            ensure!(url.is_none() == (turn == "previous" && nth == 0), "{order}: {page}");
            if let Some(url) = url {
                page = door.asked("GET", url.strip_prefix(&*base).context("elsewhere")?, &[], 200).await?;
            }
        }
    }
    Ok(())
}

async fn people_come_speak_and_go(layout: Layout) -> Result {
    let door = Door::open(layout, 3).await?;
    let made = door.made(json!({"addresses": [ANN, BEN]})).await?;
    let (people, said) = (format!("{}/Participants", path(&made)?), format!("{}/Messages", path(&made)?));
    let added = door.asked("POST", &people, &[("MessagingBinding.Address", CEM)], 201).await?;
    let binding = &added["messaging_binding"];
    ensure!(
        binding["type"] == "sms" && binding["address"] == CEM && added["conversation_sid"] == made["sid"],
        "{added}"
    );
    for (form, status) in [
        (&[("MessagingBinding.Address", CEM)][..], 409),
        (&[("MessagingBinding.Address", "hello?")][..], 400),
        (&[("Identity", "somebody")][..], 400),
        (&[("Attributes", "{}")][..], 400),
        (&[("MessagingBinding.Address", "+14155550104"), ("MessagingBinding.ProxyAddress", "+15005559999")][..], 400),
    ] {
        door.asked("POST", &people, form, status).await?;
    }
    let refused = door.asked("POST", &people, &[("MessagingBinding.Address", CEM)], 409).await?;
    ensure!(text(&refused["message"])?.contains("in this session already"), "{refused}");
    let listed = door.asked("GET", &people, &[], 200).await?;
    assert_eq!(listed["participants"].as_array().map(Vec::len), Some(3));
    let one = format!("{people}/{}", text(&added["sid"])?);
    assert_eq!(door.asked("GET", &one, &[], 200).await?, added);
    // what somebody texts is heard by all others, and is one message of the conversation
    let number = text(&binding["proxy_address"])?;
    play::text(&door.server, CEM, &number, "On my way").await?;
    settled(&door.server).await?;
    let told = door.asked("POST", &said, &[("Body", "Five minutes"), ("Author", "dispatch")], 201).await?;
    ensure!(told["author"] == "system" && told["body"] == "Five minutes", "{told}");
    let for_ann = door.asked("POST", &said, &[("Body", "I am here"), ("Author", ANN)], 201).await?;
    ensure!(for_ann["author"] == ANN && text(&for_ann["participant_sid"])?.starts_with("MB"), "{for_ann}");
    let listed = door.asked("GET", &said, &[], 200).await?;
    let all = listed["messages"].as_array().context("no messages")?;
    let bodies: Vec<_> = all.iter().map(|one| (one["body"].as_str(), one["author"].as_str())).collect();
    let wanted = [("On my way", CEM), ("Five minutes", "system"), ("I am here", ANN)];
    assert_eq!(bodies, wanted.map(|(body, author)| (Some(body), Some(author))));
    assert_eq!((&all[2]["sid"], &all[1]["sid"]), (&for_ann["sid"], &told["sid"]));
    each_is_on_one_page(&door, &said, all).await?;
    door.asked("GET", &format!("{said}?Order=up"), &[], 400).await?;
    let first = format!("{said}/{}", text(&told["sid"])?);
    assert_eq!(door.asked("GET", &first, &[], 200).await?["body"], "Five minutes");
    for form in [&[("Body", "")][..], &[("MediaSid", "ME1"), ("Body", "x")]] {
        door.asked("POST", &said, form, 400).await?;
    }
    // its client has paid nothing in, and all are told
    let sent = door.server.rows("SELECT id FROM sb_message WHERE direction = 'outbound'").await?;
    assert_eq!(sent.len(), 2 + 3 + 2);
    ensure!(door.server.rows("SELECT id FROM sb_ledger").await?.is_empty(), "nobody is charged");
    door.asked("DELETE", &one, &[], 204).await?;
    door.asked("GET", &one, &[], 404).await?;
    door.asked("DELETE", &one, &[], 404).await?;
    consistent(&door.server).await?;
    // calls are no messages
    tamper(&door.server, "UPDATE sb_interaction SET kind = 'voice'").await?;
    assert_eq!(door.asked("GET", &said, &[], 200).await?["messages"], json!([]));
    door.asked("GET", &first, &[], 404).await?;
    Ok(())
}

/// A post as Twilio makes it; status and body.
async fn event(door: &Door, fields: &[(&str, &str)], token: &str) -> Result<(u16, String)> {
    let fields: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    post_form(&door.server, EVENT, &fields, &sign(token, &format!("{PUBLIC}{EVENT}"), &fields)).await
}

async fn twilios_event_of_a_closed_conversation_removes_it(layout: Layout) -> Result {
    let door = Door::open(layout, 2).await?;
    let [one, other] = [door.made(json!({"addresses": [ANN]})).await?, door.made(json!({"addresses": [BEN]})).await?];
    let (one, other) = (text(&one["sid"])?, text(&other["sid"])?);
    let updated = |state| [("EventType", "onConversationUpdated"), ("ConversationSid", &*one), ("State", state)];
    assert_eq!(event(&door, &updated("active"), TOKEN).await?, (200, "not processed".to_owned()));
    assert_eq!(event(&door, &[("EventType", "onMessageAdded")], TOKEN).await?, (200, "not processed".to_owned()));
    assert_eq!(door.server.post(EVENT, "EventType=onConversationUpdated").await?.0, 400, "no signature");
    assert_eq!(event(&door, &updated("closed"), "guess").await?.0, 403);
    ensure!(door.ask("GET", &format!("/v1/Conversations/{one}"), &[]).await?.1["state"] == "active");
    assert_eq!(event(&door, &updated("closed"), TOKEN).await?, (200, format!("{one} deleted")));
    door.asked("GET", &format!("/v1/Conversations/{one}"), &[], 404).await?;
    let (status, body) = event(&door, &updated("closed"), TOKEN).await?;
    ensure!(status == 500 && body.starts_with(&format!("{one} failed to delete: ")), "{status} {body}");
    // as JSON, of which Twilio signs the digest
    let body = json!({"EventType": "onConversationStateUpdated", "ConversationSid": other, "StateTo": "closed"});
    let body = body.to_string();
    let target = format!("{EVENT}?bodySHA256={}", switchboard::crypto::hash::sha256_hex(body.as_bytes()));
    let signature = sign(TOKEN, &format!("{PUBLIC}{target}"), &[]);
    let request = door.server.http.post(door.server.url(&target)).header("X-Twilio-Signature", signature);
    let response = request.header("content-type", "application/json").body(body).send().await?;
    assert_eq!((response.status().as_u16(), response.text().await?), (200, format!("{other} deleted")));
    // what was made elsewhere is none of this door's
    let pools = act_well(&door.server, &door.client, "GET", "/v1/pools", None).await?;
    let native = json!({"pool_id": pools["data"][0]["id"], "participants": [{"address": ANN}]});
    let native = act_well(&door.server, &door.client, "POST", "/v1/sessions", Some(native)).await?;
    let sid = text(&native["id"])?.replace("ses_", "CH");
    let closed = [("EventType", "onConversationUpdated"), ("ConversationSid", &*sid), ("State", "closed")];
    assert_eq!(event(&door, &closed, TOKEN).await?.0, 500);
    consistent(&door.server).await
}

/// What an account signs is about conversations on its own numbers.
async fn an_event_of_another_account_removes_nothing(layout: Layout) -> Result {
    let door = Door::open(layout, 0).await?;
    let [own, other] = ["b", "c"].map(|digit| (format!("AC{}", digit.repeat(32)), digit.repeat(32)));
    let add = async |name: &str, (sid, token): &(String, String)| {
        let credentials = json!({"account_sid": sid, "auth_token": token});
        account(&door.server, json!({"name": name, "credentials": credentials})).await
    };
    let id = add("own", &own).await?;
    add("other", &other).await?;
    door.add(&ours(0), &id).await?;
    let sid = text(&door.made(json!({"addresses": [ANN, BEN]})).await?["sid"])?;
    let closed = [("EventType", "onConversationUpdated"), ("ConversationSid", &*sid), ("State", "closed")];
    let (status, told) = event(&door, &closed, &other.1).await?;
    // as of one that is not there
    let missing = [("EventType", "onConversationUpdated"), ("ConversationSid", "CH1"), ("State", "closed")];
    let (_, unknown) = event(&door, &missing, &other.1).await?;
    ensure!(status == 500 && told == unknown.replace("CH1", &sid), "{status} {told}");
    door.asked("GET", &format!("/v1/Conversations/{sid}"), &[], 200).await?;
    assert_eq!(event(&door, &closed, &own.1).await?, (200, format!("{sid} deleted")));
    door.asked("GET", &format!("/v1/Conversations/{sid}"), &[], 404).await?;
    consistent(&door.server).await
}

/// It rests when nobody has spoken for long enough, keeps its numbers, and goes on with the next text.
async fn a_conversation_rests_in_silence_until_the_next_text(layout: Layout) -> Result {
    let door = Door::open(layout, 1).await?;
    let made = door.made(json!({"addresses": [ANN, BEN], "timers": {"inactive": "PT1H"}})).await?;
    ensure!(!made["timers"]["dateInactive"].is_null() && made["timers"]["dateClosed"].is_null(), "{made}");
    let other = path(&door.made(json!({"addresses": [CEM], "timers": {"inactive": "PT1H"}})).await?)?;
    let path = path(&made)?;
    let shown = async |state: &str| {
        until("its state", async || {
            let found = door.asked("GET", &path, &[], 200).await?;
            Ok((found["state"] == state).then_some(found))
        })
        .await
    };
    // the hour goes by, for both
    tamper(&door.server, "UPDATE sb_session SET rests_ms = 1").await?;
    ensure!(shown("inactive").await?["timers"] == json!({}));
    ensure!(door.asked("GET", &other, &[], 200).await?["state"] == "inactive", "they rest together");
    consistent(&door.server).await?;
    play::text(&door.server, ANN, &ours(0), "Hello?").await?;
    settled(&door.server).await?;
    ensure!(!shown("active").await?["timers"]["date_inactive"].is_null());
    ensure!(door.server.rows("SELECT id FROM sb_session WHERE rests_ms > changed_ms").await?.len() == 1);
    // so it does by hand, and once it is closed there is nothing to wait for
    door.asked("POST", &path, &[("State", "inactive")], 200).await?;
    door.asked("POST", &path, &[("State", "active")], 200).await?;
    ensure!(door.server.rows("SELECT id FROM sb_session WHERE rests_ms IS NOT NULL").await?.len() == 1);
    door.asked("POST", &path, &[("State", "closed")], 200).await?;
    ensure!(door.server.rows("SELECT id FROM sb_session WHERE rests_ms IS NOT NULL").await?.is_empty());
    consistent(&door.server).await
}

/// What is told at other doors is not told here.
async fn strangers_are_told_nothing(layout: Layout) -> Result {
    let door = Door::set(layout, 1, &[("session.none_text", "Nobody is here.")]).await?;
    door.made(json!({"addresses": [ANN, BEN]})).await?;
    play::text(&door.server, CEM, &ours(0), "Who is there?").await?;
    settled(&door.server).await?;
    ensure!(door.server.rows("SELECT id FROM sb_message WHERE direction = 'outbound'").await?.is_empty());
    // the same pool by our own door
    let pools = act_well(&door.server, &door.client, "GET", "/v1/pools", None).await?;
    let native = json!({"pool_id": pools["data"][0]["id"], "participants": [{"address": "+14155550104"}]});
    act_well(&door.server, &door.client, "POST", "/v1/sessions", Some(native)).await?;
    play::text(&door.server, CEM, &ours(0), "Is nobody there?").await?;
    settled(&door.server).await?;
    let told = door.server.rows("SELECT body FROM sb_message WHERE direction = 'outbound'").await?;
    assert_eq!(told, [["Nobody is here."]]);
    Ok(())
}

on_both_engines!(
    a_conversation_is_read_changed_and_deleted,
    people_come_speak_and_go,
    twilios_event_of_a_closed_conversation_removes_it,
    an_event_of_another_account_removes_nothing,
    a_conversation_rests_in_silence_until_the_next_text,
    strangers_are_told_nothing,
);

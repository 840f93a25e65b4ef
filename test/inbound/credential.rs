//! New credentials for an account: they are in force at once, for what is sent and for what comes in.

use reqwest::Method;
use serde_json::{Value, json};

use super::play::{
    OURS, PERSON, account, builder, call, form, get, in_state, number, post_twilio, received, send, settled,
};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result, Server, until};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";
const OLD: &str = "the-token-before";

async fn change(server: &Server, account: &str, credentials: Value, more: Value) -> Result<(u16, Value)> {
    let body = crate::messages::with(json!({"credentials": credentials}), more);
    call(server, Method::PATCH, &format!("/v1/accounts/{account}"), Some(body)).await
}

async fn a_new_token_takes_the_place_of_the_old(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let builder = builder(layout).await?.set("provider.twilio_base_url", carrier.url());
    let server = builder.set("outbox.breaker_rest", "10m").start().await?;
    let twilio = |sid: &str, token: &str| json!({"account_sid": sid, "auth_token": token});
    let made = account(&server, "twilio", twilio(ACCOUNT, OLD), json!({"name": "mine"})).await?;
    number(&server, &made, OURS, json!({})).await?;
    assert_eq!(post_twilio(&server, SMS, &form("SM1", "one"), OLD).await?.0, 200);
    let (_, waits) = send(&server, PERSON, "with the old token").await?;
    let waits = waits["id"].as_str().unwrap_or_default();
    until("the account to rest", async || {
        let account = get(&server, &format!("/v1/accounts/{made}")).await?;
        Ok((account["resting"]["code"] == 20003).then_some(()))
    })
    .await?;
    in_state(&server, waits, "sending").await?;

    // nothing changes by what is refused: not the carrier's, another account's, another provider's
    let flowroute = json!({"access_key": "1", "secret_key": "2", "webhook_token": "a-secret-path-segment"});
    for wrong in [twilio(ACCOUNT, "guess"), twilio("ACffff", TOKEN), flowroute, json!("hush")] {
        let (status, answer) = change(&server, &made, wrong, json!({"name": "changed"})).await?;
        assert_eq!((status, &answer["field"]), (400, &json!("credentials")), "{answer}");
    }
    assert_eq!(post_twilio(&server, SMS, &form("SM2", "two"), OLD).await?.0, 200);

    let at_once = json!({"previous_valid_for": "0s"});
    let (status, changed) = change(&server, &made, twilio(ACCOUNT, TOKEN), at_once).await?;
    assert_eq!((status, &changed["name"], &changed["credentials"]), (200, &json!("mine"), &Value::Null));
    assert_eq!(post_twilio(&server, SMS, &form("SM3", "three"), OLD).await?.0, 403);
    assert_eq!(post_twilio(&server, SMS, &form("SM4", "four"), TOKEN).await?.0, 200);
    let (_, sent) = send(&server, PERSON, "with the new token").await?;
    in_state(&server, sent["id"].as_str().unwrap_or_default(), "sent").await?;
    // what waited for it goes at once, and the account rests no longer
    in_state(&server, waits, "sent").await?;
    assert_eq!(get(&server, &format!("/v1/accounts/{made}")).await?["resting"], Value::Null);
    settled(&server).await?;
    assert_eq!(received(&server).await?.len(), 3);

    // unchecked, whatever the carrier says; a name alone leaves them as they are
    let unchecked = change(&server, &made, twilio(ACCOUNT, "next"), json!({"check": false})).await?;
    assert_eq!(unchecked.0, 200);
    call(&server, Method::PATCH, &format!("/v1/accounts/{made}"), Some(json!({"name": "renamed"}))).await?;
    assert_eq!(post_twilio(&server, SMS, &form("SM5", "five"), "next").await?.0, 200);
    Ok(())
}

/// Flowroute's webhooks are known by the path that its credentials name.
async fn a_new_path_takes_the_place_of_the_old(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let keys = |path: &str| json!({"access_key": "1", "secret_key": "2", "webhook_token": path});
    let (first, second) = ("the-first-path-segment", "the-other-path-segment");
    let made = account(&server, "flowroute", keys(first), json!({})).await?;
    account(&server, "flowroute", keys(second), json!({})).await?;
    let unchecked = || json!({"check": false, "previous_valid_for": "0s"});
    assert_eq!(change(&server, &made, keys(second), unchecked()).await?.0, 409);
    let third = "the-third-path-segment";
    assert_eq!(change(&server, &made, keys(third), unchecked()).await?.0, 200);
    let text = json!({"to": &OURS[1..], "from": &PERSON[1..], "body": "hello", "id": "mdr1-1"});
    for (path, status) in [(first, 403), (third, 200)] {
        let posted = super::play::post_json(&server, &format!("/webhooks/flowroute/{path}/sms"), &text).await?;
        assert_eq!(posted, status, "{path}");
    }
    Ok(())
}

on_both_engines!(a_new_token_takes_the_place_of_the_old, a_new_path_takes_the_place_of_the_old);

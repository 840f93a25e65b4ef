//! What providers know of numbers, asked through `/v1/lookup`.

use serde_json::{Value, json};

use crate::events::call;
use crate::harness::carrier::ACCOUNT;
use crate::harness::port::free_port;
use crate::harness::{ADMIN, Carrier, Layout, Result, Server};
use crate::messages::{account, builder};
use crate::on_both_engines;

async fn look_up(server: &Server, rest: &str) -> Result<(u16, Value)> {
    call(server, "GET", &format!("/v1/lookup/{rest}"), None).await
}

async fn add(server: &Server, provider: &str, credentials: Value) -> Result<String> {
    account(server, json!({"provider": provider, "credentials": credentials})).await
}

async fn providers_are_asked(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let builder = builder(layout, &carrier).await?.set("provider.twilio_lookup_base_url", carrier.url());
    let server = builder.start().await?;
    assert_eq!(look_up(&server, "+14155550100").await?.0, 409, "there is no account");
    let credentials = json!({"access_key": "1", "secret_key": "2", "webhook_token": "a-secret-path-segment"});
    let flowroute = add(&server, "flowroute", credentials).await?;
    assert_eq!(look_up(&server, "+14155550100").await?.0, 409, "there is none that can");
    assert_eq!(look_up(&server, &format!("+14155550100?account_id={flowroute}")).await?.0, 409);

    let loopback = add(&server, "loopback", json!({})).await?;
    let plain = json!({"number": "+33612345678", "is_valid": true, "country": "FR", "national_format": null,
        "account_id": loopback});
    assert_eq!(look_up(&server, "%2B33612345678").await?, (200, plain));
    let twilio = account(&server, json!({})).await?;
    let real = json!({"number": "+14155550100", "is_valid": true, "country": "US",
        "national_format": "(415) 555-0100", "account_id": twilio});
    assert_eq!(look_up(&server, "+14155550100").await?, (200, real), "the loopback comes last");
    assert_eq!(look_up(&server, "+33612345678").await?.1["is_valid"], false);
    let (status, answer) = look_up(&server, &format!("+33612345678?account_id={loopback}")).await?;
    assert_eq!((status, &answer["is_valid"]), (200, &json!(true)));

    for (rest, field) in [
        ("40404", "number"),
        ("%ff", "number"),
        ("+14155550100?account_id=mine", "account_id"),
        ("+14155550100?account_id=acc_00000000000000000000000000000001", "account_id"),
    ] {
        let (status, problem) = look_up(&server, rest).await?;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{rest}: {problem}");
    }
    assert_eq!(server.http.get(server.url("/v1/lookup/+14155550100")).send().await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_no_or_nothing_is_told_of() -> Result {
    let carrier = Carrier::start().await?;
    let builder = builder(Layout::SqliteShared, &carrier).await?;
    let server = builder.set("provider.twilio_lookup_base_url", carrier.url()).start().await?;
    let wrong = json!({"credentials": {"account_sid": ACCOUNT, "auth_token": "not-it"}});
    account(&server, wrong).await?;
    let (status, problem) = look_up(&server, "+14155550100").await?;
    assert_eq!(status, 409, "{problem}");
    let away = format!("http://127.0.0.1:{}", free_port()?);
    let builder = server.builder().clone().set("provider.twilio_lookup_base_url", away);
    drop(server);
    let server = builder.start_unseeded().await?;
    let request = server.http.get(server.url("/v1/lookup/+14155550100")).bearer_auth(ADMIN);
    let answer = request.send().await?;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    Ok(())
}

on_both_engines!(providers_are_asked);

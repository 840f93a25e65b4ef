//! How a call is made: what is carried to its provider, what is refused, and what is left of it once it is deleted.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::ensure;
use serde_json::{Value, json};

use super::{Door, FROM, TO};
use crate::events::{text, well};
use crate::harness::{Builder, Carrier, Layout, Result, until};
use crate::messages::{account, number, quick};
use crate::on_both_engines;
use crate::relay::route::route;

const URL: &str = "https://example.com/a.xml?x=1&y";

impl Door {
    /// As [`Door::open`], with an account at a carrier in Twilio's place.
    async fn at(layout: Layout, carrier: &Carrier) -> Result<Self> {
        let server = quick(Builder::new(layout).await?, carrier).start().await?;
        let account = account(&server, json!({})).await?;
        number(&server, &account, FROM, json!({"capabilities": ["sms", "voice"]})).await?;
        route(&server, 10, r"\+1", &account).await?;
        let client = well(&server, "POST", "/v1/clients", Some(json!({"name": "Example Ltd", "balance": "1"}))).await?;
        let (sid, token) = (text(&client["sid"])?, text(&client["auth_token"])?);
        Ok(Self { server, sid, token, replies: Mutex::default() })
    }

    async fn dial(&self, more: &[(&str, &str)]) -> Result<(u16, Value)> {
        let form = [&[("To", TO), ("From", FROM), ("Url", URL)], more].concat();
        self.ask("POST", &self.path("Calls.json"), &form).await
    }
}

async fn what_a_client_says_of_a_call_reaches_its_provider(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let door = Door::at(layout, &carrier).await?;
    let said = [
        ("Method", "GET"),
        ("FallbackUrl", "https://example.com/b?c=d&e"),
        ("FallbackMethod", "POST"),
        ("SendDigits", "wW12*#AD"),
        ("Timeout", "600"),
        ("Record", "true"),
        ("MachineDetection", "DetectMessageEnd"),
    ];
    // what asks for no more than what happens anyway is no harm
    let usual = [("AsyncAmd", "false"), ("Trim", "trim-silence"), ("StatusCallbackMethod", "POST"), ("TimeLimit", "")];
    let (status, call) = door.dial(&[&said[..], &usual[..], &[("SmartEncoded", "true")]].concat()).await?;
    ensure!(status == 201, "{status} {call}");
    let placed = until("the call at the carrier", async || Ok(carrier.messages(None).await?.pop())).await?;
    ensure!(placed.body == URL, "{placed:?}");
    let wanted: BTreeMap<_, _> = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(placed.other, wanted);
    door.close(1).await
}

async fn what_cannot_be_carried_is_refused(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let long = format!("https://example.com/{}", "a".repeat(2048));
    for (name, value) in [
        ("Method", "PUT"),
        ("FallbackMethod", "get"),
        ("FallbackUrl", "ftp://example.com"),
        ("FallbackUrl", &long),
        ("SendDigits", "12x"),
        ("SendDigits", "123456789012345678901234567890123"),
        ("Timeout", "0"),
        ("Timeout", "601"),
        ("Timeout", "1.5"),
        ("Record", "maybe"),
        ("MachineDetection", "Perhaps"),
        ("ApplicationSid", "AP00000000000000000000000000000000"),
        ("AsyncAmd", "true"),
        ("CallerId", "+14155550111"),
        ("MachineDetectionTimeout", "5"),
        ("RecordingStatusCallback", "https://example.com/recorded"),
        ("StatusCallbackMethod", "GET"),
        ("TimeLimit", "60"),
    ] {
        let (status, refused) = door.dial(&[(name, value)]).await?;
        ensure!(status == 400 && refused["code"] == 20001, "{name}={value}: {status} {refused}");
        ensure!(text(&refused["message"])?.contains(&format!("{name} ")), "{name} is not named: {refused}");
    }
    // one or the other, as at the older door
    let (status, both) = door.dial(&[("Twiml", "<Response/>")]).await?;
    ensure!(status == 400 && both["code"] == 21205, "{status} {both}");
    let form = [("To", TO), ("From", FROM), ("Url", long.as_str())];
    let (status, refused) = door.ask("POST", &door.path("Calls.json"), &form).await?;
    ensure!(status == 400 && refused["code"] == 21205, "{status} {refused}");
    ensure!(door.server.rows("SELECT id FROM sb_message").await?.is_empty(), "something was stored");
    ensure!(door.balance().await? == "1.0000", "something was charged");
    Ok(())
}

async fn of_a_deleted_call_nothing_said_is_left(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let more =
        [("SendDigits", "4711"), ("FallbackUrl", "https://example.com/secret"), ("StatusCallbackEvent", "ringing")];
    let (status, by_url) = door.dial(&more).await?;
    ensure!(status == 201, "{status} {by_url}");
    let form = [("To", TO), ("From", FROM), ("Twiml", "<Response><Say>secret</Say></Response>")];
    let (status, spoken) = door.ask("POST", &door.path("Calls.json"), &form).await?;
    ensure!(status == 201, "{status} {spoken}");
    let kept =
        async || Ok::<_, anyhow::Error>(door.server.rows("SELECT extra FROM sb_message").await?.concat().concat());
    let before = kept().await?;
    ensure!(["example.com/a.xml", "4711", "secret</Say>"].iter().all(|said| before.contains(said)), "{before}");
    for call in [by_url, spoken] {
        let over = door.when(&call, &["completed"]).await?;
        ensure!(door.ask("DELETE", &text(&over["uri"])?, &[]).await?.0 == 204);
    }
    let after = kept().await?;
    ensure!(["example.com", "4711", "secret"].iter().all(|said| !after.contains(said)), "{after}");
    // whoever is still to be told of it is
    ensure!(after.contains("ringing"), "{after}");
    Ok(())
}

on_both_engines!(
    what_a_client_says_of_a_call_reaches_its_provider,
    what_cannot_be_carried_is_refused,
    of_a_deleted_call_nothing_said_is_left,
);

//! Parameters of Twilio's that we do not carry: refused by name, unless they ask for what happens anyway.

use anyhow::ensure;

use super::{Door, FROM, TO};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;

async fn what_is_not_carried_is_refused_by_name(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let messages = door.path("Messages.json");
    let form = |name: &'static str, value: &'static str| [("To", TO), ("From", FROM), ("Body", "x"), (name, value)];
    let service = "AP00000000000000000000000000000000";
    for (name, value) in [
        ("AddressRetention", "obfuscate"),
        ("ApplicationSid", service),
        ("ContentRetention", "discard"),
        ("ContentSid", "HX00000000000000000000000000000000"),
        ("ContentVariables", r#"{"1": "x"}"#),
        ("FallbackFrom", "+15005550007"),
        ("ForceDelivery", "true"),
        ("MaxPrice", "0.01"),
        ("PersistentAction", "geo:37.7,-122.4|Here"),
        ("ProvideFeedback", "True"),
        ("RiskCheck", "enable"),
        ("SendAsMms", "TRUE"),
        ("ShortenUrls", "true"),
        ("SmartEncoded", "1"),
        ("TrafficType", "free"),
        ("UrgentMessage", "true"),
    ] {
        let (status, answer) = door.ask("POST", &messages, &form(name, value)).await?;
        ensure!(status == 400 && answer["code"] == 20001, "{name}={value}: {status} {answer}");
        ensure!(text(&answer["message"])?.contains(&format!(": {name} ")), "{name} is not named: {answer}");
    }
    ensure!(door.balance().await? == "1.0000", "something was charged");
    for (name, value) in [
        ("AddressRetention", "retain"),
        ("ApplicationSid", ""),
        ("Attempt", "3"),
        ("ContentRetention", "Retain"),
        ("ContentVariables", "{}"),
        ("ForceDelivery", "False"),
        ("ProvideFeedback", "false"),
        ("RiskCheck", "disable"),
        ("SendAsMms", "FALSE"),
        ("ShortenUrls", "false"),
        ("SmartEncoded", "True"),
        // no parameter of Twilio's, which it passes over too
        ("Colour", "red"),
    ] {
        let (status, answer) = door.ask("POST", &messages, &form(name, value)).await?;
        ensure!(status == 201, "{name}={value}: {status} {answer}");
    }
    let call = [("To", TO), ("From", FROM), ("Twiml", "<Response/>"), ("Record", "True"), ("AsyncAmd", "FALSE")];
    let (status, call) = door.ask("POST", &door.path("Calls.json"), &call).await?;
    ensure!(status == 201, "{status} {call}");
    // a call under way can only be ended
    for (name, value) in [("Url", "https://example.com/a.xml"), ("Twiml", "<Response/>"), ("TimeLimit", "5")] {
        let (status, answer) =
            door.ask("POST", &text(&call["uri"])?, &[("Status", "completed"), (name, value)]).await?;
        ensure!(
            status == 400 && text(&answer["message"])?.contains(&format!(": {name} ")),
            "{name}: {status} {answer}"
        );
    }
    door.close(1).await
}

on_both_engines!(what_is_not_carried_is_refused_by_name);

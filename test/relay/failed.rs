//! An answer that something was made which has failed already: a refusal, with all that follows from one.

use anyhow::ensure;
use serde_json::{Value, json};

use super::books::routed;
use super::{balance, client};
use crate::events::text;
use crate::harness::{Builder, Carrier, Layout, Result, until};
use crate::inbound::play::settled;
use crate::messages::{FROM, drained, outcomes, person, with};
use crate::on_both_engines;
use crate::relay::scene::act_well;

async fn what_is_made_and_has_failed_is_refused(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = routed(Builder::new(layout).await?, &carrier).await?;
    let client = client(&server, "10").await?;
    carrier.receipts(json!({"states": ["failed"], "error_code": 30007, "via": server.url("")})).await?;
    let text_of = |to: &str| json!({"from": FROM, "to": to, "body": "hello"});
    let failures = [
        (json!({"status": "failed", "code": 30006}), json!(30006), "Failed on command"),
        (json!({"status": "undelivered", "code": 21610}), json!(21610), "Failed on command"),
        (json!({"status": "FAILED", "code": 0}), Value::Null, "Failed on command"),
        (json!({"status": "failed"}), Value::Null, "Twilio made it failed"),
    ];
    for (count, (fault, code, reason)) in failures.iter().enumerate() {
        let to = person(count);
        carrier.behave(with(json!({"to": to, "times": 1, "do": "fail"}), fault.clone())).await?;
        let id = text(&act_well(&server, &client.id, "POST", "/v1/messages", Some(text_of(&to))).await?["id"])?;
        let path = format!("/v1/messages/{id}");
        // where the answer gave no code, the receipt does
        let shown = if code.is_null() { &json!(30007) } else { code };
        let failed = until("its end, the receipt of it and its code", async || {
            let message = act_well(&server, &client.id, "GET", &path, None).await?;
            let is_told = message["receipts"].as_array().is_some_and(|all| all.len() == 1);
            Ok((message["state"] == "failed" && is_told && message["error"]["code"] == *shown).then_some(message))
        });
        let failed = failed.await?;
        ensure!(failed["error"]["reason"] == *reason, "{fault}: {failed}");
        ensure!(failed["attempts"][0]["code"] == *code, "{fault}: {failed}");
        ensure!(outcomes(&failed) == ["refused"] && carrier.messages(Some(&to)).await?.len() == 1, "{failed}");
        let sid = carrier.messages(Some(&to)).await?[0].sid.clone();
        ensure!(failed["attempts"][0]["provider_id"] == sid, "{failed}");
    }
    settled(&server).await?;
    drained(&server).await?;
    assert_eq!(balance(&server, &client).await?, "10.0000", "what came to nothing costs nothing");
    assert_eq!(server.rows("SELECT person FROM sb_opt_out").await?, [[person(1)]]);
    // what goes well still does
    carrier.receipts(json!({})).await?;
    let id = text(&act_well(&server, &client.id, "POST", "/v1/messages", Some(text_of(&person(9)))).await?["id"])?;
    let good = until("one that goes well", async || {
        let message = act_well(&server, &client.id, "GET", &format!("/v1/messages/{id}"), None).await?;
        Ok((message["state"] == "sent").then_some(message))
    });
    ensure!(outcomes(&good.await?) == ["accepted"]);
    Ok(())
}

on_both_engines!(what_is_made_and_has_failed_is_refused);

//! A refusal that does not say whose fault it is.

use anyhow::ensure;
use serde_json::json;

use super::rest::{check, rests, show, slow};
use super::{FROM, in_state, number, outcomes, person, send_id, sms, with};
use crate::events::well;
use crate::harness::{Carrier, Layout, Result, Server, until};
use crate::on_both_engines;
use crate::relay::scene::{act_well, balance, customer};

/// 403 alone is the message's, unless three people cannot be texted from three numbers, or for three clients.
async fn an_unexplained_403_is_the_message_s_until_it_is_everybody_s(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = super::ready(slow(layout, &carrier).await?).await?;
    let senders = [FROM, "+15005550101", "+15005550102"];
    for sender in &senders[1..] {
        number(&server, &account, sender, json!({})).await?;
    }
    let forbid = async || carrier.behave(json!({"do": "refuse", "status": 403, "code": 21999})).await;
    let failed = async |from: &str, to: usize| {
        let id = send_id(&server, with(sms(&person(to), "no", json!({})), json!({"from": from}))).await?;
        let failed = in_state(&server, &id, "failed").await?;
        ensure!(outcomes(&failed) == ["refused"] && failed["error"]["code"] == 21999, "{failed}");
        Result::Ok(())
    };
    let sent = async |from: &str, to: usize| {
        carrier.clear().await?;
        let id = send_id(&server, with(sms(&person(to), "yes", json!({})), json!({"from": from}))).await?;
        in_state(&server, &id, "sent").await.map(drop)
    };
    forbid().await?;
    // one number of one client is barred, or one person
    for to in 0..4 {
        failed(FROM, to).await?;
    }
    sent(FROM, 9).await?;
    forbid().await?;
    for from in senders {
        failed(from, 1).await?;
    }
    sent(FROM, 9).await?;
    // a good answer between
    forbid().await?;
    failed(senders[0], 1).await?;
    failed(senders[1], 2).await?;
    sent(senders[2], 9).await?;
    forbid().await?;
    failed(senders[2], 3).await?;
    failed(senders[0], 4).await?;
    ensure!(show(&server, &account).await?["resting"].is_null());
    let id = send_id(&server, with(sms(&person(5), "later", json!({})), json!({"from": senders[1]}))).await?;
    ensure!(rests(&server, &account).await?["code"] == 21999);
    carrier.clear().await?;
    check(&server, &account).await?;
    let late = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&late) == ["denied", "accepted"], "{late}");

    // the same of three clients that send from one number
    let route = json!({"priority": 1, "pattern": ".*", "account_id": account});
    well(&server, "POST", "/v1/routes", Some(route)).await?;
    forbid().await?;
    let mut last = (String::new(), String::new());
    for to in 20..23 {
        let client = customer(&server, "1", json!({})).await?;
        let text = sms(&person(to), "of a client", json!({}));
        let told = act_well(&server, &client, "POST", "/v1/messages", Some(text)).await?;
        last = (client, crate::events::text(&told["id"])?);
        if to < 22 {
            refunded(&server, &last.0, &last.1, "failed").await?;
        }
    }
    rests(&server, &account).await?;
    assert_eq!(balance(&server, &last.0).await?, "0.9925", "it waits, and is paid for");
    Ok(())
}

/// The message is over in this state, and its client has its dollar back.
async fn refunded(server: &Server, client: &str, id: &str, state: &str) -> Result {
    until(state, async || {
        let message = act_well(server, client, "GET", &format!("/v1/messages/{id}"), None).await?;
        Ok((message["state"] == state).then_some(()))
    })
    .await?;
    assert_eq!(balance(server, client).await?, "1.0000");
    Ok(())
}

on_both_engines!(an_unexplained_403_is_the_message_s_until_it_is_everybody_s);

//! How many codes are sent: to one number, for one address, by one client, and by limits of a client's own.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{text, well};
use crate::harness::database::redis;
use crate::harness::{Builder, Layout, Result, Server};
use crate::messages::{person, with};
use crate::on_both_engines;
use crate::relay::client::{By, ask};
use crate::relay::scene::{act_well, at_rest, balance, customer, everything};

const VERIFICATIONS: &str = "/v1/verifications";
const LIMITS: &str = "/v1/verification-rate-limits";
/// An hour, and the sixtieth of it by which a count may last longer.
const LONGEST_WAIT: u64 = 3_660;

/// A server on which few codes may be sent, with a client of this much money.
async fn scene(layout: Layout, settings: &[(&str, u32)]) -> Result<(Server, String)> {
    let mut builder = Builder::new(layout).await?;
    for (name, most) in settings {
        builder = builder.set(&format!("verification.limits.{name}"), most);
    }
    let server = builder.start().await?;
    everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    Ok((server, client))
}

/// Asks for a code: `None` where it is sent, else the words of the refusal.
async fn refused(server: &Server, client: &str, to: &str, set: Value) -> Result<Option<String>> {
    let body = with(json!({"to": to}), set);
    let (status, headers, answer) = ask(server, By::AdminFor(client), "POST", VERIFICATIONS, Some(body)).await?;
    if status == 201 || status == 200 {
        return Ok(None);
    }
    ensure!(status == 429, "{status} {answer}");
    let wait = headers.get("retry-after").context("no Retry-After")?.to_str()?.parse::<u64>()?;
    ensure!((1..=LONGEST_WAIT).contains(&wait), "{wait}");
    text(&answer["detail"]).map(Some)
}

async fn a_number_gets_so_many_codes_over_all_services(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[("recipient_per_hour", 3)]).await?;
    let to = person(1);
    let service = async |name: &str| {
        let made = act_well(&server, &client, "POST", "/v1/verification-services", Some(json!({"name": name}))).await?;
        text(&made["id"])
    };
    let (shop, bank) = (service("shop").await?, service("bank").await?);
    for set in [json!({}), json!({"service": shop}), json!({})] {
        ensure!(refused(&server, &client, &to, set).await?.is_none());
    }
    at_rest(&server, 0).await?;
    let before = balance(&server, &client).await?;
    let said = refused(&server, &client, &to, json!({"service": bank})).await?;
    ensure!(said.as_deref() == Some("only 3 codes are sent to one number within 1h"), "{said:?}");
    ensure!(balance(&server, &client).await? == before, "what is refused costs nothing");
    ensure!(refused(&server, &client, &person(2), json!({})).await?.is_none(), "another number");
    let other = customer(&server, "10", json!({})).await?;
    ensure!(refused(&server, &other, &to, json!({})).await?.is_none(), "another client's");
    at_rest(&server, 0).await
}

async fn a_person_of_two_numbers_is_counted_once(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[("recipient_per_hour", 2)]).await?;
    for to in ["+5215512345678", "+525512345678"] {
        ensure!(refused(&server, &client, to, json!({})).await?.is_none());
    }
    ensure!(refused(&server, &client, "+5215512345678", json!({})).await?.is_some());
    at_rest(&server, 0).await
}

async fn a_kill_forgets_nothing_of_a_day(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[("recipient_per_day", 2), ("recipient_per_hour", 0)]).await?;
    let new = json!({"name": "ip", "buckets": [{"max": 1, "interval": "2d"}]});
    act_well(&server, &client, "POST", LIMITS, Some(new)).await?;
    let named = json!({"rate_limits": {"ip": "192.0.2.1"}});
    ensure!(refused(&server, &client, &person(3), named.clone()).await?.is_none());
    for _ in 0..2 {
        ensure!(refused(&server, &client, &person(1), json!({})).await?.is_none());
    }
    at_rest(&server, 0).await?;
    let server = server.restart().await?;
    let body = json!({"to": person(1)});
    let (status, _, answer) = ask(&server, By::AdminFor(&client), "POST", VERIFICATIONS, Some(body)).await?;
    ensure!(status == 429 && answer["detail"] == "only 2 codes are sent to one number within 1d", "{status} {answer}");
    ensure!(refused(&server, &client, &person(2), json!({})).await?.is_none());
    let named = with(json!({"to": person(2)}), named);
    let (status, _, answer) = ask(&server, By::AdminFor(&client), "POST", VERIFICATIONS, Some(named)).await?;
    ensure!(status == 429 && answer["detail"] == "only 1 code is sent by the rate limit ip within 2d", "{answer}");
    at_rest(&server, 0).await
}

async fn an_address_and_a_client_have_limits(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[("address_per_hour", 2), ("client_per_hour", 4)]).await?;
    let from = |address: &str| json!({"device_ip": address});
    for (to, address) in [(1, "2001:db8:1:2::1"), (2, "2001:db8:1:2:ffff::1")] {
        ensure!(refused(&server, &client, &person(to), from(address)).await?.is_none());
    }
    let said = refused(&server, &client, &person(3), from("2001:db8:1:2::3")).await?;
    ensure!(said.as_deref() == Some("only 2 codes are sent for one device's address within 1h"), "{said:?}");
    ensure!(refused(&server, &client, &person(3), from("2001:db8:1:3::1")).await?.is_none(), "another network");
    ensure!(refused(&server, &client, &person(3), json!({})).await?.is_none(), "nobody knows from where");
    let said = refused(&server, &client, &person(4), json!({})).await?;
    ensure!(said.as_deref() == Some("only 4 codes are sent for this client within 1h"), "{said:?}");
    at_rest(&server, 0).await
}

async fn a_client_s_own_limits_count_what_they_are_named_with(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[]).await?;
    let buckets = json!([{"max": 2, "interval": "1h"}, {"max": 5, "interval": "1d"}]);
    act_well(&server, &client, "POST", LIMITS, Some(json!({"name": "ip", "buckets": buckets}))).await?;
    let with_value = |value: &str| json!({"rate_limits": {"ip": value}});
    for to in 1..3 {
        ensure!(refused(&server, &client, &person(to), with_value("192.0.2.1")).await?.is_none());
    }
    let said = refused(&server, &client, &person(3), with_value("192.0.2.1")).await?;
    ensure!(said.as_deref() == Some("only 2 codes are sent by the rate limit ip within 1h"), "{said:?}");
    ensure!(refused(&server, &client, &person(3), with_value("192.0.2.2")).await?.is_none(), "another value");
    ensure!(refused(&server, &client, &person(3), json!({})).await?.is_none(), "it is not named");
    for rate_limits in [json!({"other": "1"}), json!({"ip": ""}), json!({"ip": "x".repeat(257)})] {
        let body = json!({"to": person(4), "rate_limits": rate_limits});
        let (status, _, problem) = ask(&server, By::AdminFor(&client), "POST", VERIFICATIONS, Some(body)).await?;
        ensure!(status == 400 && problem["field"] == "rate_limits", "{status} {problem}");
    }
    at_rest(&server, 0).await
}

async fn what_is_refused_for_another_reason_is_not_counted(layout: Layout) -> Result {
    let (server, client) = scene(layout, &[]).await?;
    let new = json!({"name": "ip", "buckets": [{"max": 1, "interval": "1h"}]});
    act_well(&server, &client, "POST", LIMITS, Some(new)).await?;
    let out = person(1);
    well(&server, "PUT", &format!("/v1/opt-outs/+15005550100/{out}"), Some(json!({"is_out": true}))).await?;
    let named = json!({"rate_limits": {"ip": "192.0.2.1"}});
    let body = with(json!({"to": out}), named.clone());
    let (status, _, answer) = ask(&server, By::AdminFor(&client), "POST", VERIFICATIONS, Some(body)).await?;
    ensure!(status == 403, "{status} {answer}");
    ensure!(refused(&server, &client, &person(2), named.clone()).await?.is_none(), "it was given back");
    ensure!(refused(&server, &client, &person(3), named).await?.is_some());
    at_rest(&server, 0).await
}

on_both_engines!(
    a_number_gets_so_many_codes_over_all_services,
    a_person_of_two_numbers_is_counted_once,
    a_kill_forgets_nothing_of_a_day,
    an_address_and_a_client_have_limits,
    a_client_s_own_limits_count_what_they_are_named_with,
    what_is_refused_for_another_reason_is_not_counted,
);

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_their_limits() -> Result {
    let limit = ("verification.limits.recipient_per_hour", 3);
    let one = Builder::new(Layout::MariadbShared).await?.set("redis.url", redis()?).set(limit.0, limit.1);
    let other = Builder::at(one.home()).set("redis.url", redis()?).set(limit.0, limit.1);
    let (one, other) = (one.start().await?, other.start_unseeded().await?);
    everything(&one).await?;
    let client = customer(&one, "10", json!({})).await?;
    crate::harness::until("the client on the other node", async || {
        let (status, ..) = ask(&other, By::AdminFor(&client), "GET", LIMITS, None).await?;
        Ok((status == 200).then_some(()))
    })
    .await?;
    // whose number this is must not be what another test has counted: hashes are keyed by the store
    let to = person(7);
    for node in [&one, &other, &one] {
        ensure!(refused(node, &client, &to, json!({})).await?.is_none());
    }
    for node in [&other, &one] {
        ensure!(refused(node, &client, &to, json!({})).await?.is_some());
    }
    at_rest(&one, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_send_no_more_than_may_be() -> Result {
    let (server, client) = scene(Layout::SqliteShared, &[("recipient_per_hour", 3), ("recipient_per_day", 0)]).await?;
    let (server, to) = (&server, person(1));
    let all = futures_util::future::join_all((0..200).map(|_| refused(server, &client, &to, json!({})))).await;
    let sent = all.into_iter().filter(|one| matches!(one, Ok(None))).count();
    // who is refused for another's sake meanwhile gives its place back
    ensure!((1..=3).contains(&sent), "{sent}");
    at_rest(server, 0).await
}

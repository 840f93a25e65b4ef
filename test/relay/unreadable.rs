//! Rows that cannot be read: they are passed over and named, and all others are in force.

use anyhow::ensure;
use serde_json::json;

use super::scene::{act_well, customer, everything, tamper};
use super::{Client, balance, client, post};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

/// Rows by their ids. Of an administrator's key nothing but the length of its hash can be bad, which a server mends.
const BAD: [(&str, &str); 5] = [
    (
        "bad00000000000000000000000000001",
        "INSERT INTO sb_account (id, provider, name, external_id, credentials, rate, uncertain, replies_to_keywords, \
         created_ms) VALUES (X'bad00000000000000000000000000001', 'fax', '', 'x', '', 0, 'sometimes', 0, 0)",
    ),
    (
        "bad00000000000000000000000000002",
        "INSERT INTO sb_number (id, client_id, account_id, address, capabilities, meaning, rate, created_ms) \
         VALUES (X'bad00000000000000000000000000002', X'01', X'02', '+1999', '', 'none', 0, 0)",
    ),
    (
        BAD_ADMIN,
        "INSERT INTO sb_admin_key (id, key_hash, prefix, name, created_ms) \
         VALUES (X'bad00000000000000000000000000003', X'01', '', '', 0)",
    ),
    (
        "bad00000000000000000000000000004",
        "INSERT INTO sb_route (id, priority, pattern, channel, account_id, name, created_ms) \
         VALUES (X'bad00000000000000000000000000004', 1, '.*', 'fax', X'01', '', 0)",
    ),
    (
        "bad00000000000000000000000000005",
        "INSERT INTO sb_rate (channel, prefix, from_ms, id, price) \
         VALUES ('fax', '1', 0, X'bad00000000000000000000000000005', 1)",
    ),
];
const BAD_ADMIN: &str = "bad00000000000000000000000000003";

async fn rows_that_cannot_be_read_keep_no_others_out(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for (_, sql) in BAD {
        tamper(&server, sql).await?;
    }
    // what is new is seen all the same
    let account = json!({"provider": "loopback", "credentials": {}});
    let account = text(&well(&server, "POST", "/v1/accounts", Some(account)).await?["id"])?;
    let number = json!({"number": "+15005550100", "account_id": account, "capabilities": ["sms"]});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    super::route(&server, &account).await?;
    let rate = json!({"channel": "sms", "prefix": "237", "price": "0.5"});
    well(&server, "POST", "/v1/rates", Some(rate)).await?;
    let ann: Client = client(&server, "2").await?;
    let sms = json!({"To": "+237612345678", "Body": "hello"});
    let (status, sent) = post(&server, &ann.key, "/relay/sms", &sms).await?;
    ensure!(status == 200 && sent["cost"] == "0.5000", "{status} {sent}");
    assert_eq!(balance(&server, &ann).await?, "1.5000");
    let log = server.log()?;
    for (id, _) in BAD {
        let is_readable = layout.is_mariadb() && id == BAD_ADMIN;
        ensure!(is_readable || log.contains(id), "{id} is not named: {log}");
    }
    ensure!(!log.contains("could not look for changed"), "{log}");
    Ok(())
}

/// Its numbers go on sending, lists leave it out, and other pools may be changed.
async fn a_pool_that_cannot_be_read_is_passed_over(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let mut pools = Vec::new();
    for name in ["first", "moon", "last"] {
        let made = act_well(&server, &client, "POST", "/v1/pools", Some(json!({ "name": name }))).await?;
        pools.push(text(&made["id"])?);
    }
    let new = json!({"number": "+15005550101", "account_id": account});
    let number = text(&act_well(&server, &client, "POST", "/v1/numbers", Some(new)).await?["id"])?;
    act_well(&server, &client, "PUT", &format!("/v1/pools/{}/numbers/{number}", pools[1]), None).await?;
    tamper(&server, r#"UPDATE sb_pool SET settings = '{"choice": "by the moon"}' WHERE name = 'moon'"#).await?;
    // whatever changes, all pools are read again
    let change = json!({"exclusive": true});
    act_well(&server, &client, "PATCH", &format!("/v1/pools/{}", pools[0]), Some(change)).await?;
    ensure!(server.log()?.contains(pools[1].trim_start_matches("pool_")), "it is not named");
    let query = format!("/v1/routes/explain?to=%2B14155550101&client={client}&from={}", pools[1]);
    ensure!(well(&server, "GET", &query, None).await?["from"] == "+15005550101");
    let page = act_well(&server, &client, "GET", "/v1/pools?limit=1", None).await?;
    ensure!(page["data"][0]["name"] == "last", "{page}");
    let query = format!("/v1/pools?limit=1&cursor={}", text(&page["next_cursor"])?);
    let page = act_well(&server, &client, "GET", &query, None).await?;
    ensure!(page["data"][0]["name"] == "first" && page["next_cursor"].is_null(), "{page}");
    Ok(())
}

on_both_engines!(a_pool_that_cannot_be_read_is_passed_over, rows_that_cannot_be_read_keep_no_others_out);

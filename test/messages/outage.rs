//! The store goes away while messages are sent: refusals are clear, nothing is lost, nothing doubled.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::{FROM, account, copies, drained, number, person, quick, sms};
use crate::harness::database::mariadb;
use crate::harness::proxy::Proxy;
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, Server};

fn port_of(url: &str) -> Result<u16> {
    let after = url.rsplit(':').next().context("no port")?;
    Ok(after.split('/').next().unwrap_or(after).parse()?)
}

/// Sends under a key of its own until it is accepted; how often it was refused.
async fn insist(server: &Server, count: usize) -> Result<usize> {
    let body = sms(&person(count % 7), &format!("{count}"), json!({})).to_string();
    let begun = Instant::now();
    let mut refusals = 0;
    loop {
        let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN);
        let response = request.header("idempotency-key", format!("m{count}")).body(body.clone()).send().await?;
        match response.status().as_u16() {
            202 => return Ok(refusals),
            503 => ensure!(response.headers().contains_key("retry-after"), "503 without Retry-After"),
            other => anyhow::bail!("{other}: {}", response.text().await?),
        }
        refusals += 1;
        ensure!(begun.elapsed() < Duration::from_secs(60), "refused for too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_loses_and_doubles_nothing() -> Result {
    let carrier = Carrier::start().await?;
    let port = port_of(&mariadb()?)?;
    let proxy = Proxy::to("127.0.0.1", port).await?;
    let builder = quick(Builder::new(Layout::MariadbShared).await?, &carrier);
    ensure!(builder.run(&["seed"]).await?.status.success());
    let through = builder.home().databases.store_url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port));
    let builder = builder.set("store.url", through).set("store.timeout", "1s");
    // what is left in an unknown state by the cut is found when the lease ends
    let server = builder.set("outbox.lease", "10s").set("outbox.call_timeout", "2s").start_unseeded().await?;
    let made = account(&server, json!({})).await?;
    number(&server, &made, FROM, json!({})).await?;
    let (mut count, mut refused) = (0, 0);
    for _ in 0..3 {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(500) {
            refused += insist(&server, count).await?;
            count += 1;
        }
        proxy.cut().await;
        let mending = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            proxy.mend();
            Ok(())
        };
        // one is refused while it is away, and accepted by itself afterwards
        let ((), more) = tokio::try_join!(mending, insist(&server, count))?;
        ensure!(more > 0, "accepted without a store");
        (count, refused) = (count + 1, refused + more);
    }
    drained(&server).await?;
    let copies = copies(&carrier)?;
    for number in 0..count {
        assert_eq!(copies.get(&number.to_string()), Some(&1), "message {number} of {count}");
    }
    println!("{count} messages through 3 cuts, {refused} refusals, none lost, none doubled");
    Ok(())
}

//! Two nodes over one database: a phone's POST lands on the other node than its page.

use std::time::{Duration, Instant};

use ::redis::{AsyncCommands as _, Client};
use anyhow::Context as _;
use futures_util::StreamExt as _;
use serde_json::json;

use crate::harness::phone::session;
use crate::harness::proxy::Proxy;
use crate::harness::redis::Redis;
use crate::harness::{ADMIN, Builder, Heard, Layout, Phone, Result, Server, Socket, USER, until};

const CHANNEL: &str = "switchboard:signal";

/// Somebody else, whose page shows how far a node has heard.
const OTHER: &str = "load-000001";

async fn two(redis_url: &str) -> Result<(Server, Server)> {
    let builder = Builder::new(Layout::MariadbShared).await?.set("redis.url", redis_url).users(1);
    let home = builder.home();
    let one = builder.start().await?;
    let other = Builder::at(home).set("redis.url", redis_url).start_unseeded().await?;
    joined(&one).await?;
    joined(&other).await?;
    Ok((one, other))
}

/// Waits until a node listens to the others.
async fn joined(server: &Server) -> Result {
    let look = async || {
        let ready = server.http.get(server.url("/readyz")).send().await?.text().await?;
        Ok(ready.contains("\"redis\":\"up\"").then_some(()))
    };
    until("a node that listens", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_of_a_phone_on_the_other_node() -> Result {
    let redis = Redis::start().await?;
    let (page, phone) = two(&redis.url()).await?;
    let mut socket = Socket::of(&page, USER, None).await?;
    let sid = socket.code().await?;
    let begun = Instant::now();
    Phone::new()?.pair(&phone, USER, &sid).await?;
    assert_eq!(socket.hear_past_codes().await?, Heard::Pause);
    assert_eq!(socket.hear_past_codes().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    // through the store it would not have heard of the pause at all
    println!("heard within {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_on_the_other_node_shows_another_code() -> Result {
    let redis = Redis::start().await?;
    let (page, phone) = two(&redis.url()).await?;
    let mut socket = Socket::of(&page, USER, None).await?;
    let sid = socket.code().await?;
    let body = Phone::new()?.one_step(&phone, "wrong password")?;
    let (status, _) = phone.post(&session(USER, &sid), body).await?;
    assert_eq!(status, 403);
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_ne!(socket.code().await?, sid);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_store_tells_within_seconds() -> Result {
    let redis = Redis::start().await?;
    let proxy = Proxy::to("127.0.0.1", redis.port).await?;
    let (page, phone) = two(&format!("redis://127.0.0.1:{}", proxy.port)).await?;
    proxy.cut().await;
    let mut socket = Socket::of(&page, USER, None).await?;
    let sid = socket.code().await?;
    Phone::new()?.pair(&phone, USER, &sid).await?;
    assert_eq!(socket.hear_past_codes().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_on_the_other_node_closes_pages_and_stale_news_does_not() -> Result {
    let redis = Redis::start().await?;
    let (page, phone) = two(&redis.url()).await?;
    let mut heard = Client::open(redis.url())?.get_async_pubsub().await?;
    heard.subscribe(CHANNEL).await?;
    let mut heard = heard.into_on_message();
    let mut other = Socket::of(&page, OTHER, None).await?;
    let others = other.code().await?;
    let sid = phone.sid(USER).await?;
    Phone::new()?.pair(&phone, USER, &sid).await?;
    let id = page.rows("SELECT id FROM sb_device").await?.concat().concat();
    let mut socket = Socket::of(&page, USER, None).await?;
    socket.code().await?;
    let revoke = phone.http.delete(phone.url(&format!("/v1/devices/dev_{id}"))).bearer_auth(ADMIN);
    assert_eq!(revoke.send().await?.status(), 204);
    assert_eq!(socket.hear_past_codes().await?, Heard::Closed(4410));
    // the store may have told before Redis did, whose signal is for whoever is there when it comes: it has come, here,
    // and at the page's node, which shows that by obeying what was said after it
    let told = async {
        while !heard.next().await.context("no signal")?.get_payload::<String>()?.contains("\"revoked\"") {}
        anyhow::Ok(())
    };
    tokio::time::timeout(crate::harness::LONG, told).await.context("no signal")??;
    say(&redis, OTHER, "paused", Some(&others), 1).await?;
    assert_eq!(other.hear_past_codes().await?, Heard::Pause);
    // the store still says so for ten seconds, and a page opened now is not meant
    let mut later = Socket::of(&page, USER, None).await?;
    later.code().await?;
    let quiet = tokio::time::timeout(Duration::from_secs(5), later.hear_past_codes()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    Ok(())
}

/// What another node says, on a clock of its own.
async fn say(redis: &Redis, user: &str, event: &str, sid: Option<&str>, at_ms: i64) -> Result {
    let signal = json!({"node": "elsewhere", "user": user, "event": event, "sid": sid, "at_ms": at_ms});
    let mut connection = Client::open(redis.url())?.get_multiplexed_async_connection().await?;
    connection.publish::<_, _, ()>(CHANNEL, signal.to_string()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_heard_whatever_their_clocks_say() -> Result {
    let redis = Redis::start().await?;
    let (page, _other) = two(&redis.url()).await?;
    let mut socket = Socket::of(&page, USER, None).await?;
    let sid = socket.code().await?;
    say(&redis, USER, "paused", Some(&sid), i64::MAX / 2).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    say(&redis, USER, "resumed", Some(&sid), 1).await?;
    assert_ne!(socket.code().await?, sid);
    say(&redis, USER, "revoked", None, 1).await?;
    assert_eq!(socket.hear_past_codes().await?, Heard::Closed(4410));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_other_keys_does_not_start() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    let home = builder.home();
    let _first = builder.start().await?;
    let elsewhere = home.folder.path().join("other-keys");
    let stranger = Builder::at(home).set("keys.dir", elsewhere.display());
    let output = stranger.run(&["serve", "--listen", "127.0.0.1:0"]).await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("another master key") && said.contains("copy"), "{said}");
    Ok(())
}

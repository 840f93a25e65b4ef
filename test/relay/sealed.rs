//! A callback's login lies sealed for as long as callbacks may go there, and no longer.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use switchboard::store::Change;

use super::scene::tamper;
use super::{Client, client, loopback, post};
use crate::adversity::secrecy::{dump, holds};
use crate::events::receiver::{Answer, Post, Receiver};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::{in_foreign_sessions, on_both_engines};

const TO: &str = "+14155550100";
const LOGIN: &str = "ann:s3cret%40x@";

struct Scene {
    server: Server,
    receiver: Receiver,
    ann: Client,
    layout: Layout,
}

impl Scene {
    /// A receiver that takes nothing until it is told to.
    async fn start(layout: Layout, settings: &[(&str, &str)]) -> Result<Self> {
        let receiver = Receiver::start().await?;
        receiver.answer([Answer::status(500)]);
        let builder = Builder::new(layout).await?.set("event.allow", "127.0.0.1");
        let builder = settings.iter().fold(builder, |builder, (key, value)| builder.set(key, value));
        let server = builder.start().await?;
        loopback(&server).await?;
        let ann = client(&server, "10").await?;
        Ok(Self { server, receiver, ann, layout })
    }

    async fn send(&self) -> Result {
        let url = self.receiver.url("/told").replace("//", &format!("//{LOGIN}"));
        let sms = json!({"To": TO, "From": "+15005550006", "Body": "hello", "StatusCallback": url});
        let (status, sent) = post(&self.server, &self.ann.key, "/relay/api/sms", &sms).await?;
        ensure!(status == 200, "{status} {sent}");
        self.delivered().await
    }

    /// Its message is over, and each of its two callbacks was tried in vain.
    async fn delivered(&self) -> Result {
        until("a delivered message, and callbacks that failed", async || {
            let over = self.server.rows("SELECT state FROM sb_message WHERE state = 'delivered'").await?;
            let tried = self.server.rows("SELECT tries FROM sb_delivery WHERE tries > 0 AND owner IS NULL").await?;
            Ok((over.len() == 1 && tried.len() == 2).then_some(()))
        })
        .await
    }

    async fn logins(&self) -> Result<usize> {
        Ok(self.server.rows("SELECT message_id FROM sb_callback").await?.len())
    }

    async fn is_erased(&self) -> Result {
        until("a login's end", async || Ok((self.logins().await? == 0).then_some(()))).await
    }

    async fn has_none_in_the_clear(&self) -> Result {
        let all = dump(&self.server, self.layout).await?;
        ensure!(holds(&all, b"/told") && !holds(&all, b"s3cret"), "a login lies in the clear");
        Ok(())
    }

    /// What waits for another try goes now, and is taken; all that was posted since.
    async fn go_on(&self) -> Result<Vec<Post>> {
        let before = self.receiver.posts().len();
        self.receiver.answer([Answer::status(200)]);
        tamper(&self.server, "UPDATE sb_delivery SET ready_ms = 1 WHERE ready_ms IS NOT NULL").await?;
        Ok(self.receiver.wait(before + 2).await?.split_off(before))
    }
}

fn has_login(post: &Post) -> bool {
    post.header("authorization").is_ok_and(|given| given == format!("Basic {}", STANDARD.encode("ann:s3cret@x")))
}

async fn it_goes_when_all_is_delivered(layout: Layout) -> Result {
    let scene = Scene::start(layout, &[("event.retries", "1h")]).await?;
    scene.send().await?;
    assert_eq!(scene.logins().await?, 1, "two callbacks wait for it");
    scene.has_none_in_the_clear().await?;
    ensure!(scene.go_on().await?.iter().all(has_login));
    scene.is_erased().await?;
    scene.has_none_in_the_clear().await
}

async fn it_goes_when_all_is_given_up(layout: Layout) -> Result {
    let scene = Scene::start(layout, &[("event.retries", "50ms")]).await?;
    scene.send().await?;
    scene.is_erased().await?;
    let states = scene.server.rows("SELECT DISTINCT state FROM sb_delivery").await?;
    assert_eq!(states, [["exhausted"]]);
    ensure!(scene.receiver.posts().len() == 4 && scene.receiver.posts().iter().all(has_login));
    Ok(())
}

async fn a_redaction_takes_it(layout: Layout) -> Result {
    let scene = Scene::start(layout, &[("event.retries", "1h")]).await?;
    scene.send().await?;
    let id = scene.server.rows("SELECT id FROM sb_message").await?.concat().concat();
    let path = format!("/v1/messages/msg_{id}");
    let request = scene.server.http.patch(scene.server.url(&path)).bearer_auth(&scene.ann.key);
    ensure!(request.json(&json!({"body": ""})).send().await?.status() == 200);
    assert_eq!(scene.logins().await?, 0);
    ensure!(scene.go_on().await?.iter().all(|post| post.header("authorization").is_err()), "they go without it");
    Ok(())
}

async fn it_is_kept_no_longer_than_events(layout: Layout) -> Result {
    let scene = Scene::start(layout, &[("event.retries", "1h"), ("retention.remove_every", "100ms")]).await?;
    scene.send().await?;
    // as a carrier leaves it that says no more
    tamper(&scene.server, "UPDATE sb_message SET state = 'sent'").await?;
    tamper(&scene.server, "UPDATE sb_message SET changed_ms = changed_ms - 29 * 86400000").await?;
    // one that nobody needs: when it is gone, the sweep has come by both
    let planted = "INSERT INTO sb_callback (message_id, url) VALUES (X'00000000000000000000000000000001', '')";
    scene.server.home().databases.store()?.commit(Change::new().run(planted, Vec::new())).await?;
    until("a sweep", async || Ok((scene.logins().await? == 1).then_some(()))).await?;
    let needed = scene.server.rows("SELECT message_id FROM sb_callback WHERE message_id > X'01'").await?;
    assert_eq!(needed.len(), 1);
    tamper(&scene.server, "UPDATE sb_message SET changed_ms = changed_ms - 2 * 86400000").await?;
    scene.is_erased().await
}

/// The last callbacks of many messages end at once, on two nodes: no login is left, and no node is in the other's way.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_leave_none() -> Result {
    const MESSAGES: usize = 20;
    let settings = [("event.retries", "1h"), ("retention.remove_every", "1h")];
    let scene = Scene::start(Layout::MariadbShared, &settings).await?;
    let other = Builder::at(scene.server.home()).set("event.allow", "127.0.0.1");
    let other = settings.into_iter().fold(other, |builder, (key, value)| builder.set(key, value));
    let other = other.start_unseeded().await?;
    let url = scene.receiver.url("/told").replace("//", &format!("//{LOGIN}"));
    for count in 0..MESSAGES {
        let to = format!("+1415555{count:04}");
        let sms = json!({"To": to, "From": "+15005550006", "Body": "hello", "StatusCallback": url});
        ensure!(post(&scene.server, &scene.ann.key, "/relay/api/sms", &sms).await?.0 == 200);
    }
    until("callbacks that failed", async || {
        let tried = scene.server.rows("SELECT tries FROM sb_delivery WHERE tries > 0 AND owner IS NULL").await?;
        Ok((tried.len() == 2 * MESSAGES).then_some(()))
    })
    .await?;
    assert_eq!(scene.logins().await?, MESSAGES);
    scene.receiver.answer([Answer::status(200)]);
    tamper(&scene.server, "UPDATE sb_delivery SET ready_ms = 1 WHERE ready_ms IS NOT NULL").await?;
    scene.is_erased().await?;
    let waiting = scene.server.rows("SELECT event_id FROM sb_delivery WHERE ready_ms IS NOT NULL").await?;
    ensure!(waiting.is_empty(), "{waiting:?}");
    for node in [&scene.server, &other] {
        let log = node.log()?;
        ensure!(!log.contains("Deadlock") && !log.contains("not erased"), "{log}");
    }
    Ok(())
}

on_both_engines!(
    it_goes_when_all_is_delivered,
    it_goes_when_all_is_given_up,
    a_redaction_takes_it,
    it_is_kept_no_longer_than_events,
);

in_foreign_sessions!(a_redaction_takes_it);

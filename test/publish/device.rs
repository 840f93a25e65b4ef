//! Which keys open a text: those of live devices, ten at most, the newest first.

use anyhow::Context as _;
use switchboard::crypto::EncryptedPayload;
use switchboard::store::Change;

use super::play::{self, REFUSAL, SOON, Scene, pair, post};
use super::sink::Sink;
use crate::harness::{ADMIN, Layout, Result, Server, USER, stored, until};
use crate::on_both_engines;

async fn revoke(server: &Server, fingerprint: &str) -> Result {
    let rows = server.rows("SELECT id, fingerprint FROM sb_device").await?;
    let row = rows.iter().find(|row| row[1] == fingerprint).context("no such device")?;
    let delete = server.http.delete(server.url(&format!("/v1/devices/dev_{}", row[0]))).bearer_auth(ADMIN);
    anyhow::ensure!(delete.send().await?.status() == 204);
    Ok(())
}

async fn every_live_device_s_key_works_and_a_revoked_one_s_does_not(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let second = pair(&scene.server, USER).await?;
    assert_eq!(scene.send("t:from the first").await?.0, 200);
    assert_eq!(post(&scene.server, &EncryptedPayload::seal(&second, "t:from the second")?).await?.0, 200);
    revoke(&scene.server, &scene.key.fingerprint()).await?;
    assert_eq!(scene.send("t:too late").await?, (400, REFUSAL.into()));
    assert_eq!(post(&scene.server, &EncryptedPayload::seal(&second, "t:still here")?).await?.0, 200);
    scene.sink.await_heard(3, SOON).await?;
    scene.settle().await?;
    let mut texts = scene.sink.texts()?;
    texts.sort();
    assert_eq!(texts, ["t:from the first", "t:from the second", "t:still here"]);
    revoke(&scene.server, &second.fingerprint()).await?;
    assert_eq!(
        post(&scene.server, &EncryptedPayload::seal(&second, "t:nobody is left")?).await?,
        (400, REFUSAL.into())
    );
    Ok(())
}

async fn what_is_known_of_a_device_s_texts_goes_with_it(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    let server = play::builder(layout, &sink).await?.set("retention.remove_every", "200ms").start().await?;
    let scene = Scene::of(server, sink).await?;
    let blocks = || scene.server.rows("SELECT DISTINCT device_id FROM sb_text_block");
    scene.send("t:from the first").await?;
    let first = blocks().await?;
    let second = pair(&scene.server, USER).await?;
    post(&scene.server, &EncryptedPayload::seal(&second, "t:from the second")?).await?;
    assert_eq!(blocks().await?.len(), 2);
    revoke(&scene.server, &scene.key.fingerprint()).await?;
    let left = blocks().await?;
    assert!(left.len() == 1 && left != first, "{first:?} {left:?}");
    // one that was being taken at that moment
    let late = Change::new().one(
        "INSERT INTO sb_text_block (device_id, block_hash, text_hash) VALUES (?, ?, ?)",
        vec![stored(&first.concat().concat()), [1_u8; 32].into(), [1_u8; 32].into()],
    );
    scene.server.home().databases.store()?.commit(late).await?;
    until("a sweep", async || Ok((blocks().await? == left).then_some(()))).await?;
    scene.sink.await_heard(2, SOON).await?;
    scene.settle().await
}

async fn the_eleventh_device_pushes_the_first_out(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let mut keys = vec![scene.key.clone()];
    for _ in 0..9 {
        keys.push(pair(&scene.server, USER).await?);
    }
    assert_eq!(scene.send("t:the tenth from the top").await?.0, 200);
    keys.push(pair(&scene.server, USER).await?);
    assert_eq!(scene.send("t:one too many").await?, (400, REFUSAL.into()));
    for key in &keys[1..] {
        assert_eq!(post(&scene.server, &EncryptedPayload::seal(key, "t:hello")?).await?.0, 200);
    }
    scene.sink.await_heard(11, SOON).await?;
    scene.settle().await
}

on_both_engines!(
    every_live_device_s_key_works_and_a_revoked_one_s_does_not,
    what_is_known_of_a_device_s_texts_goes_with_it,
    the_eleventh_device_pushes_the_first_out,
);

//! A paired phone's text that comes as an ordinary SMS: published, and nowhere kept in the clear.

use serde_json::json;
use switchboard::crypto::EncryptedPayload;

use super::play::{OURS, loopback, number, received, settled, text};
use crate::harness::{Layout, PHONE, Result};
use crate::on_both_engines;
use crate::publish::play::{SOON, Scene};

async fn an_encrypted_text_reaches_its_sink_and_leaves_no_body(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let account = loopback(&scene.server).await?;
    number(&scene.server, &account, OURS, json!({"meaning": "encrypted", "platform": "twitter"})).await?;
    let sealed = EncryptedPayload::seal(&scene.key, "t:by way of a carrier")?;
    for body in [&*sealed, &*sealed, "what nobody can open"] {
        text(&scene.server, PHONE, OURS, body).await?;
    }
    settled(&scene.server).await?;
    scene.sink.await_heard(1, SOON).await?;
    scene.settle().await?;
    assert_eq!(scene.sink.texts()?, ["t:by way of a carrier"]);
    let rows = received(&scene.server).await?;
    assert_eq!(rows, [[PHONE, OURS, ""], [PHONE, OURS, ""], [PHONE, OURS, ""]]);
    assert_eq!(scene.server.rows("SELECT DISTINCT payload FROM sb_inbound").await?, [[""]]);
    // who is no number is no phone: nothing that it says is secret, nor lost
    text(&scene.server, "Acme Bank", OURS, "hello").await?;
    settled(&scene.server).await?;
    assert_eq!(received(&scene.server).await?[3], ["Acme Bank", OURS, "hello"]);
    Ok(())
}

on_both_engines!(an_encrypted_text_reaches_its_sink_and_leaves_no_body);

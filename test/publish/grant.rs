//! The user's grant, where the sink is to have it: read at that moment, never kept.

use serde_json::{Value, json};
use switchboard::store::Change;

use super::play::{self, SOON, Scene};
use super::sink::Sink;
use crate::harness::{Layout, Result};
use crate::on_every_layout;

async fn the_sink_gets_the_grant_as_it_is_when_the_text_is_posted(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    let server = play::builder(layout, &sink).await?.set("publish.include_grant", true).start().await?;
    let scene = Scene::of(server, sink).await?;
    assert_eq!(scene.send("g:with a grant").await?.0, 200);
    let heard = scene.sink.await_heard(1, SOON).await?;
    let expected = json!({
        "username": "dummy_user",
        "token": r#"{"access_token":"dummy"}"#,
        "unique_id": "dummy_user_1@example.org",
    });
    assert_eq!(heard[0].body["grant"], expected);
    let gone = Change::new().run("DELETE FROM wallets WHERE platformId = 2", Vec::new());
    scene.server.home().databases.backend()?.commit(gone).await?;
    assert_eq!(scene.send("t:without one").await?.0, 200);
    let heard = scene.sink.await_heard(2, SOON).await?;
    assert_eq!(heard[1].body.get("grant"), Some(&Value::Null));
    scene.settle().await
}

/// The key of the backend's columns may lie in a file; one that does not fit is a failed try.
async fn the_columns_key_may_lie_in_a_file(layout: Layout) -> Result {
    let sink = Sink::start().await?;
    let builder = play::builder(layout, &sink).await?.set("publish.include_grant", true);
    let path = builder.path("backend.key");
    std::fs::write(&path, "00000000000000000000000000000000\n")?;
    let server = builder.set("backend.shared_key_file", path.display()).start().await?;
    let scene = Scene::of(server, sink).await?;
    assert_eq!(scene.send("g:sealed under another key").await?.0, 200);
    for _ in 0..500 {
        if scene.server.log()?.contains("no sink took a text") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(scene.sink.heard()?.is_empty(), "no text goes out without its grant");
    std::fs::write(&path, "fedcba9876543210fedcba9876543210")?;
    let scene = Scene { server: scene.server.restart().await?, ..scene };
    let heard = scene.sink.await_heard(1, SOON).await?;
    assert_eq!(heard[0].body["grant"]["username"], "dummy_user");
    scene.settle().await
}

on_every_layout!(the_sink_gets_the_grant_as_it_is_when_the_text_is_posted);
crate::on_both_engines!(the_columns_key_may_lie_in_a_file);

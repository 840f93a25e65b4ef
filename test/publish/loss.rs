//! Sinks that are away, fail, or say nothing; servers that are killed: no text is lost, and none lies open.

use std::collections::BTreeSet;
use std::time::Duration;

use super::play::{self, SOON, Scene, age};
use super::sink::{SILENCE, Sink};
use crate::harness::{Layout, Result};
use crate::on_both_engines;

async fn a_sink_that_was_down_gets_the_text_when_it_is_up(layout: Layout) -> Result {
    let mut sink = Sink::absent()?;
    let server = play::builder(layout, &sink).await?.start().await?;
    let key = play::pair(&server, crate::harness::USER).await?;
    let text = switchboard::crypto::EncryptedPayload::seal(&key, "t:patience")?;
    assert_eq!(play::post(&server, &text).await?.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rows = server.rows("SELECT state, tries, LENGTH(sealed) > 0 FROM sb_publication").await?;
    assert_eq!(rows, [["waiting", "1", "1"]], "it failed once, and lies sealed");
    sink.listen().await?;
    let heard = sink.await_heard(1, SOON).await?;
    assert_eq!(heard[0].body["plaintext"], "t:patience");
    Scene { server, sink, key }.settle().await
}

async fn a_sink_that_fails_is_tried_again_under_the_same_id(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    scene.sink.answer(500);
    assert_eq!(scene.send("t:again").await?.0, 200);
    scene.sink.await_heard(1, SOON).await?;
    scene.sink.answer(204);
    let heard = scene.sink.await_heard(2, SOON).await?;
    assert_eq!(heard[0].id, heard[1].id);
    scene.settle().await?;
    assert_eq!(scene.rows().await?, [["published", "0"]], "taken, and erased");
    Ok(())
}

async fn a_redirect_is_not_followed_and_counts_as_a_failure(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    scene.sink.answer(302);
    assert_eq!(scene.send("t:elsewhere").await?.0, 200);
    scene.sink.await_heard(1, SOON).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.rows().await?[0][0], "waiting");
    Ok(())
}

/// The job's lease outlives its node; another takes it once that has run out.
async fn a_text_under_way_at_a_kill_is_posted_by_the_next_process(layout: Layout) -> Result {
    let mut scene = Scene::set(layout).await?;
    scene.sink.answer(SILENCE);
    assert_eq!(scene.send("t:interrupted").await?.0, 200);
    scene.sink.await_heard(1, SOON).await?;
    scene.server.kill()?;
    scene.sink.answer(200);
    scene = Scene { server: scene.server.restart().await?, ..scene };
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(scene.sink.heard()?.len(), 1, "its lease still runs");
    age(&scene.server, Duration::from_secs(66)).await?;
    let heard = scene.sink.await_heard(2, SOON).await?;
    assert_eq!(heard[0].id, heard[1].id);
    scene.settle().await
}

async fn every_text_that_was_answered_survives_kills(layout: Layout) -> Result {
    let mut scene = Scene::set(layout).await?;
    let mut answered = BTreeSet::new();
    for round in 0..6 {
        for n in 0..10 {
            let plain = format!("t:round {round} text {n}");
            if scene.send(&plain).await.is_ok_and(|(status, _)| status == 200) {
                answered.insert(plain);
            }
        }
        scene.server.kill()?;
        scene = Scene { server: scene.server.restart().await?, ..scene };
    }
    age(&scene.server, Duration::from_secs(66)).await?;
    scene.settle().await?;
    let heard = scene.sink.heard()?;
    let texts: BTreeSet<String> = scene.sink.texts()?.into_iter().collect();
    assert_eq!(texts, answered);
    let ids: BTreeSet<&str> = heard.iter().map(|one| one.id.as_str()).collect();
    println!("6 kills: {} texts, {} posts", answered.len(), heard.len());
    assert_eq!(ids.len(), answered.len(), "a text posted twice keeps its id");
    Ok(())
}

async fn a_text_that_waited_too_long_is_erased(layout: Layout) -> Result {
    let sink = Sink::absent()?;
    let server = play::builder(layout, &sink).await?.set("publish.give_up_after", "1h").start().await?;
    let scene = Scene::of(server, sink).await?;
    assert_eq!(scene.send("t:nobody comes").await?.0, 200);
    let settings = switchboard::store::publication::sweep;
    let store = scene.server.home().databases.store()?;
    age(&scene.server, Duration::from_secs(3700)).await?;
    let now_ms = i64::try_from(play::now_secs()?)? * 1000;
    settings(&store, now_ms - 86_400_000, now_ms - 3_600_000).await?;
    assert_eq!(scene.rows().await?, [["failed", "0"]]);
    age(&scene.server, Duration::from_secs(86_400)).await?;
    settings(&store, now_ms - 86_400_000, now_ms - 3_600_000).await?;
    assert!(scene.rows().await?.is_empty(), "its day is over");
    Ok(())
}

on_both_engines!(
    a_sink_that_was_down_gets_the_text_when_it_is_up,
    a_sink_that_fails_is_tried_again_under_the_same_id,
    a_redirect_is_not_followed_and_counts_as_a_failure,
    a_text_under_way_at_a_kill_is_posted_by_the_next_process,
    every_text_that_was_answered_survives_kills,
    a_text_that_waited_too_long_is_erased,
);

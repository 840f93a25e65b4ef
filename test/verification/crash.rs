//! What a power cut leaves: one code is valid, and it is the one that was texted.

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use super::scene::{asked, checked_of, code_in, consistent, ready, texts};
use crate::harness::{Builder, Layout, Result};
use crate::messages::person;
use crate::on_both_engines;

async fn after_a_kill_the_code_that_was_texted_opens(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("outbox.look_up_after", "1s, 2s, 3s");
    let server = ready(builder).await?;
    let people: Vec<String> = (0..40).map(person).collect();
    // some are told, some are not, and some are not even accepted
    {
        let mut all: FuturesUnordered<_> = people.iter().map(|to| asked(&server, to, json!({}))).collect();
        for _ in 0..10 {
            let (status, answer) = all.next().await.context("no answer")??;
            ensure!(status == 201, "{status} {answer}");
        }
    }
    let server = server.restart().await?;
    for to in &people {
        let told = texts(&server, to).await?;
        let kept = format!("SELECT status FROM sb_verification WHERE address = '{to}'");
        let statuses = server.rows(kept).await?.concat();
        ensure!(statuses.len() <= 1, "{statuses:?}");
        if statuses.is_empty() {
            ensure!(told.is_empty(), "{told:?}");
            continue;
        }
        // one that was being sent as it died may be told twice: by the same code
        let Some(text) = told.first() else { continue };
        ensure!(told.iter().all(|one| code_in(one) == code_in(text)), "{told:?}");
        let (status, answer) = checked_of(&server, to, &code_in(text)).await?;
        ensure!(status == 200 && answer["valid"] == true, "{status} {answer}");
    }
    consistent(&server).await
}

async fn a_stop_loses_nothing(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let to = person(1);
    ensure!(asked(&server, &to, json!({})).await?.0 == 201);
    let told = texts(&server, &to).await?;
    let code = code_in(told.first().context("no text")?);
    let server = server.restart().await?;
    let (status, answer) = checked_of(&server, &to, &code).await?;
    ensure!(status == 200 && answer["valid"] == true, "{status} {answer}");
    consistent(&server).await
}

on_both_engines!(after_a_kill_the_code_that_was_texted_opens, a_stop_loses_nothing);

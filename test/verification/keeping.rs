//! How long verifications are kept, and that whoever is kept no longer is in nobody's way.

use anyhow::ensure;
use serde_json::json;

use super::scene::{
    ANN, BEN, CODE, WRONG, asked, checked, checked_of, consistent, made, of_code, path, ready, shown, verdict,
};
use crate::events::{call, text};
use crate::harness::{Builder, Layout, Result, until};
use crate::on_both_engines;

async fn what_is_over_goes_with_its_sends_and_no_name_is_left_of_it(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("retention.messages", "1s");
    let server = ready(builder.set("retention.remove_every", "100ms")).await?;
    // one that is over frees its name at once, one that was guessed at too often keeps it for its time
    let opened = of_code(&server, ANN).await?;
    checked(&server, &opened, CODE).await?;
    let guessed = of_code(&server, BEN).await?;
    for _ in 0..5 {
        checked(&server, &guessed, WRONG).await?;
    }
    let pending = made(&server, "+12065550112", json!({})).await?;
    until("the end of what is kept", async || {
        let (status, _) = call(&server, "GET", &path(&opened)?, None).await?;
        Ok((status == 404).then_some(()))
    })
    .await?;
    let sent = "SELECT s.verification_id FROM sb_verification_send s WHERE NOT EXISTS \
                (SELECT 1 FROM sb_verification v WHERE v.id = s.verification_id)";
    ensure!(server.rows(sent).await?.is_empty(), "what was sent of it goes with it");
    let (status, answer) = checked_of(&server, BEN, CODE).await?;
    ensure!(status == 200 && verdict("max_attempts_reached", false, 0)(&answer), "{status} {answer}");
    ensure!(shown(&server, &pending).await?["status"] == "pending", "what is not over is kept");
    consistent(&server).await?;
    // nobody is locked out by what was
    for to in [ANN, BEN] {
        let (status, answer) = asked(&server, to, json!({ "code": CODE })).await?;
        ensure!(status == 201, "{to}: {status} {answer}");
        ensure!(text(&answer["id"])? != text(&guessed["id"])?, "{answer}");
        ensure!(checked(&server, &answer, CODE).await?["valid"] == true);
    }
    consistent(&server).await
}

on_both_engines!(what_is_over_goes_with_its_sends_and_no_name_is_left_of_it);

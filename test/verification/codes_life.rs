//! What becomes of codes of the older service that nobody asks for, and of people for whom too many were wrong.

use anyhow::ensure;
use serde_json::json;

use super::codes::{ANN, BOB, CodesDoor, other, unknown, wrong};
use super::codes_edge::told;
use crate::harness::{Layout, Result, Server, until};
use crate::on_both_engines;
use crate::relay::scene::{act_well, tamper};

/// For so long whoever asks is told that theirs has expired.
const DAY_MS: &str = "86400000";

async fn count(server: &Server, sql: &'static str) -> Result<i64> {
    Ok(server.rows(sql).await?.concat().concat().parse()?)
}

/// Lets the time of what is pending pass, and waits until that is written down of so many.
async fn let_expire(server: &Server, so_many: i64) -> Result {
    tamper(server, "UPDATE sb_verification SET expires_ms = created_ms WHERE status = 'pending'").await?;
    tamper(server, "UPDATE sb_verification_pending SET expires_ms = 1").await?;
    until("an end", async || {
        let ended = "SELECT COUNT(*) FROM sb_verification WHERE status = 'expired' AND code IS NULL";
        Ok((count(server, ended).await? == so_many).then_some(()))
    })
    .await
}

async fn one_that_expired_is_told_of_for_a_day(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    let_expire(&door.server, 1).await?;
    let kept = "SELECT p.expires_ms - v.ended_ms FROM sb_verification_pending p \
                JOIN sb_verification v ON v.id = p.verification_id";
    assert_eq!(door.server.rows(kept).await?.concat(), [DAY_MS]);
    let expired = json!({"message": "Expired code", "reason": "ExpiredAuthCode", "attempts_left": 0});
    assert_eq!(door.check("user1", &code).await?, (400, expired));
    assert_eq!(door.check("user1", &code).await?, unknown());
    // whoever asks a day late finds none
    door.create("user2", BOB.0).await?;
    let code = door.code(BOB.1).await?;
    let_expire(&door.server, 2).await?;
    tamper(&door.server, "UPDATE sb_verification_pending SET expires_ms = 1").await?;
    until("a name let go", async || {
        Ok((count(&door.server, "SELECT COUNT(*) FROM sb_verification_pending").await? == 0).then_some(()))
    })
    .await?;
    assert_eq!(door.check("user2", &code).await?, unknown());
    Ok(())
}

async fn a_hundred_wrong_codes_are_enough_for_a_day(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    assert_eq!(door.check("user1", &other(&code)).await?, wrong(2));
    tamper(&door.server, "UPDATE sb_verification_failure SET failures = 100").await?;
    for guess in [&code, &other(&code)] {
        told(&door.check("user1", guess).await?, 429, "TooManyRequests")?;
    }
    // under another name it is the same phone; another phone is another
    door.create("user2", ANN.0).await?;
    told(&door.check("user2", &door.code(ANN.1).await?).await?, 429, "TooManyRequests")?;
    door.create("user3", BOB.0).await?;
    ensure!(door.check("user3", &door.code(BOB.1).await?).await?.0 == 200);
    act_well(&door.server, &door.client, "POST", "/v1/guard/reset", Some(json!({"to": ANN.1}))).await?;
    assert_eq!(door.check("user1", &other(&code)).await?, wrong(1), "no try was used meanwhile");
    ensure!(door.check("user1", &code).await?.0 == 200);
    Ok(())
}

on_both_engines!(one_that_expired_is_told_of_for_a_day, a_hundred_wrong_codes_are_enough_for_a_day);

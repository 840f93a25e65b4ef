//! A transaction that is given up between two statements of one text, without a word, as a Galera node may do: the rest of
//! the text is then written one by one. No money moves without its entry, and what was accepted is there.

use anyhow::ensure;
use serde_json::json;

use crate::events::well;
use crate::harness::database::mariadb;
use crate::harness::meddler::{Meddler, Meddling};
use crate::harness::server::Home;
use crate::harness::{Builder, Layout, Result, until};
use crate::relay::books::{closed, quiet};
use crate::relay::{client, loopback, verified};

const MONEY: &str = "1000";
/// Delivered, and refused: then its cost is given back.
const TO: [&str; 2] = ["+14155550100", "+15005550001"];

/// Where it is given up, of what is sent and of what comes to nothing.
const LOST: [(&str, &str); 6] = [
    (TO[0], "INSERT INTO sb_ledger (client_id, id, kind, amount, message_id, created_ms) VALUES"),
    (TO[0], "UPDATE sb_balance SET low_told = CASE WHEN low_told = 0"),
    (TO[0], "UPDATE sb_idempotency SET balance"),
    (TO[1], "INSERT INTO sb_ledger (client_id, id, kind, amount, message_id, created_ms) SELECT"),
    (TO[1], "UPDATE sb_message SET refunded_ms"),
    (TO[1], "UPDATE sb_balance SET low_told = CASE WHEN low_told = 1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_balance_moves_without_its_entry() -> Result {
    let home = Home::make(Layout::MariadbShared).await?;
    let meddler = Meddler::start(Meddling::Nothing).await?;
    let url = home.databases.store_url.replace(&mariadb()?, &meddler.url()?);
    let server = Builder::over(&url)?.set("outbox.poll_every", "50ms").start().await?;
    loopback(&server).await?;
    let ann = client(&server, MONEY).await?;
    for (count, (to, statement)) in LOST.into_iter().enumerate() {
        meddler.turn(Meddling::Lose(statement));
        let body = json!({"To": to, "From": "+15005550006", "Body": format!("text {count}")});
        let request = server.http.post(server.url("/relay/sms")).header("x-proxy-auth", &ann.key);
        let request = request.header("idempotency-key", count.to_string()).header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await?;
        let (status, said) = (response.status(), response.text().await?);
        ensure!(status == 200, "{statement}: {status} {said}");
        until(statement, async || Ok((meddler.scripts() == count + 1).then_some(()))).await?;
        quiet(&server).await?;
        let bought = closed(&server, &ann, MONEY).await?;
        ensure!(bought.len() == count + 1, "{statement}: {bought:?}");
    }
    // by hand, too
    let by_hand =
        ["INSERT INTO sb_ledger (client_id, id, kind, amount, reason", "UPDATE sb_balance SET low_told = CASE"];
    for statement in by_hand {
        let before = meddler.scripts();
        meddler.turn(Meddling::Lose(statement));
        let credit = json!({"kind": "credit", "amount": "5"});
        well(&server, "POST", &format!("/v1/clients/{}/ledger", ann.id), Some(credit)).await?;
        ensure!(meddler.scripts() == before + 1, "{statement}: nothing was lost");
    }
    verified(server.builder()).await
}

//! Changes that meet: nobody takes back what another has set, and what is written is said to be written.

use anyhow::ensure;
use serde_json::json;

use super::client::{client, key};
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

async fn changes_of_a_client_at_once_all_stay(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for round in 0..8 {
        let made = client(&server, "Ann", json!({"company": "Example Ltd"})).await?;
        let path = format!("/v1/clients/{}", text(&made["id"])?);
        let change = |body| call(&server, "PATCH", &path, Some(body));
        let done = futures_util::future::join_all([
            change(json!({"notes": "n"})),
            change(json!({"email": "a@example.com"})),
            change(json!({"name": "Anna"})),
            change(json!({"site": "https://x", "low_at": "1"})),
        ]);
        let (done, (deleted, _)) = {
            let (done, deleted) = tokio::join!(done, call(&server, "DELETE", &path, None));
            (done, deleted?)
        };
        ensure!(deleted == 204, "{deleted}");
        for done in done {
            let (status, answer) = done?;
            ensure!(status == 200, "{status} {answer}");
        }
        let now = well(&server, "GET", &path, None).await?;
        ensure!(now["is_active"] == false, "round {round}: {now}");
        ensure!(now["name"] == "Anna" && now["notes"] == "n" && now["email"] == "a@example.com", "{round}: {now}");
        ensure!(now["site"] == "https://x" && now["company"] == "Example Ltd" && now["low_at"] == "1.0000", "{now}");
    }
    Ok(())
}

async fn changes_of_a_key_at_once_all_stay(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    for round in 0..8 {
        let made = key(&server, &ann, json!({"name": "old", "senders": r"\+1"})).await?;
        let path = format!("/v1/clients/{}/keys/{}", text(&ann["id"])?, text(&made["id"])?);
        let change = |body| call(&server, "PATCH", &path, Some(body));
        let done = futures_util::future::join_all([
            change(json!({"name": "new"})),
            change(json!({"scopes": ["read"]})),
            change(json!({"sources": ["10.0.0.0/8"]})),
            change(json!({"destinations": r"\+237", "rate": 7})),
        ]);
        for done in done.await {
            let (status, answer) = done?;
            ensure!(status == 200, "{status} {answer}");
        }
        let now = well(&server, "GET", &path, None).await?;
        ensure!(now["name"] == "new" && now["scopes"] == json!(["read"]), "round {round}: {now}");
        ensure!(now["sources"] == json!(["10.0.0.0/8"]) && now["senders"] == r"\+1", "round {round}: {now}");
        ensure!(now["destinations"] == r"\+237" && now["rate"] == 7, "round {round}: {now}");
    }
    Ok(())
}

on_both_engines!(changes_of_a_client_at_once_all_stay, changes_of_a_key_at_once_all_stay,);

//! A number that moves to another client takes along who wants nothing from it: that stays in force, is shown to its
//! new client by nothing, and only the person lifts it.

use anyhow::ensure;
use serde_json::{Value, json};

use super::client::{By, ask};
use super::scene::act_well;
use super::{Client, client, loopback};
use crate::events::text;
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::{self, OURS, PERSON, settled};
use crate::{in_foreign_sessions, on_both_engines};

/// Who stays out of what the number's second client does.
const OTHER: &str = "+14155550101";

struct Scene {
    server: Server,
    account: String,
}

impl Scene {
    /// The number is this client's from now on.
    async fn give(&self, client: &Client) -> Result<String> {
        let new = json!({"number": OURS, "account_id": self.account, "capabilities": ["sms"]});
        text(&act_well(&self.server, &client.id, "POST", "/v1/numbers", Some(new)).await?["id"])
    }

    async fn take(&self, client: &Client, number: &str) -> Result {
        act_well(&self.server, &client.id, "DELETE", &format!("/v1/numbers/{number}"), None).await.map(drop)
    }

    /// What a client reads of the ledger: whom, and whether they are out.
    async fn ledger(&self, client: &Client) -> Result<Vec<(String, bool)>> {
        let (status, _, page) = ask(&self.server, by(client), "GET", "/v1/opt-outs", None).await?;
        ensure!(status == 200, "{status} {page}");
        let one = |entry: &Value| Ok((text(&entry["person"])?, entry["is_out"] == true));
        page["data"].as_array().into_iter().flatten().map(one).collect()
    }

    async fn set(&self, client: &Client, is_out: bool) -> Result {
        let path = format!("/v1/opt-outs/{OURS}/{PERSON}");
        let (status, _, said) = ask(&self.server, by(client), "PUT", &path, Some(json!({"is_out": is_out}))).await?;
        ensure!((status, &said["is_out"]) == (200, &json!(is_out)), "{status} {said}");
        Ok(())
    }

    async fn send(&self, client: &Client) -> Result<u16> {
        let body = json!({"from": OURS, "to": PERSON, "body": "hello"});
        Ok(ask(&self.server, By::Bearer(&client.key), "POST", "/v1/messages", Some(body)).await?.0)
    }

    async fn says(&self, person: &str, word: &str) -> Result {
        play::text(&self.server, person, OURS, word).await?;
        settled(&self.server).await
    }
}

/// By the client's auth token.
fn by(client: &Client) -> By<'_> {
    By::Basic(&client.sid, &client.token)
}

async fn an_earlier_client_s_opt_outs_stay(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let account = loopback(&server).await?;
    let (ann, bob) = (client(&server, "10").await?, client(&server, "10").await?);
    let scene = Scene { server, account };
    let number = scene.give(&ann).await?;
    scene.says(PERSON, "STOP").await?;
    scene.says(OTHER, "STOP").await?;
    let of_ann = [(PERSON.to_owned(), true), (OTHER.to_owned(), true)];
    assert_eq!(scene.ledger(&ann).await?, of_ann);
    scene.take(&ann, &number).await?;
    let number = scene.give(&bob).await?;
    assert!(scene.ledger(&bob).await?.is_empty(), "what was said to another");
    assert_eq!(scene.send(&bob).await?, 403);
    // whatever he writes stands beside it
    for is_out in [false, true, false] {
        scene.set(&bob, is_out).await?;
        assert_eq!(scene.ledger(&bob).await?, [(PERSON.to_owned(), is_out)]);
        assert_eq!(scene.send(&bob).await?, 403, "after {is_out}");
    }
    // and what they say to him is his to lift, but not what was said before
    scene.says(PERSON, "STOP").await?;
    assert_eq!(scene.ledger(&bob).await?, [(PERSON.to_owned(), true)]);
    scene.set(&bob, false).await?;
    assert_eq!(scene.send(&bob).await?, 403);
    scene.says(PERSON, "START").await?;
    assert_eq!(scene.send(&bob).await?, 202);
    assert_eq!(scene.ledger(&bob).await?, [(PERSON.to_owned(), false)]);
    scene.take(&bob, &number).await?;
    scene.give(&ann).await?;
    assert_eq!(scene.ledger(&ann).await?, [(OTHER.to_owned(), true)], "hers, and none of his");
    Ok(())
}

/// Where the new client has written nothing, the person's word is enough; a word that counts only from who is out does.
async fn the_person_s_own_word_lifts_it(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let account = loopback(&server).await?;
    let (ann, bob) = (client(&server, "10").await?, client(&server, "10").await?);
    let scene = Scene { server, account };
    for word in ["START", "yes"] {
        let number = scene.give(&ann).await?;
        scene.says(PERSON, "STOP").await?;
        scene.take(&ann, &number).await?;
        let number = scene.give(&bob).await?;
        assert_eq!(scene.send(&bob).await?, 403);
        scene.says(PERSON, word).await?;
        assert_eq!(scene.send(&bob).await?, 202, "{word}");
        scene.take(&bob, &number).await?;
    }
    Ok(())
}

on_both_engines!(an_earlier_client_s_opt_outs_stay, the_person_s_own_word_lifts_it);

in_foreign_sessions!(an_earlier_client_s_opt_outs_stay);

//! A number that moves to another client takes along who wants nothing from it: that stays in force, is shown to its
//! new client by nothing, and only the person lifts it.

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::client::{By, ask};
use super::scene::{act_well, tamper};
use super::{Client, client, loopback};
use crate::events::{call, text, well};
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

/// Two have told the first client of the number to stop.
async fn stopped(layout: Layout) -> Result<(Scene, [Client; 2], String)> {
    let server = Builder::new(layout).await?.start().await?;
    let account = loopback(&server).await?;
    let (ann, bob) = (client(&server, "10").await?, client(&server, "10").await?);
    let scene = Scene { server, account };
    let number = scene.give(&ann).await?;
    scene.says(PERSON, "STOP").await?;
    scene.says(OTHER, "STOP").await?;
    Ok((scene, [ann, bob], number))
}

async fn an_earlier_client_s_opt_outs_stay(layout: Layout) -> Result {
    let (scene, [ann, bob], number) = stopped(layout).await?;
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

impl Scene {
    /// What an administrator sees who acts for nobody: whom, and whether they are out.
    async fn of_operator(&self) -> Result<Vec<(String, bool)>> {
        let page = well(&self.server, "GET", "/v1/opt-outs", None).await?;
        let one = |entry: &Value| Ok((text(&entry["person"])?, entry["is_out"] == true));
        page["data"].as_array().into_iter().flatten().map(one).collect()
    }

    async fn operator_sets(&self, person: &str, is_out: bool) -> Result<u16> {
        let path = format!("/v1/opt-outs/{OURS}/{person}");
        Ok(call(&self.server, "PUT", &path, Some(json!({"is_out": is_out}))).await?.0)
    }
}

/// What no client sees an administrator does, and lifts: it is in the audit log.
async fn an_administrator_lifts_what_no_client_sees(layout: Layout) -> Result {
    let (scene, [ann, bob], number) = stopped(layout).await?;
    assert!(scene.of_operator().await?.is_empty(), "hers to lift");
    assert_eq!(scene.operator_sets(PERSON, false).await?, 404);
    // of one nobody knows whose it was
    tamper(&scene.server, "UPDATE sb_opt_out SET client_id = NULL WHERE person = '+14155550101'").await?;
    assert_eq!(scene.of_operator().await?, [(OTHER.to_owned(), true)]);
    scene.take(&ann, &number).await?;
    let both = [(PERSON.to_owned(), true), (OTHER.to_owned(), true)];
    assert_eq!(scene.of_operator().await?, both, "the number is nobody's");
    scene.give(&bob).await?;
    assert_eq!(scene.of_operator().await?, both, "nor his");
    // held behind what he says
    scene.set(&bob, false).await?;
    assert_eq!(scene.of_operator().await?, both);
    assert_eq!(scene.send(&bob).await?, 403);
    assert_eq!(scene.operator_sets(PERSON, true).await?, 404, "it is only lifted");
    assert_eq!(scene.operator_sets(PERSON, false).await?, 200);
    assert_eq!(scene.send(&bob).await?, 202);
    assert_eq!(scene.ledger(&bob).await?, [(PERSON.to_owned(), false)], "his own entry stays");
    assert_eq!(scene.operator_sets(OTHER, false).await?, 200);
    assert!(scene.of_operator().await?.is_empty());
    assert_eq!(scene.operator_sets(OTHER, false).await?, 404);
    let stopped = "SELECT id FROM sb_opt_out WHERE is_out = 1 OR held_ms IS NOT NULL";
    assert!(scene.server.rows(stopped).await?.is_empty());
    for person in [PERSON, OTHER] {
        let path = format!("/v1/audit?object={}", format!("{OURS}/{person}").replace('+', "%2B").replace('/', "%2F"));
        let audited = well(&scene.server, "GET", &path, None).await?;
        let [lifted] = audited["data"].as_array().map(Vec::as_slice).unwrap_or_default() else { bail!("{audited}") };
        ensure!(lifted["action"] == "opt_out.set", "{audited}");
        ensure!(lifted["before"]["is_out"] == true && lifted["after"]["is_out"] == false, "{audited}");
    }
    Ok(())
}

on_both_engines!(
    an_earlier_client_s_opt_outs_stay,
    the_person_s_own_word_lifts_it,
    an_administrator_lifts_what_no_client_sees,
);

in_foreign_sessions!(an_earlier_client_s_opt_outs_stay);

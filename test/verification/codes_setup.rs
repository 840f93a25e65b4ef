//! Who may use the older service of codes, and how it is set up.

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::codes::{ANN, CodesDoor, OURS, answered, key, other, unknown, wrong};
use super::codes_edge::{ask, told};
use crate::events::text;
use crate::harness::{Builder, Layout, Result};
use crate::messages::drained;
use crate::on_both_engines;
use crate::operations::command::Place;

async fn a_key_may_come_in_the_endpoint(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    let (http, port, key_text) = (&door.server.http, door.server.port, &door.key);
    let ways = [
        format!("http://:{key_text}@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/?key={key_text}"),
        format!("http://whoever:{key_text}@127.0.0.1:{port}"),
    ];
    for (nth, endpoint) in ways.iter().enumerate() {
        let auth_id = format!("user{nth}");
        let made = answered(http.post(endpoint).body(ask(&auth_id, ANN.0).to_string())).await?;
        ensure!(made.0 == 200, "{made:?}");
        let code = door.code(ANN.1).await?;
        let (status, answer) = answered(http.get(endpoint).query(&[("auth_id", &auth_id), ("code", &code)])).await?;
        ensure!(status == 200 && answer["authenticated"] == true, "{endpoint}: {status} {answer}");
    }
    let url = door.server.url("/");
    for asked in [
        http.post(&url).header("x-api-key", key_text).body(ask("user7", ANN.0).to_string()),
        http.post(&url).header("x-proxy-auth", key_text).body(ask("user7", ANN.0).to_string()),
    ] {
        assert_eq!(answered(asked).await?.0, 200);
    }
    // who it is comes before what it is
    let asked = [("auth_id", "user7"), ("code", "1")];
    for refused in [
        http.post(&url).body(ask("user8", ANN.0).to_string()),
        http.post(&url).body("{"),
        http.post(&url).bearer_auth("wrong").body(ask("user8", ANN.0).to_string()),
        http.post(format!("{url}?key=wrong")).body(ask("user8", ANN.0).to_string()),
        http.post(format!("http://:wrong@127.0.0.1:{port}/")).body(ask("user8", ANN.0).to_string()),
        http.get(&url).query(&asked),
        http.get(&url).query(&asked).bearer_auth("wrong"),
    ] {
        told(&answered(refused).await?, 401, "Unauthorized")?;
    }
    let sessions = key(&door.server, &door.client, &["sessions", "sms", "read"]).await?;
    for refused in [
        http.post(&url).bearer_auth(&sessions).body(ask("user8", ANN.0).to_string()),
        http.get(&url).bearer_auth(&sessions).query(&asked),
    ] {
        told(&answered(refused).await?, 403, "Forbidden")?;
    }
    // nor is a key for codes one for the number proxy's texts
    let text = json!({"to": OURS, "from": ANN.0, "body": "x"});
    assert_eq!(door.post(&text).await?.0, 403);
    ensure!(!door.server.log()?.contains(key_text), "no key is logged");
    // a page asks for nothing
    let page = http.get(&url).send().await?;
    ensure!(page.status() == 200 && page.text().await? == "Switchboard\n");
    Ok(())
}

async fn who_asks_too_often_is_told_in_these_words(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("http.requests_per_address", "1").start().await?;
    server.http.get(server.url("/")).send().await?;
    for asked in [
        server.http.post(server.url("/")).body(ask("user1", ANN.0).to_string()),
        server.http.get(server.url("/")).query(&[("auth_id", "user1"), ("code", "1")]),
    ] {
        told(&answered(asked).await?, 429, "TooManyRequests")?;
    }
    Ok(())
}

async fn the_older_names_of_settings_are_good(layout: Layout) -> Result {
    let names = [("ORG_NAME", "Acme"), ("CODE_LENGTH", "6"), ("CODE_EXPIRATION", "600"), ("RETRIES_ALLOWED", "2")];
    let builder = Builder::new(layout).await?;
    let builder = names.into_iter().fold(builder, |builder, (name, value)| builder.environment(name, value));
    let door = CodesDoor::of(builder, "100").await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    let wanted = format!("{code}\nWelcome to Acme! Use this one-time code to complete your signup.");
    assert_eq!((code.len(), door.told(ANN.1).await?), (6, vec![wanted]));
    let life = door.server.rows("SELECT expires_ms - created_ms FROM sb_verification").await?.concat();
    assert_eq!(life, ["600000"]);
    assert_eq!(door.check("user1", &other(&code)).await?, wrong(1));
    assert_eq!(door.check("user1", &other(&code)).await?, wrong(0));
    assert_eq!(door.check("user1", &code).await?, unknown());
    Ok(())
}

async fn a_development_server_is_open(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.dev().set("compat.codes.from", OURS).start().await?;
    let made = answered(server.http.post(server.url("/")).body(ask("user1", ANN.0).to_string())).await?;
    ensure!(made.0 == 200, "{made:?}");
    drained(&server).await?;
    let path = format!("/v1/loopback/messages?to=%2B{}", ANN.0);
    let sent = crate::events::well(&server, "GET", &path, None).await?;
    let sent = &sent["data"][0];
    ensure!(sent["from"] == OURS, "its number was added at the start: {sent}");
    let code = text(&sent["body"])?.lines().next().context("no code")?.to_owned();
    let asked = server.http.get(server.url("/")).query(&[("auth_id", "user1"), ("code", &code)]);
    ensure!(answered(asked).await?.0 == 200);
    let wrong = server.http.get(server.url("/")).query(&[("auth_id", "user1"), ("code", &code)]).bearer_auth("wrong");
    told(&answered(wrong).await?, 401, "Unauthorized")
}

#[tokio::test]
async fn a_length_that_no_code_has_stops_the_start_by_name() -> Result {
    for (name, value) in [
        ("CODE_LENGTH", "3"),
        ("CODE_LENGTH", "11"),
        ("CODE_LENGTH", "four"),
        ("CODE_EXPIRATION", "0"),
        ("CODE_EXPIRATION", "soon"),
        ("RETRIES_ALLOWED", "0"),
    ] {
        let said = Place::new()?.run_with(&["serve"], &[(name, value)]).await?.refusal()?;
        ensure!(said.contains("`compat.codes.") && said.contains("the older environment names"), "{name}: {said}");
    }
    let said = Place::new()?.run_with(&["serve"], &[("CODE_LENGTH", "3")]).await?.refusal()?;
    ensure!(said.contains("CODE_LENGTH"), "{said}");
    Ok(())
}

on_both_engines!(
    a_key_may_come_in_the_endpoint,
    who_asks_too_often_is_told_in_these_words,
    the_older_names_of_settings_are_good,
    a_development_server_is_open,
);

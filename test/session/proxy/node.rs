//! Two nodes: what one has just made the other knows, and what both want one of them gets.

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ProxyDoor, ours};
use crate::events::text;
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;
use crate::session::talk::{ANN, BOB, CID};

async fn what_one_node_has_made_the_other_knows(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let node = Builder::at(door.server.home()).start_unseeded().await?;
    let service = text(&door.well("POST", "/v1/Services", &[("UniqueName", "trips")]).await?["sid"])?;
    let (numbers, sessions) =
        (format!("/v1/Services/{service}/PhoneNumbers"), format!("/v1/Services/{service}/Sessions"));
    // added here, put in there, named here
    door.number(&ours(0), &["sms"]).await?;
    door.well("POST", &node.url(&numbers), &[("PhoneNumber", &ours(0))]).await?;
    let named = json!({"Identifier": ANN, "ProxyIdentifier": ours(0)}).to_string();
    door.well("POST", &sessions, &[("Participants", &named)]).await?;
    // and chosen here
    door.number(&ours(1), &["sms"]).await?;
    door.well("POST", &node.url(&numbers), &[("PhoneNumber", &ours(1))]).await?;
    let ann = json!({ "Identifier": ANN }).to_string();
    let second = door.well("POST", &sessions, &[("Participants", &ann)]).await?;
    ensure!(door.people(&second).await?[0]["proxy_identifier"] == ours(1), "{second}");
    door.refused("POST", &node.url(&sessions), &[("Participants", &ann)], (400, 80206)).await?;
    // a service that the other node has never seen, too
    let late = text(&door.well("POST", "/v1/Services", &[("UniqueName", "late")]).await?["sid"])?;
    door.well("POST", &node.url(&format!("/v1/Services/{late}/Sessions")), &[]).await?;
    door.close(5).await
}

/// How many of these answers are good; all others have this code.
fn won(answers: Vec<Result<(u16, Value)>>, code: u64) -> Result<usize> {
    let mut won = 0;
    for answer in answers {
        let (status, answer) = answer?;
        ensure!(status == 201 || answer["code"] == code, "{status} {answer}");
        won += usize::from(status == 201);
    }
    Ok(won)
}

async fn what_both_nodes_want_one_gets(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let node = Builder::at(door.server.home()).start_unseeded().await?;
    let on_both = |path: &str| [door.server.url(path), node.url(path)];
    let name = [("UniqueName", "trips")];
    for (path, code) in [("/v1/Services", 80602), (door.path("Sessions").as_str(), 80603)] {
        let urls = on_both(path);
        let answers = join_all((0..8).map(|nth: usize| door.ask("POST", &urls[nth % 2], &name))).await;
        ensure!(won(answers, code)? == 1, "{path}");
    }
    // a number that two services want
    let own = ours(0);
    door.number(&own, &["sms"]).await?;
    let form = [("PhoneNumber", own.as_str())];
    let urls = [door.server.url(&door.path("PhoneNumbers")), node.url("/v1/Services/trips/PhoneNumbers")];
    let answers = join_all(urls.iter().map(|url| door.ask("POST", url, &form))).await;
    ensure!(won(answers, 80605)? == 1);
    // three people who want into a session of two
    let two = ours(1);
    door.number(&two, &["sms"]).await?;
    door.well("POST", &door.path("PhoneNumbers"), &[("PhoneNumber", &two)]).await?;
    let session = text(&door.hold(&[], &[]).await?["sid"])?;
    let urls = on_both(&door.path(&format!("Sessions/{session}/Participants")));
    let people = [ANN, BOB, CID].map(|one| [("Identifier", one)]);
    let answers = join_all(people.iter().zip(urls.iter().cycle()).map(|(one, url)| door.ask("POST", url, one))).await;
    ensure!(won(answers, 80609)? == 2);
    door.close(5).await
}

async fn urls_stand_on_what_a_trusted_proxy_was_asked(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let node = Builder::at(door.server.home()).set("http.trusted_proxies", r#"["127.0.0.1/32"]"#);
    let node = node.start_unseeded().await?;
    for (server, base) in [(&node, "https://sms.example.org:8443"), (&door.server, "http://inner.example.org")] {
        let request = server.http.get(server.url("/v1/Services?PageSize=1"));
        let request =
            request.basic_auth(&door.client.sid, Some(&door.client.token)).header("host", "inner.example.org");
        let request = request.header("x-forwarded-for", "203.0.113.7").header("x-forwarded-proto", "https");
        let answer = request.header("x-forwarded-host", "sms.example.org:8443").send().await?.text().await?;
        let page: Value = serde_json::from_str(&answer)?;
        let service = format!("{base}/v1/Services/{}", door.service);
        ensure!(page["services"][0]["url"] == service, "{page}");
        ensure!(page["services"][0]["links"]["sessions"] == format!("{service}/Sessions"), "{page}");
        ensure!(text(&page["meta"]["first_page_url"])?.starts_with(&format!("{base}/v1/Services?")), "{page}");
    }
    Ok(())
}

on_both_engines!(
    what_one_node_has_made_the_other_knows,
    what_both_nodes_want_one_gets,
    urls_stand_on_what_a_trusted_proxy_was_asked,
);

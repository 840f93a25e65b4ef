//! The whole card of rates as CSV: out and in, all or nothing, quickly.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{customer, everything, text_to};
use crate::events::well;
use crate::harness::{ADMIN, Layout, Result, Server};
use crate::operations::command::run;
use crate::{in_foreign_sessions, on_both_engines};

async fn import(server: &Server, query: &str, text: impl Into<reqwest::Body>) -> Result<(u16, Value)> {
    let request = server.http.put(server.url(&format!("/v1/rates.csv{query}"))).bearer_auth(ADMIN);
    let answer = request.header("content-type", "text/csv").body(text).send().await?;
    Ok((answer.status().as_u16(), serde_json::from_str(&answer.text().await?)?))
}

/// What an import says of lines for texts and for calls.
fn imported([added, replaced, removed]: [u32; 3], [sms, voice]: [u32; 2]) -> Value {
    let channels = json!({"sms": sms, "mms": 0, "whatsapp": 0, "voice": voice});
    json!({"added": added, "replaced": replaced, "removed": removed, "channels": channels})
}

async fn export(server: &Server) -> Result<String> {
    Ok(server.http.get(server.url("/v1/rates.csv")).bearer_auth(ADMIN).send().await?.text().await?)
}

async fn a_card_is_taken_as_a_whole_or_not_at_all(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let card = "channel,prefix,price,from,until\nsms,,0.0100,2020-01-01T00:00:00.000Z,\n\
                sms,237,0.0200,2020-01-01T00:00:00.000Z,2100-01-01T00:00:00.000Z\nvoice,,1.0000,2020-01-01T00:00:00.000Z,\n";
    let (status, done) = import(&server, "", card).await?;
    ensure!(status == 200 && done == imported([3, 0, 0], [2, 1]), "{status} {done}");
    ensure!(export(&server).await? == card, "{}", export(&server).await?);
    let ids = server.rows("SELECT id FROM sb_rate ORDER BY id").await?;
    let (status, problem) = import(&server, "", "channel,prefix,price\nsms,1,1\nfax,1,1\nsms,2,-1\n").await?;
    ensure!(
        status == 400 && problem["lines"][0]["line"] == 3 && problem["lines"][0]["field"] == "channel",
        "{problem}"
    );
    ensure!(problem["lines"][1]["line"] == 4 && problem["lines"][1]["detail"] == "is negative", "{problem}");
    ensure!(export(&server).await? == card, "nothing of it was taken");
    let more = "price,channel,prefix,from\n0.03,sms,237,2020-01-01T00:00:00Z\n0.5,sms,1,2020-01-01T00:00:00Z\n";
    let (_, done) = import(&server, "", more).await?;
    ensure!(done == imported([1, 1, 0], [2, 0]), "{done}");
    let (_, done) = import(&server, "?replace=true", card).await?;
    ensure!(done == imported([0, 3, 1], [2, 1]), "{done}");
    ensure!(export(&server).await? == card && server.rows("SELECT id FROM sb_rate ORDER BY id").await? == ids);
    let (status, problem) = import(&server, "?replace=maybe", card).await?;
    ensure!(status == 400 && problem["field"] == "replace", "{problem}");
    let audited = well(&server, "GET", "/v1/audit?object=card", None).await?;
    ensure!(audited["data"][0]["action"] == "rate.import" && audited["data"][0]["after"]["removed"] == 1, "{audited}");
    // the longest prefix in force is what is charged
    everything(&server).await?;
    let client = customer(&server, "1", json!({})).await?;
    for to in ["+237612345678", "+14155550101"] {
        text_to(&server, &client, to, json!({})).await?;
    }
    let two = text_to(&server, &client, "+237612345678", json!({"body": "x".repeat(200)})).await?;
    ensure!(!two.is_empty());
    let costs = server.rows("SELECT cost FROM sb_message ORDER BY id").await?.concat();
    ensure!(costs == ["20000", "10000", "40000"], "{costs:?}");
    Ok(())
}

async fn a_hundred_thousand_lines_take_seconds(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let mut card = "channel,prefix,price\n".to_owned();
    for prefix in 100_000..200_000 {
        writeln!(card, "sms,{prefix},0.{prefix}")?;
    }
    for (query, added) in [("", 100_000), ("?replace=true", 100_000), ("", 100_000)] {
        let begun = Instant::now();
        let (status, done) = import(&server, query, card.clone()).await?;
        let took = begun.elapsed();
        ensure!(status == 200 && done["added"] == added, "{status} {done}");
        eprintln!("100,000 rates {query} in {took:?}");
        ensure!(took < Duration::from_secs(60), "{took:?}");
    }
    Ok(())
}

on_both_engines!(a_card_is_taken_as_a_whole_or_not_at_all, a_hundred_thousand_lines_take_seconds,);

in_foreign_sessions!(a_card_is_taken_as_a_whole_or_not_at_all);

#[tokio::test(flavor = "multi_thread")]
async fn rates_and_routes_are_managed_on_the_command_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    on(&["rate", "add", "sms", "237", "0.02", "--from", "2020-01-01T00:00:00Z"]).await?.well()?;
    let card = on(&["rate", "export"]).await?.well()?;
    ensure!(card == "channel,prefix,price,from,until\nsms,237,0.0200,2020-01-01T00:00:00.000Z,\n", "{card}");
    let file = server.builder().path("card.csv");
    std::fs::write(&file, card.replace("0.0200", "0.0300"))?;
    let file = file.display().to_string();
    let said = on(&["rate", "import", &file, "--replace"]).await?.well()?;
    ensure!(said.contains("0 added, 1 replaced, 0 removed"), "{said}");
    std::fs::write(&file, "channel,prefix,price\nsms,x,1\n")?;
    let refused = on(&["rate", "import", &file]).await?.refusal()?;
    ensure!(refused.contains("line 2: prefix"), "{refused}");
    let account = everything(&server).await?;
    on(&["route", "add", r"\+237", "--account", &account, "--priority", "5", "--name", "home"]).await?.well()?;
    let routes = on(&["route", "list"]).await?.well()?;
    ensure!(routes.lines().count() == 2 && routes.lines().next().is_some_and(|line| line.contains("home")), "{routes}");
    let said = on(&["route", "explain", "+237612345678"]).await?.well()?;
    ensure!(said.contains("wins") && said.contains("0.0300") && said.contains("from +15005550100"), "{said}");
    Ok(())
}

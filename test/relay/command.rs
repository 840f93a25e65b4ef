//! The command line, level with the API: for a client, on every channel.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::customer;
use super::{balance, client, loopback};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::operations::command::run;

#[tokio::test(flavor = "multi_thread")]
async fn commands_act_for_a_client_on_every_channel() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    let account = loopback(&server).await?;
    let ann = client(&server, "5").await?;
    let bob = customer(&server, "5", json!({})).await?;
    let add = ["number", "add", "+15005550200", "--account", &account, "--client", &ann.id];
    let capabilities = ["--capability", "sms", "--capability", "whatsapp", "--capability", "voice"];
    let added = on(&[&add[..], &capabilities, &["--json"]].concat()).await?.well()?;
    let added: Value = serde_json::from_str(&added)?;
    ensure!(added["capabilities"] == json!(["sms", "voice", "whatsapp"]), "{added}");
    ensure!(on(&["number", "list", "--client", &ann.id]).await?.well()?.contains("+15005550200"));
    for other in [&["number", "list"][..], &["number", "list", "--client", &bob]] {
        ensure!(!on(other).await?.all().contains("+15005550200"), "{other:?}");
    }
    let change = ["number", "change", &text(&added["id"])?, "--client", &ann.id, "--capability", "whatsapp"];
    let changed = on(&change).await?.well()?;
    ensure!(changed.contains("whatsapp"), "{changed}");
    let sent = on(&["message", "send", "+14155550101", "hello", "--channel", "whatsapp", "--client", &ann.id]).await?;
    let sent = sent.well()?;
    ensure!(sent.contains("+15005550200"), "{sent}");
    assert_eq!(balance(&server, &ann).await?, "4.9950");
    let listed = on(&["message", "list", "--client", &ann.id, "--channel", "whatsapp"]).await?.well()?;
    ensure!(listed.lines().count() == 1 && listed.contains("hello"), "{listed}");
    let stop = ["opt-out", "add", "+15005550200", "+14155550101", "--channel", "whatsapp", "--client", &ann.id];
    on(&stop).await?.well()?;
    let refused = on(&["message", "send", "+14155550101", "x", "--channel", "whatsapp", "--client", &ann.id]).await?;
    ensure!(refused.refusal()?.contains("403"));
    let stands = on(&["opt-out", "list", "--client", &ann.id, "--channel", "whatsapp"]).await?.well()?;
    ensure!(stands.lines().count() == 1 && stands.contains("whatsapp"), "{stands}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_written_as_people_write_them() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("number.country", "US");
    let server = builder.start().await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    let account = loopback(&server).await?;
    let shows = async |words: &[&str], number: &str| -> Result {
        let said = on(words).await?.well()?;
        ensure!(said.contains(number), "{words:?}: {said}");
        Ok(())
    };
    shows(&["number", "add", "(500) 555-0201", "--account", &account], "+15005550201").await?;
    shows(&["number", "lookup", "1-202-555-0150"], "+12025550150").await?;
    shows(&["message", "send", "(202) 555-0150", "hello", "--from", "500.555.0201"], "+12025550150").await?;
    shows(&["message", "list", "--to", "tel:2025550150", "--from", "+1 500 555 0201"], "+12025550150").await?;
    shows(&["route", "explain", "011 44 7700 900123", "--json"], "+447700900123").await?;
    shows(&["opt-out", "add", "500 555 0201", "202 555 0150"], "+12025550150").await?;
    shows(&["opt-out", "list", "--person", "+1(202)555-0150"], "+12025550150").await?;
    // a client's own country goes before the server's
    shows(&["client", "add", "British", "--country", "gb", "--balance", "1", "--json"], "\"GB\"").await?;
    let british = text(&well(&server, "GET", "/v1/clients", None).await?["data"][0]["id"])?;
    let send = ["message", "send", "07700 900123", "hello", "--client", &british];
    shows(&["number", "add", "07700 900001", "--account", &account, "--client", &british], "+447700900001").await?;
    shows(&send, "+447700900123").await?;
    shows(&["client", "change", &british, "--country", ""], "British").await?;
    let refused = on(&send).await?.refusal()?;
    ensure!(refused.contains("to: must be a number of US"), "{refused}");
    let wrong = on(&["client", "change", &british, "--country", "Britain"]).await?.refusal()?;
    ensure!(wrong.contains("two letters of a country"), "{wrong}");
    let refused = on(&["message", "send", "202 555 0150 ext 3", "hello"]).await?.refusal()?;
    ensure!(refused.contains("to: must be a number without an extension"), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_changed_and_looked_up_by_time() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    on(&["rate", "add", "sms", "237", "0.02", "--from", "2020-01-01T00:00:00Z"]).await?.well()?;
    let id = text(&well(&server, "GET", "/v1/rates", None).await?["data"][0]["id"])?;
    let changed = on(&["rate", "change", &id, "--price", "0.03", "--until", "2021-01-01T00:00:00Z"]).await?.well()?;
    ensure!(changed.contains("0.0300") && changed.contains("until 2021"), "{changed}");
    ensure!(on(&["rate", "list", "--at", "2020-06-01T00:00:00Z"]).await?.well()?.contains(&id));
    ensure!(!on(&["rate", "list", "--at", "2022-06-01T00:00:00Z"]).await?.all().contains(&id));
    let open = on(&["rate", "change", &id, "--until", ""]).await?.well()?;
    ensure!(!open.contains("until") && open.contains("0.0300"), "{open}");
    Ok(())
}

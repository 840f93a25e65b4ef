//! `switchboard import numbers`: lists of numbers become the masked door's pool.

use anyhow::ensure;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{count, import, summary};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;
use crate::operations::command::finish;
use crate::relay::route::loopback;

async fn a_list_from_the_environment_or_a_file_is_a_pool(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let older = ("NUMBER_POOL", r#"["+12125550100", "+14165550101"]"#);
    let words = ["numbers", "--account", account.as_str(), "--json"];

    // nothing is done without the account, and nothing in a dry run
    let refused = import(&server, &words[..1], &[older]).await?.refusal()?;
    ensure!(refused.contains("+12125550100") && refused.contains("--account"), "{refused}");
    let dry = import(&server, &["numbers", "--account", &account, "--dry-run"], &[older]).await?.well()?;
    ensure!(dry.contains("add the number +14165550101") && dry.contains("would import"), "{dry}");
    ensure!(count(&server, "sb_number").await? == "0");

    for (added, known) in [(2, 0), (0, 2)] {
        let done = summary(&import(&server, &words, &[older]).await?)?;
        ensure!(done["numbers"] == json!({"added": added, "known": known}), "{done}");
    }
    std::fs::write(server.builder().path("numbers.txt"), "# ours\n+12125550100\n\n 12125550102\nwhat?\n")?;
    let said = import(&server, &[&words[..], &["numbers.txt"]].concat(), &[]).await?;
    let done = summary(&said)?;
    ensure!(said.code == Some(1) && done["numbers"] == json!({"added": 1, "known": 1}), "{said:?}");
    ensure!(done["refused"][0]["what"] == "number what?", "{done}");

    let pools = well(&server, "GET", "/v1/pools", None).await?;
    let pool = &pools["data"][0];
    ensure!(pool["name"] == "masked" && pool["exclusive"] == false && pools["data"][1].is_null(), "{pools}");
    ensure!(pool["numbers"].as_array().is_some_and(|numbers| numbers.len() == 3), "{pool}");
    // who is in another pool stays there
    let taken = import(&server, &["numbers", "--pool", "other"], &[older]).await?.refusal()?;
    ensure!(taken.contains("take it out of there first"), "{taken}");
    Ok(())
}

/// Where the masked door is in use they are its client's, which a server that has not opened it does not have.
async fn numbers_are_those_of_the_masked_door(layout: Layout) -> Result {
    let login = [("AUTH_USERNAME", "me"), ("AUTH_PASSWORD", "pass:word")];
    let pool = ("NUMBER_POOL", "+12125550100,+12125550101");
    let builder = Builder::new(layout).await?;
    let builder = login.iter().fold(builder, |builder, (name, value)| builder.environment(name, value));
    let server = builder.start().await?;
    let account = loopback(&server).await?;
    let done = summary(&import(&server, &["numbers", "--account", &account, "--json"], &[pool]).await?)?;
    ensure!(done["pools"] == json!({"added": 0, "known": 1}), "{done}");
    ensure!(done["numbers"] == json!({"added": 2, "known": 0}), "{done}");
    let owners = "SELECT c.name FROM sb_number n JOIN sb_client c ON c.id = n.client_id \
                  JOIN sb_pool p ON p.id = n.pool_id AND p.client_id = c.id WHERE p.name = 'masked'";
    ensure!(server.rows(owners).await?.concat() == ["masked", "masked"]);

    let bare = Server::start(layout).await?;
    let account = loopback(&bare).await?;
    let words = ["numbers", "--account", account.as_str()];
    let refused = import(&bare, &words, &[login[0], login[1], pool]).await?.refusal()?;
    ensure!(refused.contains("no client masked") && refused.contains("--client"), "{refused}");
    ensure!(count(&bare, "sb_number").await? == "0" && count(&bare, "sb_pool").await? == "0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_it_says_where_one_may_be() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let said = import(&server, &["numbers"], &[]).await?.refusal()?;
    ensure!(said.contains("NUMBER_POOL"), "{said}");
    let said = import(&server, &["numbers"], &[("NUMBER_POOL", "[]")]).await?.refusal()?;
    ensure!(said.contains("no number in the list"), "{said}");
    Ok(())
}

/// What an import had not done when it was killed is done by the next, and nothing twice.
async fn what_was_left_half_done_is_finished(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let older = ("NUMBER_POOL", r#"["+12125550100", "+12125550101", "+12125550102"]"#);
    let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "masked"}))).await?["id"])?;
    for (number, is_put) in [("+12125550100", true), ("+12125550101", false)] {
        let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "voice"]});
        let id = text(&well(&server, "POST", "/v1/numbers", Some(body)).await?["id"])?;
        if is_put {
            well(&server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
        }
    }
    let done = summary(&import(&server, &["numbers", "--account", &account, "--json"], &[older]).await?)?;
    ensure!(done["pools"] == json!({"added": 0, "known": 1}) && done["is_whole"] == true, "{done}");
    ensure!(done["numbers"] == json!({"added": 2, "known": 1}) && done["refused"] == json!([]), "{done}");
    ensure!(count(&server, "sb_number").await? == "3" && count(&server, "sb_pool").await? == "1");
    let pooled = server.rows(format!("SELECT address FROM sb_number WHERE pool_id = x'{}'", &pool[5..])).await?;
    ensure!(pooled.len() == 3, "{pooled:?}");
    Ok(())
}

/// The head of a request that has no body.
async fn head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}

/// A server that says these, each to one request, and is away then.
async fn saying(answers: Vec<(&'static str, String)>) -> Result<(String, tokio::task::JoinHandle<Result>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await?;
            let asked = head(&mut stream).await?;
            ensure!(asked.starts_with("GET /v1/"), "{asked}");
            let told = "content-type: application/json\r\nretry-after: 0\r\nconnection: close";
            let answer = format!("HTTP/1.1 {status}\r\n{told}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
        }
        Ok(())
    });
    Ok((url, serving))
}

/// A server that is busy is asked again; where it goes, what was done until then is told, and why that is not all.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_it_with_what_was_done() -> Result {
    let pools = json!({"data": [{"id": "pool_1", "name": "masked", "exclusive": false}], "next_cursor": null});
    let known = json!({"data": [{"id": "num_1", "pool_id": "pool_1"}], "next_cursor": null});
    let busy = json!({"detail": "others keep changing this pool"});
    let answers = [("200 OK", &pools), ("503 Service Unavailable", &busy), ("200 OK", &known)];
    let (url, serving) = saying(answers.map(|(status, body)| (status, body.to_string())).to_vec()).await?;
    let builder = Builder::new(Layout::SqliteShared).await?;
    let mut command = builder.command(&["import", "numbers", "--json", "--url", &url]);
    command.env("NUMBER_POOL", "+12125550100,+12125550101");
    let said = finish(command).await?;
    serving.await??;
    let done = summary(&said)?;
    ensure!(said.code == Some(1) && done["is_whole"] == false, "{said:?}");
    ensure!(done["numbers"] == json!({"added": 0, "known": 1}) && done["refused"] == json!([]), "{done}");
    ensure!(said.err.contains("run again") && said.err.contains("no answer from"), "{said:?}");
    Ok(())
}

on_both_engines!(
    a_list_from_the_environment_or_a_file_is_a_pool,
    numbers_are_those_of_the_masked_door,
    what_was_left_half_done_is_finished,
);

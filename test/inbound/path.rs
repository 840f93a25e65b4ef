//! Tokens before and after an account's own where they are no signatures, at other nodes, and by hand.

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;

use super::play::{
    FLOWROUTE_TOKEN, OURS, PERSON, PUBLIC, account, builder, call, flowroute, number, post_json, twilio,
};
use super::token::{and, believed, change, changed, token};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Layout, Result, until};
use crate::on_both_engines;
use crate::operations::command::finish;

/// Flowroute signs nothing: its path is the proof, and is changed in the same way.
async fn a_path_before_and_after_leads_to_the_account(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let made = flowroute(&server).await?;
    let keys = |path: &str| json!({"access_key": "1", "secret_key": "2", "webhook_token": path});
    let (second, third, taken) = ("the-second-path-segment", "the-third-path-segment", "somebody-else-has-this");
    account(&server, "flowroute", keys(taken), json!({})).await?;
    let at = async |path: &str| {
        let text = json!({"to": &OURS[1..], "from": &PERSON[1..], "body": "hello", "id": format!("mdr1-{path}")});
        post_json(&server, &format!("/webhooks/flowroute/{path}/sms"), &text).await
    };
    changed(&server, &made, json!({"credentials": keys(second)})).await?;
    changed(&server, &made, json!({"next_token": third})).await?;
    for (path, status) in [(FLOWROUTE_TOKEN, 200), (second, 200), (third, 200), ("a-path-of-nobody-s", 403)] {
        assert_eq!(at(path).await?, status, "{path}");
    }
    for (body, field) in
        [(json!({"next_token": "short"}), "next_token"), (json!({"next_token": "with/slash/in/it"}), "next_token")]
    {
        let (status, problem) = change(&server, &made, body).await?;
        ensure!(status == 400 && problem["field"] == field, "{status} {problem}");
    }
    // a path leads to one account
    assert_eq!(change(&server, &made, json!({"next_token": taken})).await?.0, 409);
    for path in [FLOWROUTE_TOKEN, second, third] {
        let body = json!({"provider": "flowroute", "credentials": keys(path), "check": false});
        assert_eq!(call(&server, Method::POST, "/v1/accounts", Some(body)).await?.0, 409, "{path}");
    }
    changed(&server, &made, json!({"promote": true, "previous_valid_for": "0s"})).await?;
    for (path, status) in [(FLOWROUTE_TOKEN, 403), (second, 403), (third, 200)] {
        assert_eq!(at(path).await?, status, "{path}");
    }
    Ok(())
}

on_both_engines!(a_path_before_and_after_leads_to_the_account);

/// What is changed at one node is believed at the others within two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_believe_the_same_tokens() -> Result {
    let one = builder(Layout::MariadbShared).await?;
    let other = Builder::at(one.home()).set("http.public_url", PUBLIC);
    let one = one.start().await?;
    let made = twilio(&one).await?;
    number(&one, &made, OURS, json!({})).await?;
    let other = other.start_unseeded().await?;
    changed(&one, &made, and(token("new"), json!({"next_token": "newer"}))).await?;
    until("the other node to believe them", async || {
        Ok((believed(&other, &[TOKEN, "new", "newer"]).await? == [200; 3]).then_some(()))
    })
    .await?;
    changed(&one, &made, json!({"previous_valid_for": "0s", "next_token": ""})).await?;
    until("the other node to forget them", async || {
        Ok((believed(&other, &[TOKEN, "new", "newer"]).await? == [403, 200, 403]).then_some(()))
    })
    .await
}

/// By hand, as the help says.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_changed_by_hand() -> Result {
    let server = builder(Layout::SqliteShared).await?.start().await?;
    let made = twilio(&server).await?;
    number(&server, &made, OURS, json!({})).await?;
    let url = server.url("");
    let run = async |words: &[&str], token: (&str, &str)| {
        let mut command =
            server.builder().command(&[&["account", "change", &made, "--url", &url, "--unchecked"], words].concat());
        finish({
            command.env(token.0, token.1);
            command
        })
        .await?
        .well()
    };
    let said = run(&["--next"], ("SWITCHBOARD_TWILIO_NEXT_AUTH_TOKEN", "next")).await?;
    ensure!(said.contains("next until") && !said.contains("earlier"), "{said}");
    let said = run(&["--promote", "--keep-old", "1h"], ("X", "")).await?;
    ensure!(said.contains("earlier until") && !said.contains("next"), "{said}");
    assert_eq!(believed(&server, &[TOKEN, "next"]).await?, [200, 200]);
    let account_sid = ("SWITCHBOARD_TWILIO_ACCOUNT_SID", ACCOUNT);
    let mut command = server.builder().command(&[
        "account",
        "change",
        &made,
        "--url",
        &url,
        "--unchecked",
        "--credentials",
        "--keep-old",
        "0s",
    ]);
    command.env(account_sid.0, account_sid.1).env("SWITCHBOARD_TWILIO_AUTH_TOKEN", "last");
    let said = finish(command).await?.well()?;
    ensure!(!said.contains("earlier"), "{said}");
    assert_eq!(believed(&server, &[TOKEN, "next", "last"]).await?, [403, 403, 200]);
    run(&["--next"], ("SWITCHBOARD_TWILIO_NEXT_AUTH_TOKEN", "soon")).await?;
    // a variable that is there and empty is a slip, not a wish
    let mut command = server.builder().command(&["account", "change", &made, "--url", &url, "--next"]);
    command.env("SWITCHBOARD_TWILIO_NEXT_AUTH_TOKEN", "");
    let refusal = finish(command).await?.refusal()?;
    ensure!(refusal.contains("--forget-next"), "{refusal}");
    assert_eq!(believed(&server, &["soon"]).await?, [200]);
    run(&["--forget-next"], ("X", "")).await?;
    assert_eq!(believed(&server, &["soon"]).await?, [403]);
    let help = server.builder().run(&["account", "change", "--help"]).await?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    ensure!(help.contains("--keep-old") && help.contains("leaked") && help.contains("0s"), "{help}");
    Ok(())
}

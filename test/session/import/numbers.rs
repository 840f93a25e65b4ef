//! `switchboard import numbers`: lists of numbers become the masked door's pool.

use anyhow::ensure;
use serde_json::json;

use super::{count, import, summary};
use crate::events::well;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
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

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_it_says_where_one_may_be() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let said = import(&server, &["numbers"], &[]).await?.refusal()?;
    ensure!(said.contains("NUMBER_POOL"), "{said}");
    let said = import(&server, &["numbers"], &[("NUMBER_POOL", "[]")]).await?.refusal()?;
    ensure!(said.contains("no number in the list"), "{said}");
    Ok(())
}

on_both_engines!(a_list_from_the_environment_or_a_file_is_a_pool);

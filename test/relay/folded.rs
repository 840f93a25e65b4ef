//! Carriers write some people's numbers in two forms: the ledger of opt-outs knows them in both.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::store::Change;

use super::scene::{everything, unreachable};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, stored};
use crate::on_both_engines;

const OURS: &str = "+15005550100";

/// Who says STOP in one gets nothing in the other.
async fn one_person_has_two_forms(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    everything(&server).await?;
    let send = async |to: &str| -> Result<u16> {
        Ok(call(&server, "POST", "/v1/messages", Some(json!({"to": to, "body": "x"}))).await?.0)
    };
    for (one, other, third) in [
        ("+5215512345678", "+525512345678", "+5215512345679"),
        ("+541123456789", "+5491123456789", "+541123456780"),
        ("+5585987654321", "+558587654321", "+5511941234567"),
    ] {
        let set = async |person: &str, is_out: bool| -> Result<Value> {
            let path = format!("/v1/opt-outs/{OURS}/{person}");
            well(&server, "PUT", &path, Some(json!({"is_out": is_out}))).await
        };
        ensure!(set(one, true).await?["person"] == one, "shown as it was given");
        ensure!((send(one).await?, send(other).await?, send(third).await?) == (403, 403, 202), "{one}");
        let list = well(&server, "GET", &format!("/v1/opt-outs?person={}", other.replace('+', "%2B")), None).await?;
        ensure!(list["data"].as_array().map(Vec::len) == Some(1) && list["data"][0]["person"] == one, "{list}");
        ensure!(set(other, false).await?["is_out"] == false);
        ensure!((send(one).await?, send(other).await?) == (202, 202), "{one}");
    }
    Ok(())
}

/// Entries of before have the key of the form that they were given in: they are found, and changed, all the same.
async fn entries_of_before_are_found(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let account = unreachable(&server, '1').await?;
    let new = json!({"number": OURS, "account_id": account, "capabilities": ["sms"]});
    well(&server, "POST", "/v1/numbers", Some(new)).await?;
    let (given, other) = ("+5491123456789", "+541123456789");
    let send = async |to: &str| -> Result<u16> {
        Ok(call(&server, "POST", "/v1/messages", Some(json!({"to": to, "body": "x"}))).await?.0)
    };
    ensure!(send(given).await? == 202);
    // nobody answers for this account: the message waits in its lane, whose key was that of the entry
    let key = server.rows("SELECT lane FROM sb_lane").await?.concat().pop().context("no lane")?;
    let set = async |person: &str, is_out: bool| -> Result<Value> {
        let path = format!("/v1/opt-outs/{OURS}/{person}");
        well(&server, "PUT", &path, Some(json!({"is_out": is_out}))).await
    };
    set(given, true).await?;
    let of_before = Change::new().run("UPDATE sb_opt_out SET id = ?", vec![stored(&key)]);
    server.home().databases.store()?.commit(of_before).await?;
    ensure!((send(given).await?, send(other).await?) == (403, 403));
    let lifted = set(other, false).await?;
    ensure!(lifted["is_out"] == false && lifted["person"] == given, "{lifted}");
    ensure!(server.rows("SELECT id FROM sb_opt_out").await?.concat() == [key]);
    ensure!((send(given).await?, send(other).await?) == (202, 202));
    Ok(())
}

on_both_engines!(one_person_has_two_forms, entries_of_before_are_found);

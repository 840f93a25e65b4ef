//! The index of numbers: messages are found by a number before they are sorted into it, meanwhile and after, and what
//! is swept leaves nothing in it.

use anyhow::ensure;

use super::list::{Old, fill, walk};
use super::{FROM, builder, ready};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::on_both_engines;

/// Two runs, and some that are left.
const ALL: usize = 70_000;
const LEFT: usize = ALL - 2 * 32_768;
const PERSONS: usize = 100;

fn person(n: usize) -> String {
    format!("+1415555{:04}", n % PERSONS)
}

fn old(n: usize) -> Old {
    let (from, to) = (FROM.to_owned(), person(n));
    if n % 200 < 100 {
        Old { state: "delivered", direction: "outbound", from, to }
    } else {
        Old { state: "received", direction: "inbound", from: to, to: from }
    }
}

async fn count(server: &Server, sql: &'static str) -> Result<usize> {
    Ok(server.rows(sql).await?.concat().concat().parse()?)
}

/// Each once, newest first, which `walk` sees to.
async fn are_found(server: &Server, n: usize) -> Result {
    let number = person(n).replace('+', "%2B");
    let each = ALL / PERSONS;
    for (filter, wanted) in [
        (format!("number={number}"), each),
        (format!("to={number}"), each / 2),
        (format!("from={number}&direction=inbound"), each / 2),
        (format!("from=%2B{}&to={number}", &FROM[1..]), each / 2),
        (format!("number={number}&state=failed"), 0),
    ] {
        let (found, _) = walk(server, &filter, 200).await?;
        ensure!(found.len() == wanted, "{filter}: {} and not {wanted}", found.len());
    }
    Ok(())
}

async fn a_number_is_found_before_meanwhile_and_after(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (mut server, account) = ready(builder(layout, &carrier).await?).await?;
    // what a node left behind that died while it wrote
    let left = [
        "INSERT INTO sb_run (run, first_id, last_id, is_done, touched_ms) VALUES (7, X'00', X'ff', 0, 7)",
        "INSERT INTO sb_run_message (run, number, id) VALUES (7, '+14155550001', X'00')",
    ];
    for sql in left {
        server.home().databases.store()?.commit(switchboard::store::Change::new().run(sql, Vec::new())).await?;
    }
    fill(&server, &account, ALL, old).await?;
    until("two runs", async || {
        are_found(&server, 3).await?;
        let runs = count(&server, "SELECT COUNT(*) FROM sb_run WHERE is_done = 1").await?;
        Ok((runs == 2 && count(&server, "SELECT COUNT(*) FROM sb_fresh").await? == LEFT).then_some(()))
    })
    .await?;
    are_found(&server, 104).await?;
    let entries = count(&server, "SELECT COUNT(*) FROM sb_run_message").await?;
    ensure!(entries == 2 * (ALL - LEFT), "{entries} entries: what was left behind is there, or some are not");
    // what a writer that died before it had cleared up leaves: the same in two runs
    for sql in [
        "INSERT INTO sb_run SELECT 9, first_id, last_id, 1, 0 FROM sb_run ORDER BY first_id LIMIT 1",
        "INSERT INTO sb_run_message SELECT 9, number, id FROM sb_run_message WHERE run = \
         (SELECT run FROM sb_run WHERE run <> 9 ORDER BY first_id LIMIT 1)",
    ] {
        server.home().databases.store()?.commit(switchboard::store::Change::new().run(sql, Vec::new())).await?;
    }
    are_found(&server, 205).await?;
    // the number of ours has too many for one page to look at, and all of them in order
    let (found, _) = walk(&server, &format!("number=%2B{}&state=received", &FROM[1..]), 200).await?;
    ensure!(found.len() == ALL / 2, "{} of ours", found.len());
    server.signal("TERM")?;
    server.ended(crate::harness::LONG).await?;
    let set = |builder: Builder| builder.set("retention.messages", "1h").set("retention.remove_every", "200ms");
    let server = set(Builder::at(server.home())).start().await?;
    until("an empty index", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_message) + (SELECT COUNT(*) FROM sb_fresh) \
                   + (SELECT COUNT(*) FROM sb_run) + (SELECT COUNT(*) FROM sb_run_message)";
        Ok((count(&server, sql).await? == 0).then_some(()))
    })
    .await
}

on_both_engines!(a_number_is_found_before_meanwhile_and_after);

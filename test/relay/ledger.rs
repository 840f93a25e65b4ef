//! Clients' money: moved by hand and by messages, stated, checked, and told of when it is low.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::store::{Change, Value as Column};

use super::scene::{act_well, at_rest, balance, customer, everything, tamper, text_to, verify};
use crate::events::{builder, call, text, well};
use crate::harness::{ADMIN, Layout, Result, Server, stored, until};
use crate::operations::command::run;
use crate::{in_foreign_sessions, on_both_engines};

async fn post(server: &Server, client: &str, body: Value) -> Result<(u16, Value)> {
    call(server, "POST", &format!("/v1/clients/{client}/ledger"), Some(body)).await
}

async fn money_is_moved_by_hand_never_below_the_credit(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "10", json!({"credit_limit": "5"})).await?;
    let (status, entry) = post(&server, &client, json!({"kind": "credit", "amount": "2.50"})).await?;
    ensure!(status == 201 && entry["balance"] == "12.5000" && entry["amount"] == "2.5000", "{entry}");
    let take = |amount: &str| json!({"kind": "adjustment", "amount": amount, "reason": "a mistake"});
    let (status, entry) = post(&server, &client, take("-17.5")).await?;
    ensure!(status == 201 && entry["balance"] == "-5.0000" && entry["reason"] == "a mistake", "{entry}");
    let (status, problem) = post(&server, &client, take("-0.000001")).await?;
    ensure!(status == 409 && text(&problem["detail"])?.contains("credit limit"), "{status} {problem}");
    let (status, entry) = post(&server, &client, json!({"set": "50.00", "reason": "agreed"})).await?;
    ensure!(status == 201 && entry["amount"] == "55.0000" && entry["kind"] == "adjustment", "{entry}");
    let (status, problem) = post(&server, &client, json!({"set": "-5.000001", "reason": "agreed"})).await?;
    ensure!(status == 409, "{status} {problem}");
    for (field, body) in [
        ("reason", json!({"kind": "adjustment", "amount": "1"})),
        ("reason", json!({"set": "1", "reason": "  "})),
        ("reason", json!({"kind": "credit", "amount": "1", "reason": "x".repeat(256)})),
        ("amount", json!({"kind": "credit", "amount": "0"})),
        ("amount", json!({"kind": "credit", "amount": "-1"})),
        ("amount", json!({"kind": "credit", "amount": "0.0000001"})),
        ("amount", json!({"kind": "credit", "amount": "1000000001"})),
        ("amount", json!({"kind": "credit", "amount": "1000000000"})),
        ("amount", json!({"kind": "credit"})),
        ("amount", json!({"kind": "adjustment", "amount": 0, "reason": "x"})),
        ("kind", json!({"kind": "debit", "amount": "1"})),
        ("kind", json!({"amount": "1"})),
        ("set", json!({"kind": "credit", "amount": "1", "set": "1", "reason": "x"})),
    ] {
        let (status, problem) = post(&server, &client, body.clone()).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    let nobody = format!("cli_{}", "f".repeat(32));
    for path in ["ledger", "statement.csv?from=2020-01-01T00:00:00Z"] {
        ensure!(call(&server, "GET", &format!("/v1/clients/{nobody}/{path}"), None).await?.0 == 404, "{path}");
    }
    ensure!(post(&server, &nobody, json!({"kind": "credit", "amount": 1})).await?.0 == 404);
    let path = format!("/v1/clients/{client}/ledger");
    let page = well(&server, "GET", &format!("{path}?limit=2"), None).await?;
    ensure!(page["data"][0]["amount"] == "55.0000" && page["data"][1]["amount"] == "-17.5000", "{page}");
    let next = format!("{path}?cursor={}", text(&page["next_cursor"])?);
    let rest = well(&server, "GET", &next, None).await?;
    ensure!(rest["data"][0]["amount"] == "2.5000" && rest["data"][1]["reason"] == "opening balance", "{rest}");
    let count = async |query: &str| -> Result<usize> {
        let page = well(&server, "GET", &format!("{path}?{query}"), None).await?;
        Ok(page["data"].as_array().context("data")?.len())
    };
    ensure!(count("kind=credit").await? == 2 && count("kind=debit").await? == 0);
    ensure!(count("from=2020-01-01T00:00:00Z").await? == 4 && count("to=2020-01-01T00:00:00Z").await? == 0);
    let audited = well(&server, "GET", &format!("/v1/audit?object={client}"), None).await?;
    ensure!(audited["data"].as_array().is_some_and(|all| all.len() == 4), "{audited}");
    let own = act_well(&server, &client, "GET", "/v1/balance", None).await?;
    ensure!(own["balance"] == "50.0000" && own["credit_limit"] == "5.0000", "{own}");
    ensure!(well(&server, "GET", "/v1/balance", None).await?["balance"].is_null());
    verify(&server).await?.well()?;
    Ok(())
}

async fn those_who_move_it_at_once_lose_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "0", json!({})).await?;
    let each = (0..24).map(|at| {
        let body = match at % 3 {
            0 => json!({"set": at.to_string(), "reason": "race"}),
            1 => json!({"kind": "credit", "amount": "1"}),
            _ => json!({"kind": "adjustment", "amount": "-0.5", "reason": "race"}),
        };
        let (server, client) = (&server, &client);
        async move { post(server, client, body).await }
    });
    for done in futures_util::future::join_all(each).await {
        let (status, answer) = done?;
        ensure!([201, 409].contains(&status), "{status} {answer}");
    }
    verify(&server).await?.well()?;
    Ok(())
}

async fn csv(server: &Server, path: &str) -> Result<Vec<Vec<String>>> {
    let answer = server.http.get(server.url(path)).bearer_auth(ADMIN).send().await?;
    ensure!(answer.status() == 200, "{path}: {}", answer.status());
    ensure!(answer.headers()["content-type"] == "text/csv; charset=utf-8", "{:?}", answer.headers());
    let text = answer.text().await?;
    let mut sheet = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    sheet.records().map(|record| Ok(record?.iter().map(str::to_owned).collect())).collect()
}

async fn a_statement_runs_from_opening_to_closing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    let client = customer(&server, "1", json!({})).await?;
    for to in ["+14155550101", "+15005550012", "+15005550001", "+14155550102"] {
        text_to(&server, &client, to, json!({})).await?;
    }
    at_rest(&server, 2).await?;
    ensure!(balance(&server, &client).await? == "0.9850", "{}", balance(&server, &client).await?);
    let path = format!("/v1/clients/{client}/statement.csv");
    let lines = csv(&server, &format!("{path}?from=2020-01-01T00:00:00Z")).await?;
    ensure!(lines[0].join(",") == "time,kind,amount,balance,id,message_id,reason", "{lines:?}");
    ensure!(lines[1][1..4] == ["opening", "", "0.0000"] && lines[1][0] == "2020-01-01T00:00:00.000Z", "{lines:?}");
    ensure!(lines.len() == 2 + 7 + 1, "{lines:?}");
    let micros = |text: &str| -> Result<i64> { Ok(text.parse::<switchboard::model::Money>()?.micros()) };
    let mut left = 0;
    for line in &lines[2..9] {
        left += micros(&line[2])?;
        ensure!(micros(&line[3])? == left, "{line:?}");
        ensure!(line[5].starts_with("msg_") == (line[1] != "credit"), "{line:?}");
    }
    ensure!(lines[9][1..4] == ["closing", "", "0.9850"], "{lines:?}");
    let later = csv(&server, &format!("{path}?from=2100-01-01T00:00:00Z&to=2100-01-02T00:00:00%2B00:00")).await?;
    ensure!(later.len() == 3 && later[1][3] == "0.9850" && later[2][3] == "0.9850", "{later:?}");
    for (bad, field) in
        [("", "from"), ("?from=now", "from"), ("?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z", "to")]
    {
        let (status, problem) = call(&server, "GET", &format!("{path}{bad}"), None).await?;
        ensure!(status == 400 && problem["field"] == field, "{bad}: {status} {problem}");
    }
    verify(&server).await?.well()?;
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn what_is_wrong_in_the_ledger_is_found(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    let client = customer(&server, "1", json!({})).await?;
    for to in ["+14155550101", "+15005550012", "+14155550102"] {
        text_to(&server, &client, to, json!({})).await?;
    }
    at_rest(&server, 1).await?;
    let clean = verify(&server).await?.well()?;
    ensure!(clean.contains("1 clients, 4 debits and refunds, 3 charged messages"), "{clean}");
    for (wrong, right, said) in [
        (
            "UPDATE sb_balance SET balance = balance + 1",
            "UPDATE sb_balance SET balance = balance - 1",
            "its entries make",
        ),
        (
            "UPDATE sb_balance SET credit_limit = -5000000",
            "UPDATE sb_balance SET credit_limit = 0",
            "below the credit limit",
        ),
        (
            "UPDATE sb_message SET cost = cost + 1 WHERE state = 'failed'",
            "UPDATE sb_message SET cost = cost - 1 WHERE state = 'failed'",
            "has no debit of that",
        ),
        (
            "UPDATE sb_ledger SET kind = 'credit' WHERE kind = 'refund'",
            "UPDATE sb_ledger SET kind = 'refund' WHERE kind = 'credit' AND message_id IS NOT NULL",
            "were not given back",
        ),
        (
            "UPDATE sb_message SET refunded_ms = NULL WHERE state = 'failed'",
            "UPDATE sb_message SET refunded_ms = 1 WHERE state = 'failed'",
            "differ on whether",
        ),
        (
            "UPDATE sb_message SET state = 'sent' WHERE state = 'failed'",
            "UPDATE sb_message SET state = 'failed' WHERE refunded_ms IS NOT NULL",
            "has not failed",
        ),
        (
            "UPDATE sb_ledger SET kind = 'credit' WHERE kind = 'debit'",
            "UPDATE sb_ledger SET kind = 'debit' WHERE kind = 'credit' AND message_id IS NOT NULL",
            "gives back what nobody took",
        ),
        (
            "UPDATE sb_message SET client_id = X'00000000000000000000000000000009' WHERE state = 'failed'",
            "UPDATE sb_message SET client_id = (SELECT client_id FROM sb_balance) WHERE state = 'failed'",
            "another client's",
        ),
    ] {
        tamper(&server, wrong).await?;
        let found = verify(&server).await?;
        ensure!(found.code == Some(1) && found.out.contains(said), "{wrong}: {found:?}");
        tamper(&server, right).await?;
        let clean = verify(&server).await?;
        ensure!(clean.code == Some(0), "{right}: {clean:?}");
    }
    tamper(&server, "DELETE FROM sb_message WHERE state = 'failed'").await?;
    let found = verify(&server).await?;
    ensure!(found.code == Some(1) && found.out.contains("a message that is not there"), "{found:?}");
    let swept = run(server.builder(), &["ledger", "verify", "--json", "--set", "retention.messages=1ms"]).await?;
    ensure!(swept.code == Some(0), "what was swept is excepted: {swept:?}");
    let said: Value = serde_json::from_str(&swept.out)?;
    ensure!(said["faults"] == 0 && said["messages"] == 2 && said["entries"] == 4, "{said}");
    // given back twice, and nothing of the message left to say so
    let again = "INSERT INTO sb_ledger (client_id, id, kind, amount, message_id, created_ms) SELECT client_id, \
                 X'fffffffffffffffffffffffffffffff1', kind, amount, message_id, created_ms FROM sb_ledger \
                 WHERE kind = 'refund'";
    tamper(&server, again).await?;
    tamper(&server, "UPDATE sb_balance SET balance = (SELECT SUM(amount) FROM sb_ledger)").await?;
    let twice = run(server.builder(), &["ledger", "verify", "--json", "--set", "retention.messages=1ms"]).await?;
    let said: Value = serde_json::from_str(&twice.out)?;
    ensure!(twice.code == Some(1) && said["faults"] == 1, "{said}");
    ensure!(said["wrong"].to_string().contains("given back more than once"), "{said}");
    Ok(())
}

async fn a_low_balance_is_told_once(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    everything(&server).await?;
    let client = customer(&server, "10", json!({"low_at": "9.99"})).await?;
    let endpoint = json!({"url": "http://127.0.0.1:9/", "event_types": ["balance.*"]});
    act_well(&server, &client, "POST", "/v1/endpoints", Some(endpoint)).await?;
    let told = async |count: usize| {
        until(&format!("{count} events"), async || {
            let rows = server.rows("SELECT COUNT(*) FROM sb_event WHERE type = 'balance.low'").await?.concat();
            Ok((rows == [count.to_string()]).then_some(()))
        })
        .await
    };
    for _ in 0..2 {
        text_to(&server, &client, "+14155550101", json!({})).await?;
    }
    told(1).await?;
    for _ in 0..3 {
        text_to(&server, &client, "+14155550101", json!({})).await?;
    }
    let events = act_well(&server, &client, "GET", "/v1/events?type=balance.low", None).await?;
    ensure!(events["data"].as_array().is_some_and(|events| events.len() == 1), "{events}");
    let id = text(&events["data"][0]["id"])?;
    let event = act_well(&server, &client, "GET", &format!("/v1/events/{id}"), None).await?;
    let payload = event.to_string();
    ensure!(payload.contains("9.9850") && payload.contains(&client), "{event}");
    // more money, and it is told again
    post(&server, &client, json!({"kind": "credit", "amount": "1"})).await?;
    post(&server, &client, json!({"kind": "adjustment", "amount": "-1", "reason": "back"})).await?;
    told(2).await?;
    post(&server, &client, json!({"kind": "adjustment", "amount": "-1", "reason": "more"})).await?;
    told(2).await?;
    // what a crash left untold is told at the start
    tamper(&server, "UPDATE sb_balance SET low_told = 0").await?;
    let server = server.restart().await?;
    until("a third event", async || {
        let rows = server.rows("SELECT COUNT(*) FROM sb_event WHERE type = 'balance.low'").await?.concat();
        Ok((rows == ["3"]).then_some(()))
    })
    .await
}

async fn few_among_many_entries_are_found_page_by_page(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "10", json!({})).await?;
    let entry = |at: i64| -> Vec<Column> {
        // all of them younger than the opening balance
        let id = format!("{:012x}{at:020x}", 4_000_000_000_000_i64 + at);
        vec![stored(&client), stored(&id), "adjustment".into(), 1.into(), (4_000_000_000_000 + at).into()]
    };
    let store = server.home().databases.store()?;
    for begin in (0..21_000).step_by(3_000) {
        let rows = (begin..begin + 3_000).map(entry).collect();
        let into = "INSERT INTO sb_ledger (client_id, id, kind, amount, created_ms)";
        store.commit(Change::new().insert(into, rows)).await?;
    }
    let path = format!("/v1/clients/{client}/ledger");
    let first = well(&server, "GET", &format!("{path}?kind=credit"), None).await?;
    ensure!(first["data"] == json!([]), "{first}");
    let next = format!("{path}?kind=credit&cursor={}", text(&first["next_cursor"])?);
    let rest = well(&server, "GET", &next, None).await?;
    ensure!(rest["data"][0]["amount"] == "10.0000" && rest["next_cursor"].is_null(), "{rest}");
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = well(&server, "GET", &format!("{path}?kind=adjustment&limit=200{cursor}"), None).await?;
        seen += page["data"].as_array().context("data")?.len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ensure!(seen == 21_000, "each of them once: {seen}");
    Ok(())
}

/// Whoever lost an answer asks again.
async fn a_repeated_posting_moves_its_money_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "10", json!({})).await?;
    let path = server.url(&format!("/v1/clients/{client}/ledger"));
    let ask = async |amount: &str| -> Result<(u16, bool, Value)> {
        let request = server.http.post(&path).bearer_auth(ADMIN).header("idempotency-key", "invoice 7");
        let answer = request.body(json!({"kind": "credit", "amount": amount}).to_string()).send().await?;
        let (status, is_replayed) = (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"));
        Ok((status, is_replayed, answer.json().await?))
    };
    let together = futures_util::future::try_join_all((0..8).map(|_| ask("5"))).await?;
    ensure!(
        together.iter().all(|(status, _, entry)| *status == 201 && entry["id"] == together[0].2["id"]),
        "{together:?}"
    );
    ensure!(together.iter().filter(|(_, is_replayed, _)| !is_replayed).count() == 1, "{together:?}");
    let (status, is_replayed, entry) = ask("5").await?;
    ensure!(status == 201 && is_replayed && entry["balance"] == "15.0000", "{status} {entry}");
    let (status, _, problem) = ask("6").await?;
    ensure!(status == 409, "{status} {problem}");
    ensure!(balance(&server, &client).await? == "15.0000", "moved again");
    let entries = server.rows("SELECT id FROM sb_audit WHERE action = 'ledger.post'").await?.len();
    ensure!(entries == 1, "{entries} entries of the audit log");
    Ok(())
}

on_both_engines!(
    a_repeated_posting_moves_its_money_once,
    few_among_many_entries_are_found_page_by_page,
    money_is_moved_by_hand_never_below_the_credit,
    those_who_move_it_at_once_lose_nothing,
    a_statement_runs_from_opening_to_closing,
    what_is_wrong_in_the_ledger_is_found,
    a_low_balance_is_told_once,
);
in_foreign_sessions!(a_statement_runs_from_opening_to_closing);

#[tokio::test(flavor = "multi_thread")]
async fn money_is_moved_on_the_command_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let client = customer(&server, "0", json!({})).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await;
    let added = on(&["ledger", "add", &client, "5"]).await?.well()?;
    ensure!(added.contains("5.0000"), "{added}");
    on(&["ledger", "deduct", &client, "1.5", "--reason", "bill"]).await?.well()?;
    let refused = on(&["ledger", "deduct", &client, "4", "--reason", "bill"]).await?.refusal()?;
    ensure!(refused.contains("credit limit"), "{refused}");
    on(&["ledger", "set", &client, "3", "--reason", "round"]).await?.well()?;
    let shown = on(&["ledger", "show", &client]).await?.well()?;
    ensure!(shown.lines().count() == 3 && shown.contains("-0.5000"), "{shown}");
    let statement = on(&["ledger", "statement", &client, "--from", "2020-01-01T00:00:00Z"]).await?.well()?;
    ensure!(statement.lines().count() == 6 && statement.contains("closing,,3.0000"), "{statement}");
    ensure!(on(&["ledger", "verify"]).await?.well()?.contains("clean"));
    Ok(())
}

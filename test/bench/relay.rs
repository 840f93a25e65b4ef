//! Texts of API clients: who sends is known, the price found, the money taken, the route chosen, the text stored,
//! against an empty route.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{ClientId, KeyId};
use switchboard::store::Change;

use crate::harness::{ADMIN, Layout, Result, Server};
use crate::load::{Load, Post, offer};
use crate::plan::Plan;
use crate::stage::{self, NUMBERS, RECIPIENTS, Via, mix, recipient};
use crate::table::{Table, median};
use crate::{disk, meter};

const PATH: &str = "/relay/api/sms";
const CONNECTIONS: usize = 32;
/// Clients that take turns.
const CLIENTS: usize = 1000;
/// What a busy relay holds.
const KEYS: usize = 10_000;
const ROUTES: usize = 1000;
const RATES: usize = 100_000;
/// What is left at least of what one with nothing does.
const LEFT: f64 = 0.9;

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let lean = stage::start(Layout::SqliteShared, None).await?;
    let full = stage::start(Layout::SqliteShared, None).await?;
    let (one, other) = (clients(&lean, 1).await?, clients(&full, 1).await?);
    fill(&full).await?;
    // by turns, so that both stores grow alike
    let both = async || Ok((round(&lean, plan, &one).await?, round(&full, plan, &other).await?));
    let (rounds, fdatasync) = disk::runs(&lean.home(), plan, plan.rounds, both).await?;
    let (lean, full): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    let rate = add(table, lean, fdatasync, "relay, embedded store, one client", 0.3);
    let busy = median(full.into_iter().map(|(rate, _)| rate).collect());
    let (what, share) = (format!("relay, {KEYS} keys, {ROUTES} routes, {RATES} rates"), busy / rate);
    let shown = format!("{busy:.0}/s = {share:.2} of that without (fdatasync {fdatasync:.2} ms)");
    table.add(&what, shown, format!("{LEFT} of {rate:.0}/s"), share >= LEFT);
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    let server = stage::start(Layout::MariadbShared, None).await?;
    for (count, what) in [(1, "relay, MariaDB, one client"), (CLIENTS, "relay, MariaDB, 1000 clients")] {
        let keys = clients(&server, count).await?;
        let (rounds, fdatasync) =
            disk::runs(&server.home(), plan, plan.rounds, async || round(&server, plan, &keys).await).await?;
        add(table, rounds, fdatasync, what, 0.12);
    }
    Ok(())
}

/// Adds the medians of rounds, of ours and of the empty route; the former.
fn add(table: &mut Table, rounds: Vec<(f64, f64)>, fdatasync: f64, what: &str, wanted: f64) -> f64 {
    let (ours, empty): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    let (rate, empty) = (median(ours), median(empty));
    let shown = format!("{rate:.0}/s = {:.2} (fdatasync {fdatasync:.2} ms)", rate / empty);
    table.add(what, shown, format!("{wanted} of {empty:.0}/s"), rate / empty >= wanted);
    rate
}

async fn round(server: &Server, plan: &Plan, keys: &Keys) -> Result<(f64, f64)> {
    let empty = offer(server, &texts("/empty", keys), plan.span).await?;
    let before = debits(server).await?;
    let taken = offer(server, &texts(PATH, keys), plan.span).await?;
    empty.show("empty requests");
    taken.show("texts taken");
    meter::drained(server).await?;
    let paid = debits(server).await? - before;
    ensure!(paid >= taken.count, "{} were taken, {paid} are paid for", taken.count);
    Ok((taken.rate, empty.rate))
}

type Keys = Arc<Vec<String>>;

fn texts(path: &'static str, keys: &Keys) -> Load {
    let keys = keys.clone();
    let make = move |number: usize| {
        let mixed = mix(number as u64);
        let (from, to) = (Via::Loopback.sender(mixed % NUMBERS), recipient(mixed % RECIPIENTS));
        let key = &keys[number % keys.len()];
        Post {
            head: format!("X-Proxy-Auth: {key}\r\nContent-Type: application/json\r\n"),
            body: format!("{{\"To\":\"{to}\",\"From\":\"{from}\",\"Body\":\"Your parcel is on its way\"}}"),
        }
    };
    Load { path, make: Arc::new(make), pace: None, connections: CONNECTIONS }
}

/// So many clients with money enough, and a key of each.
async fn clients(server: &Server, count: usize) -> Result<Keys> {
    let mut keys = Vec::with_capacity(count);
    for number in 0..count {
        let new = json!({"name": format!("bench {number}"), "balance": "1000000"});
        let client = stage::add(server, "/v1/clients", &new).await?;
        let path = format!("/v1/clients/{}/keys", client["id"].as_str().context("no id")?);
        let key = stage::add(server, &path, &json!({"name": "bench"})).await?;
        keys.push(key["key"].as_str().context("no key")?.to_owned());
    }
    Ok(Arc::new(keys))
}

async fn debits(server: &Server) -> Result<usize> {
    let rows = server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'debit'").await?.concat();
    Ok(rows.first().context("no count")?.parse()?)
}

/// Keys, routes and rates beside those that are used.
async fn fill(server: &Server) -> Result {
    let begun = Instant::now();
    let account: Value = server.http.get(server.url("/v1/accounts")).bearer_auth(ADMIN).send().await?.json().await?;
    let account = &account["data"][0]["id"];
    for number in 0..ROUTES {
        // before the one that serves, and none of them for these recipients
        let pattern = format!(r"\+1{number:03}\d{{7}}$");
        let route = json!({"priority": number / 2, "pattern": pattern, "account_id": account});
        stage::add(server, "/v1/routes", &route).await?;
    }
    // some of them prefixes of the recipients
    let mut card = String::from("channel,prefix,price,from,until\n");
    for number in 0..RATES {
        writeln!(card, "sms,{},0.0075,2020-01-01T00:00:00Z,", 200_000 + number * 7)?;
    }
    let put = server.http.post(server.url("/v1/rates.csv")).bearer_auth(ADMIN).header("content-type", "text/csv");
    let answer = put.body(card).send().await?;
    let (status, told) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "rates: {status} {told}");
    keys(server).await?;
    // every node reads what has changed within two seconds
    tokio::time::sleep(Duration::from_secs(3)).await;
    eprintln!("{KEYS} keys, {ROUTES} routes and {RATES} rates are there after {:.0?}", begun.elapsed());
    Ok(())
}

/// Keys of a client beside, written straight into the store: nobody could use them.
async fn keys(server: &Server) -> Result {
    let store = server.home().databases.store()?;
    let client = server.rows("SELECT client_id FROM sb_key LIMIT 1").await?.concat();
    let client = ClientId::from_hex(client.first().context("no client")?)?;
    let into = "INSERT INTO sb_key (id, client_id, key_hash, prefix, name, scopes, rate, created_ms)";
    let row = |_| {
        let (id, hash) = (KeyId::new(1), rand::random::<[u8; 32]>());
        vec![id.into(), client.into(), hash.into(), "sbkey_".into(), "".into(), "sms".into(), 0.into(), 1.into()]
    };
    for _ in 0..KEYS / 1000 {
        store.commit(Change::new().insert(into, (0..1000).map(row).collect())).await?;
    }
    let version = "UPDATE sb_meta SET value = 'filled' WHERE name = 'clients'";
    store.commit(Change::new().run(version, Vec::new())).await?;
    Ok(())
}

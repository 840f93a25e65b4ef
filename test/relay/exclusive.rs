//! Exclusive pools: what is kept of their numbers, and what is refused while people are in sessions.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{act, act_well, customer, everything, tamper};
use crate::events::text;
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

/// Two people of one open session have the number, as sessions write it.
pub const OPEN: &str = "INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id) \
     SELECT p.address, n.id, n.id, p.id, n.client_id FROM sb_number n JOIN sb_number p ON p.address <> n.address \
     WHERE n.address = '+14155550300' AND (p.address = '+33612345678' OR p.address = '40404')";
/// And two more sessions.
const OPEN_MORE: &str = "INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id) \
     SELECT CASE WHEN p.address = '40404' THEN '+1' ELSE '+2' END, n.id, p.id, p.id, n.client_id \
     FROM sb_number n JOIN sb_number p ON p.address <> n.address \
     WHERE n.address = '+14155550300' AND (p.address = '+33612345678' OR p.address = '40404')";

/// The numbers that sessions may claim, or may not just now.
pub async fn kept(server: &Server) -> Result<Vec<String>> {
    let sql = "SELECT area, CASE WHEN free_ms IS NULL THEN 'taken' ELSE 'free' END FROM sb_pool_number";
    let mut kept: Vec<String> = server.rows(sql).await?.into_iter().map(|row| row.join(" ")).collect();
    kept.sort_unstable();
    Ok(kept)
}

/// A client's pool with a number of New York, San Francisco and France each, and a short code.
pub struct Furnished {
    pub server: Server,
    pub client: String,
    pub pool: String,
    /// Their paths.
    pub numbers: Vec<String>,
}

impl Furnished {
    pub async fn new(layout: Layout) -> Result<Self> {
        let server = Server::start(layout).await?;
        let account = everything(&server).await?;
        let client = customer(&server, "10", json!({})).await?;
        let made = act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "drivers"}))).await?;
        let pool = format!("/v1/pools/{}", text(&made["id"])?);
        let mut numbers = Vec::new();
        for address in ["+12125550301", "+14155550300", "+33612345678", "40404"] {
            let body = json!({"number": address, "account_id": account});
            let number = text(&act_well(&server, &client, "POST", "/v1/numbers", Some(body)).await?["id"])?;
            act_well(&server, &client, "PUT", &format!("{pool}/numbers/{number}"), None).await?;
            numbers.push(format!("/numbers/{number}"));
        }
        Ok(Self { server, client, pool, numbers })
    }

    async fn act(&self, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        act(&self.server, &self.client, method, path, body).await
    }

    async fn well(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        act_well(&self.server, &self.client, method, path, body).await
    }

    /// Makes the pool exclusive, or shared.
    pub async fn exclusive(&self, is_exclusive: bool) -> Result<Value> {
        self.well("PATCH", &self.pool, Some(json!({"exclusive": is_exclusive}))).await
    }

    /// It is refused, as there are so many open sessions.
    async fn refused(&self, method: &str, path: &str, body: Option<Value>, sessions: &str) -> Result {
        let (status, problem) = self.act(method, path, body).await?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        ensure!(status == 409 && detail.contains(sessions), "{method} {path}: {status} {problem}");
        Ok(())
    }
}

async fn phones_of_an_exclusive_pool_are_kept_for_sessions(layout: Layout) -> Result {
    let all = Furnished::new(layout).await?;
    let (server, pool, numbers) = (&all.server, &all.pool, &all.numbers);
    ensure!(kept(server).await?.is_empty());
    ensure!(all.exclusive(true).await?["exclusive"] == true);
    assert_eq!(kept(server).await?, ["212 free", "415 free", "FR free"]);
    let entries = server.rows("SELECT id FROM sb_audit").await?.len();
    all.exclusive(true).await?;
    all.well("PUT", &format!("{pool}{}", numbers[0]), None).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 free", "FR free"], "again changes nothing");
    assert_eq!(server.rows("SELECT id FROM sb_audit").await?.len(), entries, "and is not written down");

    let number = |at: usize| format!("/v1{}", numbers[at]);
    all.well("PATCH", &number(1), Some(json!({"reserved": true}))).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 taken", "FR free"]);
    all.exclusive(false).await?;
    assert_eq!(kept(server).await?, [""; 0]);
    all.exclusive(true).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 taken", "FR free"]);
    all.well("PATCH", &number(1), Some(json!({"reserved": false}))).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 free", "FR free"]);

    all.well("DELETE", &format!("{pool}{}", numbers[0]), None).await?;
    all.well("DELETE", &number(2), None).await?;
    assert_eq!(kept(server).await?, ["415 free"]);
    all.well("PUT", &format!("{pool}{}", numbers[0]), None).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 free"]);
    let other = json!({"name": "riders", "exclusive": true});
    let other = text(&all.well("POST", "/v1/pools", Some(other)).await?["id"])?;
    all.well("PUT", &format!("/v1/pools/{other}{}", numbers[0]), None).await?;
    assert_eq!(kept(server).await?, ["212 free", "415 free"], "moved from one to the other");
    all.well("DELETE", pool, None).await?;
    assert_eq!(kept(server).await?, ["212 free"]);
    Ok(())
}

async fn what_has_open_sessions_stays(layout: Layout) -> Result {
    let all = Furnished::new(layout).await?;
    let (pool, numbers) = (&all.pool, &all.numbers);
    let number = format!("/v1{}", numbers[1]);
    let other = text(&all.well("POST", "/v1/pools", Some(json!({"name": "riders"}))).await?["id"])?;
    tamper(&all.server, OPEN).await?;
    let one = "has 1 open session: mark it reserved and wait for it to end, or close it";
    all.refused("DELETE", &number, None, one).await?;
    tamper(&all.server, OPEN_MORE).await?;
    let three = "has 3 open sessions: mark it reserved and wait for them to end, or close them";
    all.refused("DELETE", &number, None, three).await?;
    all.refused("DELETE", &format!("{pool}{}", numbers[1]), None, three).await?;
    all.refused("PUT", &format!("/v1/pools/{other}{}", numbers[1]), None, three).await?;
    let of_pool = "the pool has 3 open sessions";
    all.refused("DELETE", pool, None, of_pool).await?;
    all.refused("PATCH", pool, Some(json!({"exclusive": true})), of_pool).await?;
    // all else may be changed
    all.well("PUT", &format!("{pool}{}", numbers[1]), None).await?;
    all.well("PATCH", &number, Some(json!({"reserved": true}))).await?;
    all.well("PATCH", pool, Some(json!({"name": "drivers of trucks", "order": "any"}))).await?;
    all.well("DELETE", &format!("{pool}{}", numbers[0]), None).await?;
    all.well("DELETE", &format!("/v1/pools/{other}"), None).await?;
    let pooled = all.well("GET", pool, None).await?;
    ensure!(pooled["numbers"].as_array().is_some_and(|left| left.len() == 3), "{pooled}");

    tamper(&all.server, "DELETE FROM sb_pair").await?;
    all.exclusive(true).await?;
    tamper(&all.server, OPEN).await?;
    all.refused("PATCH", pool, Some(json!({"exclusive": false})), "the pool has 1 open session").await?;
    assert_eq!(kept(&all.server).await?, ["415 taken", "FR free"], "reserved, and not");
    tamper(&all.server, "DELETE FROM sb_pair").await?;
    all.well("DELETE", &number, None).await?;
    all.well("DELETE", pool, None).await?;
    Ok(())
}

/// The phones of exclusive pools as they are kept; and as their numbers say that they must be.
const KEPT: &str = "SELECT n.address, k.pool_id, CASE WHEN k.free_ms IS NULL THEN 'taken' ELSE 'free' END \
     FROM sb_pool_number k LEFT JOIN sb_number n ON n.id = k.number_id ORDER BY n.address";
const WANTED: &str = "SELECT n.address, n.pool_id, CASE WHEN n.reserved = 0 THEN 'free' ELSE 'taken' END \
     FROM sb_number n JOIN sb_pool p ON p.id = n.pool_id \
     WHERE n.address LIKE '+%' AND p.settings LIKE '%\"exclusive\":true%' ORDER BY n.address";

/// Numbers come and go at one node, and one is reserved, while another node makes their pool exclusive or shared.
async fn a_pool_that_becomes_exclusive_misses_no_number(layout: Layout) -> Result {
    let all = Furnished::new(layout).await?;
    let (server, pool, numbers) = (&all.server, &all.pool, &all.numbers);
    let other = Builder::at(server.home()).start_unseeded().await?;
    let riders = json!({"name": "riders", "exclusive": true});
    let riders = format!("/v1/pools/{}", text(&all.well("POST", "/v1/pools", Some(riders)).await?["id"])?);
    for round in 0..10 {
        let taken_out = async {
            all.well("DELETE", &format!("{pool}{}", numbers[0]), None).await?;
            all.well("PUT", &format!("{pool}{}", numbers[0]), None).await
        };
        let moved = async {
            all.well("PUT", &format!("{riders}{}", numbers[1]), None).await?;
            all.well("PUT", &format!("{pool}{}", numbers[1]), None).await
        };
        let number = format!("/v1{}", numbers[2]);
        let reserved = all.well("PATCH", &number, Some(json!({"reserved": round % 2 == 0})));
        let change = json!({"exclusive": round % 2 == 0});
        let changed = act_well(&other, &all.client, "PATCH", pool, Some(change));
        tokio::try_join!(taken_out, moved, reserved, changed)?;
        assert_eq!(server.rows(KEPT).await?, server.rows(WANTED).await?, "round {round}");
    }
    all.well("PUT", &format!("{riders}{}", numbers[1]), None).await?;
    let kept = server.rows(KEPT).await?;
    ensure!(kept.len() == 1 && kept == server.rows(WANTED).await?, "{kept:?}");
    Ok(())
}

on_both_engines!(
    a_pool_that_becomes_exclusive_misses_no_number,
    phones_of_an_exclusive_pool_are_kept_for_sessions,
    what_has_open_sessions_stays,
);

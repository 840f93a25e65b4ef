//! Any sequence of what can be done to sessions leaves every pair of a person and a number theirs alone, and no number
//! leaked or lost.

use anyhow::ensure;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{SESSIONS, consistent, order, path, pool};
use crate::events::{call, well};
use crate::harness::{Layout, Result, Server};
use crate::messages::person;
use crate::on_both_engines;
use crate::relay::scene::tamper;

const NUMBERS: usize = 3;
const PEOPLE: usize = 5;
const STEPS: usize = 120;

/// One thing that is done, and how it was answered.
async fn step(server: &Server, pool: &str, random: &mut StdRng, known: &mut Vec<Value>) -> Result<(u16, Value)> {
    let somebody = person(random.gen_range(0..PEOPLE));
    let nth = random.gen_range(0..known.len().max(1));
    let Some(session) = known.get(nth).filter(|_| random.gen_range(0..3) > 0).cloned() else {
        let other = person(PEOPLE + random.gen_range(0..PEOPLE));
        let answered = call(server, "POST", SESSIONS, Some(order(pool, &[&somebody, &other], json!({})))).await?;
        known.extend((answered.0 == 201).then(|| answered.1.clone()));
        return Ok(answered);
    };
    let path = path(&session)?;
    match random.gen_range(0..6) {
        0 | 1 => call(server, "DELETE", &path, None).await,
        2 => call(server, "PATCH", &path, Some(json!({"state": "in_progress"}))).await,
        3 => call(server, "POST", &format!("{path}/participants"), Some(json!({ "address": somebody }))).await,
        4 => {
            let shown = well(server, "GET", &path, None).await?;
            let one = shown["participants"][0]["id"].as_str().unwrap_or_default().to_owned();
            call(server, "DELETE", &format!("{path}/participants/{one}"), None).await
        }
        _ => {
            tamper(server, "UPDATE sb_session SET expires_ms = 1 WHERE closed_ms IS NULL").await?;
            Ok((200, Value::Null))
        }
    }
}

async fn whatever_is_done_every_pair_is_one_persons(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, NUMBERS).await?;
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let (mut random, mut known) = (StdRng::seed_from_u64(seed), Vec::new());
    for nth in 0..STEPS {
        let (status, answer) = step(&server, &pool, &mut random, &mut known).await?;
        ensure!([200, 201, 204, 409].contains(&status), "step {nth}: {status} {answer}");
        consistent(&server).await?;
    }
    // all numbers are free for somebody new
    for _ in 0..NUMBERS {
        let newcomer = order(&pool, &["+14155559999"], json!({}));
        well(&server, "POST", SESSIONS, Some(newcomer)).await?;
    }
    consistent(&server).await
}

on_both_engines!(whatever_is_done_every_pair_is_one_persons);

//! kill -9 while copies are made: each is written once, with all that comes of its text, however often that is handled.
//! That what is written is sent once is held where messages are sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::talk::Talk;
use crate::harness::{Layout, Result, Server, until};
use crate::inbound::play::{self, end_leases, settled};
use crate::on_both_engines;

const ROUNDS: usize = 4;
/// So many, where the first have not hit what they are for.
const MOST_ROUNDS: usize = 20;
const POSTERS: usize = 6;
/// Few texts each: nobody is to look like a program.
const GROUPS: usize = 40;

/// Somebody in a group.
fn person(group: usize, one: usize) -> String {
    format!("+1415556{group:03}{one}")
}

/// The first of each group texts in turn, until the server dies; notes what was taken.
async fn post(server: Arc<Server>, next: Arc<AtomicUsize>, numbers: Arc<Vec<String>>, taken: Arc<Mutex<Vec<usize>>>) {
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let group = turn % GROUPS;
        match play::text(&server, &person(group, 0), &numbers[group], &format!("text {turn}")).await {
            Ok(_) => drop(taken.lock().map(|mut taken| taken.push(turn))),
            Err(_) => return,
        }
    }
}

async fn each_text_is_copied_once_to_all(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let mut numbers = Vec::new();
    for group in 0..GROUPS {
        let people = [0, 1, 2].map(|one| person(group, one));
        let people: Vec<(&str, &str)> = people.iter().map(|one| (one.as_str(), "one")).collect();
        numbers.push(talk.hold(&people, json!({})).await?.number(people[0].0)?);
    }
    let (numbers, next) = (Arc::new(numbers), Arc::new(AtomicUsize::new(0)));
    let (taken, mut server) = (Arc::new(Mutex::new(Vec::new())), Arc::new(talk.server));
    let mut unfinished = 0;
    for round in 0..MOST_ROUNDS {
        if round >= ROUNDS && unfinished > 0 {
            break;
        }
        let before = taken.lock().map(|taken| taken.len()).unwrap_or_default();
        let start = |_| tokio::spawn(post(server.clone(), next.clone(), numbers.clone(), taken.clone()));
        let posters: Vec<_> = (0..POSTERS).map(start).collect();
        let has_begun = async || Ok(taken.lock().is_ok_and(|taken| taken.len() > before + 15).then_some(()));
        until("the first answers", has_begun).await?;
        tokio::time::sleep(Duration::from_millis(rand::random::<u64>() % 60)).await;
        server.signal("KILL")?;
        for poster in posters {
            poster.await?;
        }
        // as it stands at the kill: a text is finished with all of its copies, or there is none
        let sql = "SELECT COUNT(*) FROM sb_message m WHERE m.direction = 'outbound' AND NOT EXISTS \
                   (SELECT 1 FROM sb_interaction i JOIN sb_inbound w ON w.id = i.inbound_id AND w.ready_ms IS NULL \
                   WHERE i.outbound_id = m.id)";
        assert_eq!(server.rows(sql).await?, [["0"]], "a copy is there, and its text is not finished");
        let sql = "SELECT COUNT(*) FROM sb_inbound WHERE kind = 'sms' AND ready_ms IS NOT NULL";
        unfinished += server.rows(sql).await?[0][0].parse::<usize>()?;
        let owned = Arc::try_unwrap(server).ok().context("a poster still holds the server")?;
        server = Arc::new(owned.restart().await?);
        println!("round {round}: {} taken", taken.lock().map(|taken| taken.len()).unwrap_or_default());
    }
    assert!(unfinished > 0, "no kill was between a text and what is written of it");
    end_leases(&server).await?;
    settled(&server).await?;
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in server.rows("SELECT to_address, body FROM sb_message WHERE direction = 'outbound'").await? {
        *copies.entry((row[0].clone(), row[1].clone())).or_default() += 1;
    }
    assert!(copies.values().all(|count| *count == 1), "somebody got a text twice");
    let taken = taken.lock().map(|taken| taken.clone()).unwrap_or_default();
    for turn in &taken {
        for one in [1, 2] {
            let copy = (person(turn % GROUPS, one), format!("text {turn}"));
            assert!(copies.contains_key(&copy), "{copy:?} was lost");
        }
    }
    // what was said is written down as often as it was passed on
    let said = server.rows("SELECT COUNT(*), COUNT(DISTINCT outbound_id) FROM sb_interaction").await?;
    assert_eq!(said, [[copies.len().to_string(), copies.len().to_string()]]);
    let debits = server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'debit'").await?;
    assert_eq!(debits[0][0], copies.len().to_string());
    Ok(())
}

on_both_engines!(each_text_is_copied_once_to_all);

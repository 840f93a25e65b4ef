//! Long lists of sessions, read page by page while new ones are made: each that was there is listed once.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard::model::SessionId;
use switchboard::store::Change;

use super::number_proxy_edge::COPY;
use super::ride::Ride;
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::relay::scene::act_well;

const SESSIONS: i64 = 5_000;
/// Written at once.
const BATCH: i64 = 500;

/// A service with so many sessions: their ids, without what says what they are.
async fn filled(ride: &Ride) -> Result<BTreeSet<String>> {
    let sid = text(&ride.well("POST", &ride.path("Sessions"), &[]).await?["sid"])?;
    let last = SessionId::from_hex(sid.strip_prefix("KC").context("no sid of a session")?)?;
    let (store, mut made) = (ride.server.home().databases.store()?, BTreeSet::from([last.hex()]));
    for first_ms in (1..SESSIONS).step_by(usize::try_from(BATCH)?) {
        let mut change = Change::new();
        for made_ms in first_ms..(first_ms + BATCH).min(SESSIONS) {
            let id = SessionId::new(made_ms);
            made.insert(id.hex());
            change = change.run(COPY, vec![id.into(), last.into()]);
        }
        store.commit(change).await?;
    }
    Ok(made)
}

/// What is listed is all that was there, and nothing twice.
fn is_whole(listed: &[String], made: &BTreeSet<String>) -> Result {
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    let left: Vec<_> = made.difference(&once).collect();
    ensure!(left.is_empty() && once.len() == listed.len(), "{} are left out of {}", left.len(), listed.len());
    Ok(())
}

fn ids(page: &Value, list: &str, id: &str, prefix: &str) -> Result<Vec<String>> {
    let listed = page[list].as_array().with_context(|| format!("no list: {page}"))?;
    let hex = |one: &Value| -> Result<String> {
        Ok(text(&one[id])?.strip_prefix(prefix).context("another kind of id")?.to_owned())
    };
    listed.iter().map(hex).collect()
}

async fn five_thousand_sessions_are_listed_once_while_others_are_made(layout: Layout) -> Result {
    let ride = Ride::start(layout, 0, "http://127.0.0.1:9/").await?;
    let (made, sessions) = (filled(&ride).await?, ride.path("Sessions"));
    let add = async || ride.well("POST", &sessions, &[]).await;
    // as Twilio's libraries read it
    let (mut listed, mut next) = (Vec::new(), Some(format!("{sessions}?PageSize=100")));
    while let Some(at) = next {
        let (page, new) = tokio::join!(ride.well("GET", &at, &[]), add());
        let (page, _) = (page?, new?);
        listed.extend(ids(&page, "sessions", "sid", "KC")?);
        next = page["meta"]["next_page_url"].as_str().map(str::to_owned);
    }
    is_whole(&listed, &made)?;
    // and at our own door
    let (mut listed, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(behind) = cursor {
        let path = format!("/v1/sessions?limit=200{behind}");
        let (page, new) = tokio::join!(act_well(&ride.server, &ride.client.id, "GET", &path, None), add());
        let (page, _) = (page?, new?);
        listed.extend(ids(&page, "data", "id", "ses_")?);
        cursor = page["next_cursor"].as_str().map(|cursor| format!("&cursor={cursor}"));
    }
    is_whole(&listed, &made)
}

on_both_engines!(five_thousand_sessions_are_listed_once_while_others_are_made);

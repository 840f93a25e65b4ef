//! `switchboard import sms-proxy`: numbers and sessions of the older number proxy, from its database.

mod database;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use self::database::{OlderDatabase, OlderProxySession};
use super::target::{ImportTarget, NumberToImport, PoolToImport, SessionToImport};
use super::{ImportArguments, with_plus};
use crate::crypto::hash;
use crate::model::{ClientId, Clock, Millis, PoolId, SessionId, parse_time, rfc3339};

/// Take over the numbers and live sessions of the older number proxy, from its SQLite database
///
/// Everybody keeps their number, and sessions their ids and their end. Nobody is texted. Stop the older system first:
/// what it does afterwards is not taken over.
#[derive(Args)]
pub(super) struct ImportSmsProxy {
    /// Its database, such as sms_proxy.db
    file: PathBuf,
    #[command(flatten)]
    pub(super) terms: ImportArguments,
}

impl ImportSmsProxy {
    pub(super) async fn run(self, target: &mut ImportTarget, client: ClientId) -> anyhow::Result<()> {
        let older = database::read(&self.file)?;
        let plan = plan(older, client, Clock::default().now_ms());
        target.report.over = plan.over;
        for (what, why) in plan.refused {
            target.report.refuse(what, why);
        }
        target.take(plan.pool).await
    }
}

/// What is to be taken of a database.
struct NumberProxyPlan {
    pool: PoolToImport,
    over: u64,
    refused: Vec<(String, String)>,
}

fn plan(older: OlderDatabase, client: ClientId, now_ms: Millis) -> NumberProxyPlan {
    // what its number says of a session counts more than what the session says of a number
    let has: HashMap<String, String> =
        older.numbers.iter().filter_map(|number| Some((with_plus(&number.value), number.session.clone()?))).collect();
    let of_session: HashMap<&str, &str> =
        older.numbers.iter().filter_map(|number| Some((number.session.as_deref()?, number.value.as_str()))).collect();
    let mut plan = NumberProxyPlan { pool: pool(client), over: 0, refused: Vec::new() };
    let mut addresses: Vec<String> = older.numbers.iter().map(|number| with_plus(&number.value)).collect();
    let mut used = HashSet::new();
    for session in &older.sessions {
        let number = session.number.as_deref().or_else(|| of_session.get(session.id.as_str()).copied());
        match live(session, number, now_ms).and_then(|live| live.map(|live| alone(live, &has, &mut used)).transpose()) {
            Ok(None) => plan.over += 1,
            Ok(Some(live)) => {
                // a number may be known to its session alone
                addresses.push(with_plus(live.number));
                plan.pool.sessions.push(live.order(now_ms));
            }
            Err(why) => plan.refused.push((format!("session {}", session.id), why)),
        }
    }
    let mut known = HashSet::new();
    let addresses = addresses.into_iter().filter(|address| known.insert(address.clone()));
    plan.pool.numbers = addresses.map(number).collect();
    plan
}

/// The pool that the number proxy's door has for a client.
fn pool(client: ClientId) -> PoolToImport {
    PoolToImport {
        id: Some(PoolId::number_proxy(client).hex()),
        name: "number-proxy".to_owned(),
        settings: json!({"exclusive": true, "rest": "0s"}),
        ..PoolToImport::default()
    }
}

fn number(address: String) -> NumberToImport {
    NumberToImport { address, capabilities: vec!["sms".to_owned(), "mms".to_owned()], is_reserved: false }
}

/// A session that goes on.
struct LiveSession<'a> {
    session: &'a OlderProxySession,
    number: &'a str,
    people: [&'a str; 2],
    ends_ms: Option<Millis>,
}

/// A time as SQLAlchemy writes it, in UTC.
fn time(text: &str) -> Option<Millis> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    parse_time(text).or_else(|| parse_time(&format!("{whole}Z")))
}

/// `None`: its time is over.
fn live<'a>(
    session: &'a OlderProxySession,
    number: Option<&'a str>,
    now_ms: Millis,
) -> Result<Option<LiveSession<'a>>, String> {
    let read = |text: &String| time(text).ok_or_else(|| format!("its expiry_date is no time: {text}"));
    let ends_ms = session.ends.as_ref().map(read).transpose()?;
    if ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
        return Ok(None);
    }
    let number = number.ok_or("it has no virtual_TN")?;
    let [Some(first), Some(second)] = session.people.each_ref().map(Option::as_deref) else {
        return Err("it has no two participants".to_owned());
    };
    if with_plus(first) == with_plus(second) {
        return Err("both of its participants are the same person".to_owned());
    }
    Ok(Some(LiveSession { session, number, people: [first, second], ends_ms }))
}

/// A number has one session.
fn alone<'a>(
    live: LiveSession<'a>,
    has: &HashMap<String, String>,
    used: &mut HashSet<String>,
) -> Result<LiveSession<'a>, String> {
    let address = with_plus(live.number);
    match has.get(&address) {
        Some(other) if *other != live.session.id => Err(format!("its number {address} is in the session {other}")),
        _ if used.insert(address.clone()) => Ok(live),
        _ => Err(format!("its number {address} is in a session before it too")),
    }
}

/// An id as sessions have them here: theirs, or one that follows from it.
fn session_id(older: &str) -> String {
    let plain = older.trim().replace('-', "").to_lowercase();
    match SessionId::from_hex(&plain) {
        Ok(_) => plain,
        Err(_) => hash::sha256_hex(older.as_bytes())[..32].to_owned(),
    }
}

impl LiveSession<'_> {
    fn order(self, now_ms: Millis) -> SessionToImport {
        let (session, number) = (self.session, with_plus(self.number));
        let people = self.people.map(|person| json!({"address": with_plus(person), "number": number}));
        let created_ms = session.created.as_deref().and_then(time).unwrap_or(now_ms);
        let body = json!({
            "door": "number_proxy",
            "created_at": rfc3339(created_ms),
            // as that door answers them
            "written": self.people,
            "session": {
                "participants": people,
                "mode": "message",
                "ends_at": self.ends_ms.map(rfc3339),
            },
        });
        let id = session_id(&session.id);
        SessionToImport { what: format!("session {}", session.id), id, numbers: vec![number], body }
    }
}

#[cfg(test)]
#[path = "sms_proxy/plan_test.rs"]
mod tests;

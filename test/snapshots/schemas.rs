//! No answer is without a snapshot: what `/v1/openapi.json` says that can be answered is held against the files here,
//! and what tests hold inline.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;
use serde_json::Value;

use crate::events::well;
use crate::harness::server::root;
use crate::harness::{Layout, Result, Server};

/// What is shown inside of another, or is one of two, and a snapshot in which it is.
const PARTS: [(&str, &str); 12] = [
    ("AccountResting", "account_resting"),
    ("AccountToken", "account_resting"),
    ("Attempt", "message_with_history"),
    ("ChangedCall", "call_state"),
    ("ChangedMessage", "message_state"),
    ("Delivery", "event_with_deliveries"),
    ("Entry", "posted_entry"),
    ("ExplainedRoute", "explanation"),
    ("History", "message_with_history"),
    ("MessageError", "message_failed"),
    ("Receipt", "message_with_history"),
    ("Recipient", "message_with_history"),
];

/// Served under `--dev` alone, by a phone that is paired and texts: `publish/loopback.rs` looks at what it shows.
const NOT_HELD: &str = "LoopbackPublication";

/// The names of the schemas that a part of the description refers to; of a list, that of its items.
fn named(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => fields.values().for_each(|value| named(value, found)),
        Value::Array(items) => items.iter().for_each(|value| named(value, found)),
        Value::String(text) => {
            let name = text.strip_prefix("#/components/schemas/");
            found.extend(name.map(|name| name.strip_prefix("List_").unwrap_or(name).to_owned()));
        }
        _ => {}
    }
}

/// `MessageState`: `message_state`, as its snapshot is called.
fn file(name: &str) -> String {
    if let Some((_, file)) = PARTS.iter().find(|(part, _)| *part == name) {
        return (*file).to_owned();
    }
    let words = name.char_indices().map(|(at, c)| match c {
        'A'..='Z' if at > 0 => format!("_{}", c.to_ascii_lowercase()),
        _ => c.to_ascii_lowercase().to_string(),
    });
    words.collect()
}

/// The names of the schemas that tests hold inline: of `hold_inline(&[…], …)` in any file.
fn inline(folder: &Path, found: &mut BTreeSet<String>) -> Result {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            inline(&path, found)?;
            continue;
        }
        if path.ends_with("snapshots/schemas.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for call in text.split("hold_inline(").skip(1) {
            let names = call.split(']').next().unwrap_or_default();
            found.extend(names.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_that_is_described_has_a_snapshot() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let all = well(&server, "GET", "/v1/openapi.json", None).await?;
    let mut names = BTreeSet::new();
    for item in all["paths"].as_object().into_iter().flat_map(|paths| paths.values()) {
        for operation in item.as_object().into_iter().flat_map(|item| item.values()) {
            let responses = operation["responses"].as_object().into_iter().flatten();
            responses.filter(|(status, _)| status.starts_with('2')).for_each(|(_, one)| named(one, &mut names));
        }
    }
    // and what these are made of
    let mut known = 0;
    while known < names.len() {
        known = names.len();
        for name in names.clone() {
            named(&all["components"]["schemas"][&name], &mut names);
        }
    }
    ensure!(names.len() > 30, "{names:?}");
    let (tests, mut held) = (root().join("test"), BTreeSet::new());
    inline(&tests, &mut held)?;
    let parts = PARTS.iter().map(|(part, _)| (*part).to_owned());
    let gone: Vec<_> = held.iter().cloned().chain(parts).filter(|name| !names.contains(name)).collect();
    ensure!(gone.is_empty(), "held, and no answer any more: {gone:?}");
    let is_held = |name: &str| {
        name == NOT_HELD || held.contains(name) || tests.join(format!("snapshots/{}.snap", file(name))).exists()
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_held(name)).collect();
    ensure!(missing.is_empty(), "without a snapshot: {missing:?}");
    Ok(())
}

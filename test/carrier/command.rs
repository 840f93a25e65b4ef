//! Commands and evidence, under `/carrier/`, in JSON and without credentials.
//!
//! - `POST behaviour` adds a rule, `GET` shows them, `DELETE` clears them (see `behaviour.rs`);
//! - `POST receipts` sets which delivery receipts follow, `POST receipt` posts one now;
//! - `POST inbound` posts a message from a person to a gateway;
//! - `GET messages?to=` gives the record in the order of arrival, `GET stats` counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::behaviour::Rule;
use crate::callback::{self, Inbound, Receipt, Receipts};
use crate::reply::{self, Reply};
use crate::state::Carrier;

/// A misspelt fault would be no fault, and its test green.
const RULE: [&str; 12] =
    ["to", "prefix", "times", "on", "hold_ms", "delay_ms", "do", "status", "retry_after", "recorded", "code", "says"];

pub async fn answer(carrier: &Arc<Carrier>, method: &Method, command: &str, query: Option<&str>, body: &[u8]) -> Reply {
    let done = match (method.as_str(), command) {
        ("POST", "behaviour") => add_rule(carrier, body),
        ("GET", "behaviour") => Ok(carrier.rules.lock().map_or(Value::Null, |rules| json!(rules.all()))),
        ("DELETE", "behaviour") => {
            if let Ok(mut rules) = carrier.rules.lock() {
                rules.clear();
            }
            Ok(json!({}))
        }
        ("POST", "receipts") => read::<Receipts>(body).map(|receipts| {
            if let Ok(mut own) = carrier.receipts.lock() {
                *own = receipts;
            }
            json!({})
        }),
        ("POST", "receipt") => post_receipt(carrier, body).await,
        ("POST", "inbound") => match read::<Inbound>(body) {
            Ok(inbound) => Ok(callback::post_inbound(carrier, inbound).await),
            Err(error) => Err(error),
        },
        ("GET", "messages") => Ok(messages(carrier, query)),
        ("GET", "stats") => Ok(stats(carrier)),
        _ => Err(format!("no command {method} {command}")),
    };
    match done {
        Ok(shown) => reply::json(200, &shown),
        Err(error) => reply::json(400, &json!({ "error": error })),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn add_rule(carrier: &Carrier, body: &[u8]) -> Result<Value, String> {
    let names: BTreeMap<String, Value> = read(body)?;
    if let Some(unknown) = names.keys().find(|name| !RULE.contains(&name.as_str())) {
        return Err(format!("a rule has no {unknown}"));
    }
    let rule: Rule = read(body)?;
    if let Ok(mut rules) = carrier.rules.lock() {
        rules.add(rule);
    }
    Ok(json!({}))
}

async fn post_receipt(carrier: &Carrier, body: &[u8]) -> Result<Value, String> {
    let Receipt { sid, state, error_code, via } = read(body)?;
    let message = carrier.log.index().find(&sid).cloned().ok_or("no such message")?;
    Ok(callback::show(callback::post_receipt(carrier, &message, &state, error_code, via.as_deref()).await))
}

fn messages(carrier: &Carrier, query: Option<&str>) -> Value {
    let query = query.unwrap_or_default().as_bytes();
    let to = form_urlencoded::parse(query).find(|(name, _)| name == "to").map(|(_, to)| to.into_owned());
    let index = carrier.log.index();
    json!(index.messages(to.as_deref()).collect::<Vec<_>>())
}

fn stats(carrier: &Carrier) -> Value {
    let counts = carrier.counts.lock().map(|counts| counts.clone()).unwrap_or_default();
    json!({
        "recorded": carrier.log.index().len(),
        "syncs": carrier.log.syncs(),
        "in_flight": carrier.in_flight.now(),
        "in_flight_most": carrier.in_flight.most(),
        "counts": counts,
    })
}

//! The table of event types: listed and described as it stands, raised by the services, and held by what is posted.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};
use switchboard::model::event::EventType;

use super::receiver::Receiver;
use super::{builder, endpoint, test_event, text, well};
use crate::harness::server::root;
use crate::harness::{Layout, Phone, Result, USER, until};
use crate::messages::person;
use crate::on_both_engines;

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// Holds a value against a schema of the description: which fields that has.
fn described(all: &Value, schema: &Value, value: &Value) -> Result<BTreeSet<String>> {
    if let Some(name) = schema["$ref"].as_str() {
        let named = all.pointer(name.trim_start_matches('#')).with_context(|| format!("no {name}"))?;
        return described(all, named, value);
    }
    let mut fields = BTreeSet::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fields.extend(described(all, part, value)?);
    }
    if let Some(choice) = schema["oneOf"].as_array() {
        let fitting: Vec<_> = choice.iter().filter_map(|one| described(all, one, value).ok()).collect();
        ensure!(fitting.len() == 1, "{value} fits {} of {choice:?}", fitting.len());
        fields.extend(fitting.into_iter().flatten());
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    ensure!(types.is_empty() || types.iter().any(|kind| is(value, kind)), "{value} is no {types:?}");
    ensure!(schema["enum"].as_array().is_none_or(|names| names.contains(value)), "{value} is not in {schema}");
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        ensure!(value.get(name).is_some(), "no {name} in {value}");
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone());
        if let Some(value) = value.get(name) {
            hold(all, property, value)?;
        }
    }
    for item in value.as_array().into_iter().flatten() {
        hold(all, &schema["items"], item)?;
    }
    Ok(fields)
}

/// The same, with no field that the schema does not have, unless it says nothing of fields.
fn hold(all: &Value, schema: &Value, value: &Value) -> Result {
    let fields = described(all, schema, value)?;
    let unknown: Vec<&String> =
        value.as_object().into_iter().flat_map(Map::keys).filter(|name| !fields.contains(*name)).collect();
    ensure!(fields.is_empty() || unknown.is_empty(), "{unknown:?} is not described: {value}");
    Ok(())
}

/// How the description has the posts of a type.
fn webhook<'a>(all: &'a Value, kind: &str) -> &'a Value {
    &all["webhooks"][kind]["post"]
}

fn body<'a>(all: &'a Value, kind: &str) -> &'a Value {
    &webhook(all, kind)["requestBody"]["content"]["application/json"]
}

async fn the_table_is_listed_and_described(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let all = well(&server, "GET", "/v1/openapi.json", None).await?;
    let listed = well(&server, "GET", "/v1/event-types", None).await?;
    let rows = listed["data"].as_array().context("no list")?;
    ensure!(rows.iter().map(|row| row["name"].as_str()).eq(EventType::all().map(|kind| Some(kind.name()))), "{listed}");
    assert_eq!((all["webhooks"].as_object().map(Map::len), &listed["next_cursor"]), (Some(rows.len()), &Value::Null));
    for (row, kind) in rows.iter().zip(EventType::all()) {
        assert_eq!((&row["when"], &row["pattern"]), (&json!(kind.when()), &json!(kind.group().pattern())));
        assert_eq!((&row["example"]["type"], &webhook(&all, kind.name())["summary"]), (&row["name"], &row["when"]));
        let body = body(&all, kind.name());
        assert_eq!(body["example"], row["example"]);
        let payload = format!("#/components/schemas/{}", text(&row["payload"])?);
        assert_eq!(body["schema"]["properties"]["data"]["$ref"], payload);
        hold(&all, &body["schema"], &row["example"]).context(kind.name())?;
    }
    // an endpoint takes whatever is listed
    let types: BTreeSet<&str> =
        rows.iter().flat_map(|row| [&row["name"], &row["pattern"]]).filter_map(Value::as_str).collect();
    let made = json!({"url": "http://127.0.0.1:9/", "event_types": types});
    let made = well(&server, "POST", "/v1/endpoints", Some(made)).await?;
    assert_eq!(made["event_types"], json!(types));
    assert_eq!(server.http.get(server.url("/v1/event-types")).send().await?.status(), 401);
    Ok(())
}

async fn what_is_posted_is_as_described(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.dev().start().await?, Receiver::start().await?);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    test_event(&server, &id).await?;
    let message = json!({"to": person(1), "body": "hello", "metadata": {"order": "17"}});
    well(&server, "POST", "/v1/messages", Some(message)).await?;
    let call = json!({"to": person(2), "twiml": "<Response><Say>Hello</Say></Response>"});
    well(&server, "POST", "/v1/calls", Some(call)).await?;
    for said in ["On my way", "STOP"] {
        let inbound = json!({"from": "+14155550177", "to": "+15005550006", "body": said});
        well(&server, "POST", "/v1/loopback/inbound", Some(inbound)).await?;
    }
    Phone::new()?.pair(&server, USER, &server.sid(USER).await?).await?;
    let device = well(&server, "GET", &format!("/v1/users/{USER}/devices"), None).await?["data"][0].clone();
    super::call(&server, "DELETE", &format!("/v1/devices/{}", text(&device["id"])?), None).await?;
    let wanted = [
        "endpoint.test",
        "message.accepted",
        "message.sent",
        "message.delivered",
        "message.received",
        "call.completed",
        "opt_out.changed",
        "device.paired",
        "device.revoked",
    ];
    until("an event of each kind", async || {
        let mut told = BTreeSet::new();
        for post in receiver.posts() {
            told.insert(text(&post.json()?["type"])?);
        }
        Ok(wanted.iter().all(|kind| told.contains(*kind)).then_some(()))
    })
    .await?;
    let all = well(&server, "GET", "/v1/openapi.json", None).await?;
    for post in receiver.posts() {
        let payload = post.json()?;
        let kind = text(&payload["type"])?;
        hold(&all, &body(&all, &kind)["schema"], &payload).with_context(|| payload.to_string())?;
        ensure!(payload["data"]["sequence"].is_i64() || kind == "endpoint.test", "{payload}");
        let headers = webhook(&all, &kind)["parameters"].as_array().context(kind)?;
        ensure!(headers.len() == 3);
        for header in headers {
            post.header(&text(&header["name"])?)?;
        }
    }
    Ok(())
}

on_both_engines!(the_table_is_listed_and_described, what_is_posted_is_as_described);

/// All sources below a folder but those of the payloads, which name each type for its example.
fn read(folder: &Path, text: &mut String) -> Result {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|stem| stem == "payload") {
            continue;
        }
        if path.is_dir() {
            read(&path, text)?;
        } else {
            text.push_str(&std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// What is not in the table cannot be raised, as only an `EventType` can; what is in it must be.
#[test]
fn every_type_is_raised_by_a_service() -> Result {
    let mut services = String::new();
    read(&root().join("src/service"), &mut services)?;
    for kind in EventType::all() {
        let name = format!("{kind:?}");
        let variant = name.split('(').next().unwrap_or_default();
        ensure!(services.contains(&format!("EventType::{variant}")), "nobody raises {kind}");
    }
    Ok(())
}

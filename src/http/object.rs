//! JSON objects as clients post them; what is wrong in one is told with the name of its field.

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::body::{self, BodyMemory, ReadBody, UnreadBody};
use super::reply::{self, Refusal};
use super::resource::ResourceRequest;
use super::{App, RequestParts};
use crate::model::{bom, json};

/// Reads a value that is there, or `null` for none: not the same as nothing said.
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Reads a posted object.
pub(super) async fn read<T: DeserializeOwned>(request: &ResourceRequest, posted: UnreadBody) -> Result<T, Refusal> {
    parse(request, collect(posted, &request.app).await?)
}

/// Reads a posted object that may be left out.
pub(super) async fn read_or_default<T: DeserializeOwned + Default>(
    request: &ResourceRequest,
    posted: UnreadBody,
) -> Result<T, Refusal> {
    let body = collect(posted, &request.app).await?;
    if bom::skip(&body).is_empty() { Ok(T::default()) } else { parse(request, body) }
}

pub(super) async fn collect(posted: UnreadBody, app: &App) -> Result<ReadBody, Refusal> {
    collect_within(&app.bodies, posted, app).await
}

/// Collects a body within other bounds.
pub(super) async fn collect_within(bodies: &BodyMemory, posted: UnreadBody, app: &App) -> Result<ReadBody, Refusal> {
    body::read(posted, bodies, &app.settings).await.map_err(|error| error.refuse(reply::problem))
}

fn is_json(request: &RequestParts) -> Result<(), Refusal> {
    check_media(request, "application/json", |media| media == "application/json" || media.ends_with("+json"))
}

/// What programs call CSV.
const CSV: [&str; 5] =
    ["text/csv", "text/plain", "application/csv", "application/vnd.ms-excel", "application/octet-stream"];

/// Refuses a body that says it is no CSV.
pub(super) fn check_csv(request: &RequestParts) -> Result<(), Refusal> {
    check_media(request, "text/csv", |media| CSV.contains(&media))
}

/// Refuses a body that says it is what this path does not take; `named` is what it does.
pub(super) fn check_media(request: &RequestParts, named: &str, is_taken: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let given =
        request.header(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or(value).trim().to_lowercase());
    if given.is_none_or(|media| is_taken(&media)) {
        return Ok(());
    }
    Err(reply::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("this path takes {named}")).into())
}

fn parse<T: DeserializeOwned>(request: &ResourceRequest, body: ReadBody) -> Result<T, Refusal> {
    is_json(request)?;
    let bytes = bom::skip(&body);
    // the library would take a list for the fields in their order
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(reply::problem(StatusCode::BAD_REQUEST, "the body must be a JSON object").into());
    }
    // the library would only say that an escape is wrong, and take NUL
    json::check(bytes).map_err(|bad| reply::bad_field(&bad.path, &bad.reason.to_string()))?;
    if let Some(name) = json::twice(bytes) {
        return Err(reply::bad_field(&name, "must come once"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read: T = serde_path_to_error::deserialize(&mut json).map_err(|error| wrong(&error))?;
    json.end().map_err(|_| reply::problem(StatusCode::BAD_REQUEST, "something follows the JSON object"))?;
    request.hold(body);
    Ok(read)
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let (path, said) = (error.path().to_string(), error.inner().to_string());
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    // of a missing field the path is that of the object around it
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match missing {
        Some(name) if path == "." => reply::bad_field(name, "missing"),
        Some(name) => reply::bad_field(&format!("{path}.{name}"), "missing"),
        None if error.inner().is_data() && path != "." => reply::bad_field(&path, said),
        None => reply::problem(StatusCode::BAD_REQUEST, &format!("the body is not as it should be: {said}")).into(),
    }
}

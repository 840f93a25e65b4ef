//! JSON bodies of the native API: read whole, and refused with the name of the field that is wrong.

use ::http::StatusCode;
use bytes::{Buf, Bytes};
use futures_util::Stream;
use serde::de::DeserializeOwned;
use warp::reply::Response;

use super::body::BodyError;
use super::{App, Call, body, reply};

/// A reply that ends a handler early; boxed, as replies are large.
pub(super) type Refusal = Box<Response>;

/// Collects the body of a request.
pub(super) async fn bytes<B: Buf, E>(stream: impl Stream<Item = Result<B, E>>, app: &App) -> Result<Bytes, Refusal> {
    let limit = app.settings.body_limit;
    body::read(stream, limit, app.settings.body_timeout.as_duration()).await.map_err(|error| {
        let status = match error {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        Box::new(reply::problem(status, &error.to_string()))
    })
}

/// Reads a JSON body into what a handler takes.
pub(super) fn json<T: DeserializeOwned>(call: &Call, body: &[u8]) -> Result<T, Refusal> {
    let content_type = call.header(::http::header::CONTENT_TYPE).unwrap_or("application/json");
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !(media.eq_ignore_ascii_case("application/json") || media.ends_with("+json")) {
        return Err(Box::new(reply::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this path takes application/json")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.into_inner();
        let reason = if reason.is_data() { without_place(&reason) } else { format!("not JSON: {reason}") };
        let field = if field == "." { None } else { Some(field) };
        Box::new(reply::invalid(field.as_deref(), &reason))
    })?;
    deserializer.end().map_err(|error| Box::new(reply::invalid(None, &format!("not JSON: {error}"))))?;
    Ok(parsed)
}

/// What serde says, without the line and column that it adds.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// A page of a list: where it begins, and how long it is.
pub(super) fn page<Id: std::str::FromStr>(call: &Call) -> Result<(Option<Id>, usize), Refusal> {
    let wrong = |field: &str, reason: &str| Box::new(reply::invalid(Some(field), reason));
    let after = call.param("cursor").map(str::parse).transpose().map_err(|_| wrong("cursor", "is not one of ours"))?;
    let limit = call.param("limit").map_or(Ok(50), |limit| match limit.parse() {
        Ok(limit @ 1..=200) => Ok(limit),
        _ => Err(wrong("limit", "is a number from 1 to 200")),
    })?;
    Ok((after, limit))
}

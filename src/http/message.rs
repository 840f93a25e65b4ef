//! `/v1/messages`: sending texts, and what became of them.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::Buf;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::object::{self, Refusal};
use super::{App, Call, auth, reply, with};
use crate::model::address::{self, Address};
use crate::model::message::{Direction, State};
use crate::model::{ClientId, MessageId, Millis, Span, parse_rfc3339, rfc3339};
use crate::service::message::{Attempt, Filter as MessageFilter, Message, Receipt};
use crate::service::outbound::{Error, Extra, Key, Request, Told};
use crate::service::sha256_hex;

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let posted = || super::call().and(warp::body::stream()).and(with(app));
    let all = warp::path("messages").and(warp::path::end()).and(posted()).then(messages);
    let one = warp::path("messages").and(warp::path::param::<String>()).and(warp::path::end());
    let one = one.and(posted()).then(message);
    all.or(one).unify().boxed()
}

/// What a client posts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageIn {
    from: Option<String>,
    to: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    media_urls: Vec<String>,
    send_at: Option<String>,
    valid_for: Option<Span>,
    callback_url: Option<String>,
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a client may change of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeIn {
    /// Only the empty text: the body is redacted.
    body: String,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    id: String,
    direction: &'static str,
    state: &'static str,
    from: &'a str,
    to: &'a str,
    body: &'a str,
    media_urls: Vec<String>,
    /// `gsm7` or `ucs2`.
    encoding: &'a str,
    segments: i64,
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    callback_url: Option<String>,
    error: Option<ErrorOut<'a>>,
    created_at: String,
    updated_at: String,
    send_at: Option<String>,
    expires_at: Option<String>,
    redacted_at: Option<String>,
    #[serde(flatten)]
    history: Option<HistoryOut>,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    code: Option<i64>,
    reason: Option<&'a str>,
}

/// What only one message, asked for by its id, shows.
#[derive(Serialize)]
struct HistoryOut {
    /// What the numbering plan says of the recipient.
    to_number: Option<NumberOut>,
    attempts: Vec<AttemptOut>,
    receipts: Vec<ReceiptOut>,
}

#[derive(Serialize)]
struct NumberOut {
    country: Option<String>,
    is_valid: bool,
}

#[derive(Serialize)]
struct AttemptOut {
    number: i64,
    account_id: String,
    outcome: String,
    provider_id: Option<String>,
    code: Option<i64>,
    reason: Option<String>,
    started_at: String,
    ended_at: String,
}

#[derive(Serialize)]
struct ReceiptOut {
    state: String,
    error_code: Option<i64>,
    at: String,
}

fn out(message: &Message, history: Option<HistoryOut>) -> MessageOut<'_> {
    let extra = Extra::parse(message.extra.as_deref());
    let has_error = message.error_code.is_some() || message.error_reason.is_some();
    MessageOut {
        id: message.id.to_string(),
        direction: message.direction.name(),
        state: message.state.name(),
        from: &message.from,
        to: &message.to,
        body: &message.body,
        media_urls: extra.media_urls,
        encoding: &message.encoding,
        segments: message.segments,
        metadata: extra.metadata,
        callback_url: extra.callback_url,
        error: has_error.then_some(ErrorOut { code: message.error_code, reason: message.error_reason.as_deref() }),
        created_at: rfc3339(message.created_ms),
        updated_at: rfc3339(message.changed_ms),
        send_at: extra.send_at_ms.map(rfc3339),
        expires_at: message.expires_ms.map(rfc3339),
        redacted_at: message.redacted_ms.map(rfc3339),
        history,
    }
}

fn attempt_out(attempt: Attempt) -> AttemptOut {
    AttemptOut {
        number: attempt.number,
        account_id: attempt.account.to_string(),
        outcome: attempt.outcome,
        provider_id: attempt.provider_id,
        code: attempt.code,
        reason: attempt.reason,
        started_at: rfc3339(attempt.started_ms),
        ended_at: rfc3339(attempt.ended_ms),
    }
}

fn receipt_out(receipt: Receipt) -> ReceiptOut {
    ReceiptOut { state: receipt.state, error_code: receipt.error_code, at: rfc3339(receipt.at_ms) }
}

async fn messages<B: Buf, E>(call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::POST => send(&call, body, &app).await,
        Method::GET => list(&call, &app).await,
        _ => return reply::method_not_allowed("GET, POST"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

/// `POST /v1/messages`: accepts a message. 202 means that it is stored, and will be sent or accounted for.
async fn send<B: Buf, E>(
    call: &Call,
    body: impl Stream<Item = Result<B, E>>,
    app: &Arc<App>,
) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let (body, posted): (_, MessageIn) = object::read_with_bytes(call, body, app).await?;
    let key = idempotency_key(call, &body)?;
    let render = |message: &Message| serde_json::to_string(&out(message, None)).unwrap_or_default();
    match app.outbound.send(client, request(posted)?, key, render).await {
        Ok(Told::Accepted(message)) => Ok(reply::json(StatusCode::ACCEPTED, &out(&message, None))),
        Ok(Told::Again(text)) => Ok(reply::replayed(StatusCode::ACCEPTED, text)),
        Err(error) => Err(Box::new(reply::outbound_error(&error))),
    }
}

/// The client's name for its request.
pub(super) fn idempotency_key(call: &Call, body: &[u8]) -> Result<Option<Key>, Refusal> {
    let Some(name) = call.headers.get("idempotency-key") else { return Ok(None) };
    match name.to_str() {
        Ok(name) if (1..=255).contains(&name.len()) => {
            Ok(Some(Key { name: name.to_owned(), request_hash: sha256_hex(body) }))
        }
        _ => Err(reply::bad_field("Idempotency-Key", "is 1 to 255 characters of ASCII")),
    }
}

fn request(posted: MessageIn) -> Result<Request, Refusal> {
    let wrong = |field: &str, reason: &dyn std::fmt::Display| reply::bad_field(field, &reason.to_string());
    let from = posted.from.map(|from| from.parse::<Address>()).transpose().map_err(|error| wrong("from", &error))?;
    let to = posted.to.parse::<Address>().map_err(|error| wrong("to", &error))?;
    let send_at_ms = posted.send_at.map(|at| parse_rfc3339(&at).ok_or("is no time such as 2030-01-31T12:00:00Z"));
    let send_at_ms = send_at_ms.transpose().map_err(|error| wrong("send_at", &error))?;
    if posted.valid_for.is_some_and(|span| !(1_000..=36_000_000).contains(&span.as_ms())) {
        return Err(wrong("valid_for", &"is 1s to 10h"));
    }
    if posted.media_urls.len() > 10 {
        return Err(wrong("media_urls", &"holds 10 at most"));
    }
    for url in &posted.media_urls {
        if !(url.starts_with("https://") || url.starts_with("http://")) || url.len() > 2048 {
            return Err(wrong("media_urls", &"holds what is no http URL"));
        }
    }
    let metadata = posted.metadata;
    if metadata.as_ref().is_some_and(|map| serde_json::to_string(map).is_ok_and(|text| text.len() > 4096)) {
        return Err(wrong("metadata", &"is longer than 4096 characters"));
    }
    let MessageIn { body, media_urls, valid_for, callback_url, .. } = posted;
    Ok(Request { from, to, body, media_urls, send_at_ms, valid_for, callback_url, metadata })
}

/// `GET /v1/messages`: newest first, filtered by number, state, direction and time.
async fn list(call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let (after, limit) = super::list::page::<MessageId>(call)?;
    let filter = MessageFilter { after, ..filter(call)? };
    let (messages, more) = app.outbound.list(client, &filter, limit).await.map_err(store_refusal)?;
    let data: Vec<_> = messages.iter().map(|message| out(message, None)).collect();
    Ok(super::list::reply(data, messages.last().map(|message| message.id), more))
}

fn store_refusal(error: crate::service::StoreError) -> Refusal {
    Box::new(reply::outbound_error(&Error::Store(error)))
}

fn filter(call: &Call) -> Result<MessageFilter, Refusal> {
    let wrong = |field: &str, reason: &str| reply::bad_field(field, reason);
    let address = |name: &'static str| -> Result<Option<String>, Refusal> {
        let Some(text) = call.address(name) else { return Ok(None) };
        text.parse::<Address>().map_err(|error| wrong(name, &error.to_string()))?;
        Ok(Some(text))
    };
    let time = |name: &'static str| -> Result<Option<Millis>, Refusal> {
        let Some(text) = call.decoded(name) else { return Ok(None) };
        parse_rfc3339(&text).map(Some).ok_or_else(|| wrong(name, "is no time such as 2030-01-31T12:00:00Z"))
    };
    let state = call.param("state").map(|name| State::parse(name).ok_or_else(|| wrong("state", "is no state")));
    let direction = call.param("direction");
    let direction =
        direction.map(|name| Direction::parse(name).ok_or_else(|| wrong("direction", "is inbound or outbound")));
    Ok(MessageFilter {
        number: address("number")?,
        from: address("from")?,
        to: address("to")?,
        state: state.transpose()?,
        direction: direction.transpose()?,
        created_from_ms: time("created_from")?,
        created_before_ms: time("created_before")?,
        after: None,
    })
}

async fn message<B: Buf, E>(id: String, call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::GET => fetch(&id, &call, &app).await,
        Method::PATCH => redact(&id, &call, body, &app).await,
        Method::DELETE => cancel(&id, &call, &app).await,
        _ => return reply::method_not_allowed("GET, PATCH, DELETE"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

fn id_of(text: &str) -> Result<MessageId, Refusal> {
    text.parse().map_err(|_| Box::new(reply::outbound_error(&Error::NotFound)))
}

/// `GET /v1/messages/<id>`: with its attempts and receipts.
async fn fetch(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let id = id_of(id)?;
    let message = app.outbound.find(client, id).await.map_err(store_refusal)?;
    let message = message.ok_or_else(|| Box::new(reply::outbound_error(&Error::NotFound)))?;
    shown(&message, app).await
}

async fn shown(message: &Message, app: &App) -> Result<Response, Refusal> {
    let (attempts, receipts) = app.outbound.history(message.id).await.map_err(store_refusal)?;
    let report = message.to.parse().ok().and_then(|to| address::report(&to));
    let history = HistoryOut {
        to_number: report.map(|report| NumberOut { country: report.country, is_valid: report.is_valid }),
        attempts: attempts.into_iter().map(attempt_out).collect(),
        receipts: receipts.into_iter().map(receipt_out).collect(),
    };
    Ok(reply::json(StatusCode::OK, &out(message, Some(history))))
}

/// `DELETE /v1/messages/<id>`: cancels what is not yet sent.
async fn cancel(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client: ClientId = auth::client(app, call)?;
    let canceled = app.outbound.cancel(client, id_of(id)?).await;
    let message = canceled.map_err(|error| Box::new(reply::outbound_error(&error)))?;
    shown(&message, app).await
}

/// `PATCH /v1/messages/<id>` `{"body": ""}`: empties the body of a message that is over.
async fn redact<B: Buf, E>(
    id: &str,
    call: &Call,
    body: impl Stream<Item = Result<B, E>>,
    app: &App,
) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let id = id_of(id)?;
    let change: ChangeIn = object::read(call, body, app).await?;
    if !change.body.is_empty() {
        return Err(reply::bad_field("body", "can only be emptied"));
    }
    let redacted = app.outbound.redact(client, id).await;
    let message = redacted.map_err(|error| Box::new(reply::outbound_error(&error)))?;
    shown(&message, app).await
}

//! `/v1/clients/<id>/ledger`, its statements, and what a client has left.

use ::http::{HeaderValue, Method, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use warp::reply::{Reply as _, Response};

use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{App, audit, auth, filter, idempotency, list, object, openapi, reply};
use crate::model::{ClientId, MessageId, Money, rfc3339};
use crate::service::idempotency::LEDGER;
use crate::service::ledger::{
    ClientBalance, Filter as Wanted, LedgerEntry, LedgerEntryKind, LedgerPosting, LedgerStatement, PostedEntry,
};
use crate::service::{Error, ErrorKind};

/// Parts of a statement that wait for whoever reads it.
const PARTS: usize = 4;

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(list, post, statement, balance), None)
        .at("clients/{id}/ledger", [on(Method::GET, list).asking(filters), with_body(Method::POST, post)])
        .at("clients/{id}/statement.csv", [on(Method::GET, statement).asking(period)])
        .at("balance", [on(Method::GET, balance)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEntry)]
struct LedgerEntryIn {
    /// `credit` or `adjustment`; not needed with `set`.
    #[schema(schema_with = posted_kinds)]
    kind: Option<String>,
    /// A decimal with up to six places; an adjustment may be negative.
    #[schema(value_type = Option<String>, example = "25.00")]
    amount: Option<Money>,
    /// What the balance is to be.
    #[schema(value_type = Option<String>)]
    set: Option<Money>,
    /// An adjustment needs one.
    reason: Option<String>,
}

fn posted_kinds() -> openapi::SchemaOrRef {
    openapi::one_of([LedgerEntryKind::Credit.name(), LedgerEntryKind::Adjustment.name()])
}

fn kinds() -> openapi::SchemaOrRef {
    openapi::one_of(LedgerEntryKind::ALL.map(LedgerEntryKind::name))
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("kind", "Of this kind.", kinds()),
        openapi::optional("from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("to", "Made before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// The period of a statement.
fn period() -> Vec<openapi::Parameter> {
    let mut from = openapi::optional("from", "Its begin: RFC 3339, or a day.", openapi::text());
    from.required = utoipa::openapi::Required::True;
    vec![from, openapi::optional("to", "Its end, which is not part of it; without one, now.", openapi::text())]
}

#[derive(Serialize, ToSchema)]
#[schema(as = Entry)]
struct LedgerEntryOut<'a> {
    id: String,
    /// `credit`: paid in. `debit`: of a message. `refund`: of a message that came to nothing. `adjustment`: by hand.
    #[schema(schema_with = kinds)]
    kind: &'static str,
    amount: String,
    message_id: Option<String>,
    reason: Option<&'a str>,
    created_at: String,
}

fn out(entry: &LedgerEntry) -> LedgerEntryOut<'_> {
    LedgerEntryOut {
        id: entry.id.to_string(),
        kind: entry.kind.name(),
        amount: entry.amount.to_string(),
        message_id: entry.message.map(|id: MessageId| id.to_string()),
        reason: entry.reason.as_deref(),
        created_at: rfc3339(entry.created_ms),
    }
}

/// An entry with what it has led to.
#[derive(Serialize, ToSchema)]
#[schema(as = PostedEntry)]
struct PostedEntryOut<'a> {
    #[serde(flatten)]
    entry: LedgerEntryOut<'a>,
    /// After it.
    balance: String,
}

fn posted_out(entry: &LedgerEntry, balance: Money) -> PostedEntryOut<'_> {
    PostedEntryOut { entry: out(entry), balance: balance.to_string() }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
struct BalanceOut {
    client_id: String,
    balance: Option<String>,
    credit_limit: Option<String>,
    /// Below what the client is told that it is low.
    low_at: Option<String>,
}

fn balance_out(client: ClientId, found: Option<ClientBalance>) -> BalanceOut {
    BalanceOut {
        client_id: client.to_string(),
        balance: found.map(|found| found.balance.to_string()),
        credit_limit: found.map(|found| found.credit_limit.to_string()),
        low_at: found.and_then(|found| found.low_at).map(|low_at| low_at.to_string()),
    }
}

/// A client's own entries are its to read, an administrator's are all.
fn readable(request: &ResourceRequest) -> Result<ClientId, Refusal> {
    let acting = auth::reader(&request.app, request)?;
    let id: ClientId = request.id("client")?;
    if acting.is_administrator || acting.client == id { Ok(id) } else { Err(Error::not_found("client").into()) }
}

fn kind(name: &str) -> Result<LedgerEntryKind, Refusal> {
    LedgerEntryKind::parse(name).ok_or_else(|| reply::bad_field("kind", "is credit, debit, refund or adjustment"))
}

/// `GET /v1/clients/<id>/ledger`: what has moved its balance, newest first. A client may read its own.
/// A page may hold fewer entries than asked for, or none: there are more as long as it has a `next_cursor`.
#[utoipa::path(
    get, path = "/v1/clients/{id}/ledger", tag = "ledger", operation_id = "list_entries",
    params(PageIn),
    responses((status = 200, description = "A page of entries.", body = ListOut<LedgerEntryOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let client = readable(&request)?;
    let (after, limit) = list::page(&request)?;
    let filter = Wanted {
        kind: request.param("kind").map(|name| kind(&name)).transpose()?,
        from_ms: filter::time(&request, "from")?,
        before_ms: filter::time(&request, "to")?,
    };
    let page = request.app.ledger.list(client, &filter, after, limit).await?;
    Ok(list::reply(page.entries.iter().map(out).collect(), page.next, page.next.is_some()))
}

/// `POST /v1/clients/<id>/ledger`: moves its balance by hand: a `credit` that it has paid in; an `adjustment` either
/// way, with a reason; or `set`, with a reason: an adjustment to just this balance.
#[utoipa::path(
    post, path = "/v1/clients/{id}/ledger", tag = "ledger", operation_id = "post_entry", request_body = LedgerEntryIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request: for 24 hours the same request under it moves no more \
                           money, and gets its entry again with the balance as it is then.")),
    responses(
        (status = 201, description = "Entered. A repeated request has `Idempotent-Replayed: true`.",
         body = PostedEntryOut),
        (status = 409, description = "The balance would fall below the credit limit, or another request came under \
                                      this `Idempotency-Key`."),
    ),
)]
async fn post(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    auth::administrator(&request)?;
    let client = request.id("client")?;
    let posted: LedgerEntryIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, LEDGER)?;
    let posting = match (posted.kind.as_deref(), posted.amount, posted.set) {
        (None | Some("adjustment"), None, Some(balance)) => LedgerPosting::Set(balance),
        (Some("credit"), Some(amount), None) => LedgerPosting::Credit(amount),
        (Some("adjustment"), Some(amount), None) => LedgerPosting::Adjustment(amount),
        (_, None, None) => return Err(reply::bad_field("amount", "missing")),
        (_, Some(_), Some(_)) => return Err(reply::bad_field("set", "goes without an amount")),
        (None, Some(_), None) => return Err(reply::bad_field("kind", "missing")),
        (Some(_), _, _) => return Err(reply::bad_field("kind", "is credit or adjustment")),
    };
    let context = audit::context(&request, "ledger.post", |entry: &LedgerEntry| audit::json(&out(entry)));
    let named = key.map(|key| request.app.messages.named(client, key, &posting.canonical(posted.reason.clone())));
    let PostedEntry { entry, balance, is_repeated } =
        request.app.ledger.post(client, posting, posted.reason, named, &context).await?;
    let shown = posted_out(&entry, balance);
    if is_repeated {
        return Ok(reply::replayed(StatusCode::CREATED, serde_json::to_string(&shown).unwrap_or_default()));
    }
    Ok(reply::json(StatusCode::CREATED, &shown))
}

/// `GET /v1/clients/<id>/statement.csv`: a period's opening balance, every movement with the balance after it, and the
/// closing balance. A client may read its own.
#[utoipa::path(
    get, path = "/v1/clients/{id}/statement.csv", tag = "ledger", operation_id = "fetch_statement",
    responses((status = 200, description = "`time,kind,amount,balance,id,message_id,reason`, oldest first.", body = String, content_type = "text/csv")),
)]
async fn statement(request: ResourceRequest) -> HandlerResult {
    let client = readable(&request)?;
    let from_ms = filter::time(&request, "from")?.ok_or_else(|| reply::bad_field("from", "missing"))?;
    let before_ms = filter::time(&request, "to")?.unwrap_or_else(|| request.app.ledger.clock.now_ms());
    let statement = request.app.ledger.statement(client, from_ms, before_ms).await?;
    Ok(streamed(statement, &request.app))
}

/// Goes out as it is read: however long it is, little of it is in memory.
fn streamed(mut statement: LedgerStatement, app: &App) -> Response {
    let (send, mut parts) = mpsc::channel::<Result<Bytes, std::io::Error>>(PARTS);
    app.tasks.spawn(async move {
        loop {
            let part = match statement.next().await {
                Ok(Some(part)) => Ok(Bytes::from(part)),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "a statement broke off");
                    Err(std::io::Error::other("the store is away"))
                }
            };
            let is_broken = part.is_err();
            if send.send(part).await.is_err() || is_broken {
                return;
            }
        }
    });
    let body = stream::poll_fn(move |context| parts.poll_recv(context));
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /v1/balance`: what the client has left whose credential this is; the operator pays nothing, and has none.
#[utoipa::path(
    get, path = "/v1/balance", tag = "ledger", operation_id = "fetch_balance",
    responses((status = 200, description = "Its balance, and how far below zero it may fall.", body = BalanceOut)),
)]
async fn balance(request: ResourceRequest) -> HandlerResult {
    let consumer = auth::reader(&request.app, &request)?.consumer;
    let found = match request.app.ledger.balance(consumer.client).await {
        Ok(balance) => Some(balance),
        Err(error) if error.kind == ErrorKind::NotFound && consumer.is_operator() => None,
        Err(error) => return Err(error.into()),
    };
    Ok(reply::json(StatusCode::OK, &balance_out(consumer.client, found)))
}

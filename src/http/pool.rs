//! `/v1/pools`: a client's numbers that send together, the same number to the same recipient, and how sessions get
//! theirs.

mod import;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, list, number, openapi, reply};
use crate::model::{DurationSetting, HookFormat, PoolChoice, PoolOrder, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::number::{Number, PoolChange, PoolSettingsChange, PoolWithNumbers};

pub(super) fn resource() -> Resource {
    let description = openapi::described!(add, import::import_pool, list, fetch, change, delete, put, take_out);
    Resource::new(description, ("pools", "pool"))
        .at("pools", [on(Method::GET, list), with_body(Method::POST, add)])
        // before what would take the word for an id
        .at("pools/import", [with_body(Method::POST, import::import_pool)])
        .at("pools/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
        .at("pools/{id}/numbers/{number_id}", [on(Method::PUT, put), on(Method::DELETE, take_out)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPool)]
struct PoolIn {
    #[schema(example = "sales")]
    name: String,
    /// Which of the numbers that fit a person in a session comes first: `sticky` (one that they had before); with
    /// `avoid_sticky` those that they had before come last.
    #[schema(schema_with = choices)]
    choice: Option<String>,
    /// In which order numbers are looked at for a session: `near` (those near the person first) or `any`.
    #[schema(schema_with = orders)]
    order: Option<String>,
    /// Each number is in one open session at most, in which everybody has the same one.
    #[serde(default)]
    exclusive: bool,
    /// A number on which a person's session with others ended less than this ago comes last for them.
    #[schema(value_type = Option<String>, example = "1h")]
    rest: Option<DurationSetting>,
    /// What everybody in a session is texted when it begins, for sessions that do not say otherwise; at most 1600
    /// UTF-16 units (`outbox.sms_length`).
    start_text: Option<String>,
    /// What they are texted when it ends, likewise.
    end_text: Option<String>,
    /// How long after the last text or call a session ends that does not say otherwise. Left out: by itself it does
    /// not.
    #[schema(value_type = Option<String>, example = "7d")]
    ttl: Option<DurationSetting>,
    /// Asked before a text is passed on in a session that names no URL itself: a 403 blocks it, 200 with
    /// `{"body": "…"}` changes it.
    #[schema(example = "https://hooks.example.com/intercept")]
    intercept_url: Option<String>,
    /// Asked when somebody texts one of its numbers who is in no session there; answered by TwiML, or with whom they
    /// are to be in a session.
    #[schema(example = "https://hooks.example.com/stranger")]
    out_of_session_url: Option<String>,
    /// How these are asked: `json`, signed as callbacks are, or `form`, as Twilio Proxy asks.
    #[schema(schema_with = formats)]
    hook_format: Option<String>,
}

fn choices() -> openapi::SchemaOrRef {
    openapi::one_of(PoolChoice::ALL.map(PoolChoice::name))
}

fn orders() -> openapi::SchemaOrRef {
    openapi::one_of(PoolOrder::ALL.map(PoolOrder::name))
}

fn formats() -> openapi::SchemaOrRef {
    openapi::one_of(HookFormat::ALL.map(HookFormat::name))
}

/// The settings that are one of a few words.
fn worded(choice: Option<&str>, order: Option<&str>, format: Option<&str>) -> Result<PoolSettingsChange, Refusal> {
    let wrong = |field: &'static str, detail: &'static str| move || reply::bad_field(field, detail);
    let choice =
        choice.map(|name| PoolChoice::parse(name).ok_or_else(wrong("choice", "must be sticky or avoid_sticky")));
    let order = order.map(|name| PoolOrder::parse(name).ok_or_else(wrong("order", "must be near or any")));
    let format = format.map(|name| HookFormat::parse(name).ok_or_else(wrong("hook_format", "must be json or form")));
    Ok(PoolSettingsChange {
        choice: choice.transpose()?,
        order: order.transpose()?,
        hook_format: format.transpose()?,
        ..PoolSettingsChange::default()
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PoolChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct PoolChangeIn {
    name: Option<String>,
    /// Counts for the numbers that are chosen from then on.
    #[schema(schema_with = choices)]
    choice: Option<String>,
    #[schema(schema_with = orders)]
    order: Option<String>,
    /// Refused while the pool has open sessions.
    exclusive: Option<bool>,
    #[schema(value_type = Option<String>)]
    rest: Option<DurationSetting>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    start_text: Option<Option<String>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    end_text: Option<Option<String>>,
    /// Of the sessions that are made from then on; `null`: they do not end by themselves.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    ttl: Option<Option<DurationSetting>>,
    /// Counts for sessions that are open, too; `null`: nobody is asked.
    #[serde(default, deserialize_with = "nullable")]
    intercept_url: Option<Option<String>>,
    /// `null`: nobody is asked.
    #[serde(default, deserialize_with = "nullable")]
    out_of_session_url: Option<Option<String>>,
    #[schema(schema_with = formats)]
    hook_format: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Pool)]
struct PoolOut {
    id: String,
    name: String,
    numbers: Vec<PoolNumberOut>,
    #[schema(schema_with = choices)]
    choice: &'static str,
    #[schema(schema_with = orders)]
    order: &'static str,
    exclusive: bool,
    rest: String,
    start_text: Option<String>,
    end_text: Option<String>,
    ttl: Option<String>,
    intercept_url: Option<String>,
    out_of_session_url: Option<String>,
    #[schema(schema_with = formats)]
    hook_format: &'static str,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PoolNumber)]
struct PoolNumberOut {
    id: String,
    number: String,
}

fn out(PoolWithNumbers { pool, numbers }: &PoolWithNumbers) -> PoolOut {
    let member = |number: &Number| PoolNumberOut { id: number.id.to_string(), number: number.address.clone() };
    let settings = &pool.settings;
    PoolOut {
        id: pool.id.to_string(),
        name: pool.name.clone(),
        numbers: numbers.iter().map(member).collect(),
        choice: settings.choice.name(),
        order: settings.order.name(),
        exclusive: settings.is_exclusive,
        rest: settings.rest.to_string(),
        start_text: settings.start_text.clone(),
        end_text: settings.end_text.clone(),
        ttl: settings.ttl.map(|ttl| ttl.to_string()),
        intercept_url: settings.intercept_url.clone(),
        out_of_session_url: settings.out_of_session_url.clone(),
        hook_format: settings.hook_format.name(),
        created_at: rfc3339(pool.created_ms),
    }
}

pub(super) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, PoolWithNumbers> {
    audit::context(request, action, |pool: &PoolWithNumbers| audit::json(&out(pool)))
}

/// `POST /v1/pools`: makes a pool without numbers.
#[utoipa::path(
    post, path = "/v1/pools", tag = "pools", operation_id = "add_pool", request_body = PoolIn,
    responses((status = 201, description = "Made.", body = PoolOut)),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: PoolIn = object::read(&request, posted).await?;
    let settings = PoolSettingsChange {
        is_exclusive: Some(posted.exclusive),
        rest: posted.rest,
        start_text: Some(posted.start_text),
        end_text: Some(posted.end_text),
        ttl: Some(posted.ttl),
        intercept_url: Some(posted.intercept_url),
        out_of_session_url: Some(posted.out_of_session_url),
        ..worded(posted.choice.as_deref(), posted.order.as_deref(), posted.hook_format.as_deref())?
    };
    let context = context(&request, "pool.create");
    let pool = request.app.numbers.add_pool(client, posted.name, &settings, &context).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&pool)))
}

/// `GET /v1/pools`: all pools with their numbers, newest first.
#[utoipa::path(
    get, path = "/v1/pools", tag = "pools", operation_id = "list_pools", params(PageIn),
    responses((status = 200, description = "A page of pools.", body = ListOut<PoolOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let (after, limit) = list::page(&request)?;
    let (pools, more) = request.app.numbers.list_pools(acting.client, after, limit).await?;
    Ok(list::reply(pools.iter().map(out).collect(), pools.last().map(|filled| filled.pool.id), more))
}

/// `GET /v1/pools/<id>`: one pool with its numbers.
#[utoipa::path(
    get, path = "/v1/pools/{id}", tag = "pools", operation_id = "fetch_pool",
    responses((status = 200, description = "The pool.", body = PoolOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let pool = request.app.numbers.find_pool(acting.client, request.id("pool")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `PATCH /v1/pools/<id>`: changes its name, how its numbers are chosen, and what its sessions use by default.
#[utoipa::path(
    patch, path = "/v1/pools/{id}", tag = "pools", operation_id = "change_pool", request_body = PoolChangeIn,
    responses(
        (status = 200, description = "The pool as it now is.", body = PoolOut),
        (status = 409, description = "It has open sessions, and cannot become exclusive or stop being so."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let id = request.id("pool")?;
    let posted: PoolChangeIn = object::read(&request, posted).await?;
    let settings = PoolSettingsChange {
        is_exclusive: posted.exclusive,
        rest: posted.rest,
        start_text: posted.start_text,
        end_text: posted.end_text,
        ttl: posted.ttl,
        intercept_url: posted.intercept_url,
        out_of_session_url: posted.out_of_session_url,
        ..worded(posted.choice.as_deref(), posted.order.as_deref(), posted.hook_format.as_deref())?
    };
    let change = PoolChange { name: posted.name, is_named_alone: false, settings };
    let pool = request.app.numbers.change_pool(client, id, &change, &context(&request, "pool.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `DELETE /v1/pools/<id>`: lets its numbers go; they stay the client's.
#[utoipa::path(
    delete, path = "/v1/pools/{id}", tag = "pools", operation_id = "delete_pool",
    responses(
        (status = 204, description = "Let go."),
        (status = 409, description = "It has open sessions; the answer says how many."),
    ),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    request.app.numbers.delete_pool(client, request.id("pool")?, &context(&request, "pool.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `PUT /v1/pools/<id>/numbers/<number_id>`: puts a number of the same client into it, out of any other pool.
#[utoipa::path(
    put, path = "/v1/pools/{id}/numbers/{number_id}", tag = "pools", operation_id = "put_into_pool",
    responses(
        (status = 200, description = "The pool as it now is.", body = PoolOut),
        (status = 409, description = "The number has open sessions; the answer says how many."),
    ),
)]
async fn put(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (id, number) = (request.id("pool")?, request.nth_id(1, "number")?);
    let pool = request.app.numbers.put_into_pool(client, id, number, &number::context(&request, "pool.put")).await?;
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `DELETE /v1/pools/<id>/numbers/<number_id>`: takes a number out; it stays the client's.
#[utoipa::path(
    delete, path = "/v1/pools/{id}/numbers/{number_id}", tag = "pools", operation_id = "take_out_of_pool",
    responses(
        (status = 204, description = "Taken out."),
        (status = 409, description = "The number has open sessions; the answer says how many."),
    ),
)]
async fn take_out(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (id, number) = (request.id("pool")?, request.nth_id(1, "number")?);
    request.app.numbers.take_out_of_pool(client, id, number, &number::context(&request, "pool.take_out")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

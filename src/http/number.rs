//! `/v1/numbers`: senders, and what a text to them means.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::Buf;
use futures_util::Stream;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{OpenApi, ToSchema};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::list::{ListOut, PageIn};
use super::object::{self, Refusal};
use super::{App, Call, auth, reply, with};
use crate::model::address::{self, Address, AddressKind};
use crate::model::{AccountId, NumberId, rfc3339};
use crate::service::number::{Capability, Error, Meaning, NewNumber, Number, NumberChange};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let posted = || super::call().and(warp::body::stream()).and(with(app));
    let all = warp::path("numbers").and(warp::path::end()).and(posted()).then(numbers);
    let one = warp::path("numbers").and(warp::path::param::<String>()).and(warp::path::end());
    all.or(one.and(posted()).then(number)).unify().boxed()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNumber)]
struct NumberIn {
    /// E.164, a short code, or a sender name of up to 11 letters and digits.
    #[schema(example = "+14155550100")]
    number: String,
    account_id: String,
    /// `sms`, `mms`, `voice`.
    #[serde(default = "sms")]
    capabilities: Vec<String>,
    /// What a text to it means: `forward` (an event) or `encrypted` (for a platform).
    #[serde(default = "forward")]
    meaning: String,
    platform: Option<String>,
    /// Segments a second; 0: no limit.
    #[serde(default)]
    rate: u32,
}

fn sms() -> Vec<String> {
    vec![Capability::Sms.name().to_owned()]
}

fn forward() -> String {
    Meaning::Forward.name().to_owned()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberChange)]
struct ChangeIn {
    account_id: Option<String>,
    capabilities: Option<Vec<String>>,
    meaning: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    platform: Option<Option<String>>,
    rate: Option<u32>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[derive(Serialize, ToSchema)]
#[schema(as = Number)]
struct NumberOut<'a> {
    id: String,
    number: &'a str,
    /// phone, short_code or alphanumeric
    kind: Option<&'static str>,
    account_id: String,
    capabilities: Vec<&'a str>,
    meaning: &'static str,
    platform: Option<&'a str>,
    rate: i64,
    country: Option<&'a str>,
    /// Whether the numbering plan knows it; `null` for what is no phone.
    is_valid: Option<bool>,
    created_at: String,
}

fn out(number: &Number) -> NumberOut<'_> {
    let address = number.address.parse::<Address>().ok();
    let kind = address.as_ref().map(|address| match address.kind() {
        AddressKind::Phone => "phone",
        AddressKind::ShortCode => "short_code",
        AddressKind::Alphanumeric => "alphanumeric",
    });
    NumberOut {
        id: number.id.to_string(),
        number: &number.address,
        kind,
        account_id: number.account.to_string(),
        capabilities: number.capabilities.split(',').filter(|one| !one.is_empty()).collect(),
        meaning: number.meaning.name(),
        platform: number.platform.as_deref(),
        rate: number.rate,
        country: number.country.as_deref(),
        is_valid: address.as_ref().and_then(address::report).map(|report| report.is_valid),
        created_at: rfc3339(number.created_ms),
    }
}

fn refusal(error: Error) -> Refusal {
    Box::new(reply::number_error(&error))
}

fn wrong(field: &str, reason: &str) -> Refusal {
    reply::bad_field(field, reason)
}

fn capabilities(names: &[String]) -> Result<Vec<Capability>, Refusal> {
    let parse = |name: &String| Capability::parse(name).ok_or_else(|| wrong("capabilities", "are sms, mms and voice"));
    let parsed: Vec<_> = names.iter().map(parse).collect::<Result<_, _>>()?;
    if parsed.is_empty() { Err(wrong("capabilities", "are sms, mms and voice, one at least")) } else { Ok(parsed) }
}

fn meaning(name: &str) -> Result<Meaning, Refusal> {
    Meaning::parse(name).ok_or_else(|| wrong("meaning", "is forward or encrypted"))
}

fn account(id: &str) -> Result<AccountId, Refusal> {
    id.parse().map_err(|_| wrong("account_id", "no such account"))
}

#[derive(OpenApi)]
#[openapi(paths(add, list, fetch, change, delete))]
pub(super) struct Doc;

async fn numbers<B: Buf, E>(call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::POST => add(&call, body, &app).await,
        Method::GET => list(&call, &app).await,
        _ => return reply::method_not_allowed("GET, POST"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

/// `POST /v1/numbers`: takes a number of an account into use.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "numbers", operation_id = "add_number", request_body = NumberIn,
    responses(
        (status = 201, description = "In use from now on.", body = NumberOut),
        (status = 409, description = "The number is in use already."),
    ),
)]
async fn add<B: Buf, E>(call: &Call, body: impl Stream<Item = Result<B, E>>, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let posted: NumberIn = object::read(call, body, app).await?;
    let new = NewNumber {
        address: posted.number.parse().map_err(|error: address::NotAnAddress| wrong("number", &error.to_string()))?,
        account: account(&posted.account_id)?,
        capabilities: capabilities(&posted.capabilities)?,
        meaning: meaning(&posted.meaning)?,
        platform: posted.platform,
        rate: posted.rate.into(),
    };
    let number = app.numbers.add(client, new).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::CREATED, &out(&number)))
}

/// `GET /v1/numbers`: newest first.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", operation_id = "list_numbers", params(PageIn),
    responses((status = 200, description = "A page of numbers.", body = ListOut<NumberOut>)),
)]
async fn list(call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let (after, limit) = super::list::page::<NumberId>(call)?;
    let (numbers, more) = app.numbers.list(client, after, limit).await.map_err(refusal)?;
    let data: Vec<_> = numbers.iter().map(out).collect();
    Ok(super::list::reply(data, numbers.last().map(|number| number.id), more))
}

async fn number<B: Buf, E>(id: String, call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::GET => fetch(&id, &call, &app).await,
        Method::PATCH => change(&id, &call, body, &app).await,
        Method::DELETE => delete(&id, &call, &app).await,
        _ => return reply::method_not_allowed("GET, PATCH, DELETE"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

fn id_of(text: &str) -> Result<NumberId, Refusal> {
    text.parse().map_err(|_| refusal(Error::NotFound))
}

/// `GET /v1/numbers/<id>`: one number.
#[utoipa::path(
    get, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "fetch_number", params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 200, description = "The number.", body = NumberOut)),
)]
async fn fetch(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let number = app.numbers.find(client, id_of(id)?).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::OK, &out(&number)))
}

/// `PATCH /v1/numbers/<id>`: its account, its rate, and what a text to it means.
#[utoipa::path(
    patch, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "change_number", request_body = ChangeIn,
    params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 200, description = "The number as it now is.", body = NumberOut)),
)]
async fn change<B: Buf, E>(
    id: &str,
    call: &Call,
    body: impl Stream<Item = Result<B, E>>,
    app: &App,
) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let id = id_of(id)?;
    let posted: ChangeIn = object::read(call, body, app).await?;
    let change = NumberChange {
        account: posted.account_id.as_deref().map(account).transpose()?,
        capabilities: posted.capabilities.as_deref().map(capabilities).transpose()?,
        meaning: posted.meaning.as_deref().map(meaning).transpose()?,
        platform: posted.platform,
        rate: posted.rate.map(i64::from),
    };
    let number = app.numbers.change(client, id, change).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::OK, &out(&number)))
}

/// `DELETE /v1/numbers/<id>`: lets it go; its messages stay.
#[utoipa::path(
    delete, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "delete_number", params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 204, description = "Let go.")),
)]
async fn delete(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    app.numbers.delete(client, id_of(id)?).await.map_err(refusal)?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

//! `/v1/numbers`: senders, and what a text to them means.

mod shape;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::shape::{ChangeIn, NumberIn, NumberOut, out};
use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer, Refusal};
use super::{App, RequestParts, auth, object, path, posted, written};
use crate::model::address::Role;
use crate::model::{AccountId, NumberId};
use crate::service::Error;
use crate::service::audit::AuditContext;
use crate::service::number::{Capability, Meaning, NewNumber, Number, NumberChange};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let all = path::all("numbers").and(posted(app)).then(numbers);
    let one = path::one("numbers").and(posted(app)).then(number);
    all.or(one).unify().map(reply::settle).boxed()
}

fn capabilities(names: &[String]) -> Result<Vec<Capability>, Refusal> {
    let parse = |name: &String| {
        Capability::parse(name).ok_or_else(|| reply::bad_field("capabilities", "are sms, mms, voice and whatsapp"))
    };
    let parsed: Vec<_> = names.iter().map(parse).collect::<Result<_, _>>()?;
    if parsed.is_empty() {
        Err(reply::bad_field("capabilities", "are sms, mms, voice and whatsapp, one at least"))
    } else {
        Ok(parsed)
    }
}

fn meaning(name: &str) -> Result<Meaning, Refusal> {
    Meaning::parse(name).ok_or_else(|| reply::bad_field("meaning", "is forward or encrypted"))
}

fn account(id: &str) -> Result<AccountId, Refusal> {
    id.parse().map_err(|_| reply::bad_field("account_id", "no such account"))
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Number> {
    audit::context(request, action, |number: &Number| json(&out(number, true)))
}

#[derive(OpenApi)]
#[openapi(paths(add, list, fetch, change, delete))]
pub(super) struct Doc;

async fn numbers(request: RequestParts, posted: Posted, app: Arc<App>) -> Answer {
    match request.method {
        Method::POST => add(&request, posted, &app).await,
        Method::GET => list(&request, &app).await,
        _ => Err(reply::method_not_allowed("GET, POST").into()),
    }
}

/// `POST /v1/numbers`: takes a number of an account into use.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "numbers", operation_id = "add_number", request_body = NumberIn,
    responses(
        (status = 201, description = "In use from now on.", body = NumberOut),
        (status = 409, description = "The number is in use already."),
    ),
)]
async fn add(request: &RequestParts, posted: Posted, app: &App) -> Answer {
    let client = auth::administrator_for(app, request)?;
    let posted: NumberIn = object::read(request, posted, app).await?;
    let (named, address) = written::address("number", &posted.number, Role::Sender, app.country(client))?;
    let capabilities = capabilities(&posted.capabilities)?;
    if named.is_some_and(|channel| !capabilities.iter().any(|it| it.name() == channel.name())) {
        return Err(reply::bad_field("number", "must not name a channel that is none of its capabilities"));
    }
    let new = NewNumber {
        address,
        account: account(&posted.account_id)?,
        capabilities,
        meaning: meaning(&posted.meaning)?,
        platform: posted.platform,
        rate: posted.rate.into(),
    };
    let number = app.numbers.add(client, new, &context(request, "number.add")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&number, true)))
}

/// `GET /v1/numbers`: all numbers, newest first.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", operation_id = "list_numbers", params(PageIn),
    responses((status = 200, description = "A page of numbers.", body = ListOut<NumberOut>)),
)]
async fn list(request: &RequestParts, app: &App) -> Answer {
    let acting = auth::reader(app, request)?;
    let (after, limit) = list::page(request)?;
    let (numbers, more) = app.numbers.list(acting.client, after, limit).await?;
    let last = numbers.last().map(|number| number.id);
    let shown = numbers.iter().map(|number| out(number, acting.is_administrator)).collect();
    Ok(list::reply(shown, last, more))
}

async fn number(id: String, request: RequestParts, posted: Posted, app: Arc<App>) -> Answer {
    match request.method {
        Method::GET => fetch(&id, &request, &app).await,
        Method::PATCH => change(&id, &request, posted, &app).await,
        Method::DELETE => delete(&id, &request, &app).await,
        _ => Err(reply::method_not_allowed("GET, PATCH, DELETE").into()),
    }
}

fn id_of(text: &str) -> Result<NumberId, Error> {
    text.parse().map_err(|_| Error::not_found("number"))
}

/// `GET /v1/numbers/<id>`: one number.
#[utoipa::path(
    get, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "fetch_number", params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 200, description = "The number.", body = NumberOut)),
)]
async fn fetch(id: &str, request: &RequestParts, app: &App) -> Answer {
    let acting = auth::reader(app, request)?;
    let number = app.numbers.find(acting.client, id_of(id)?).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, acting.is_administrator)))
}

/// `PATCH /v1/numbers/<id>`: changes its account, its rate, and what a text to it means.
#[utoipa::path(
    patch, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "change_number", request_body = ChangeIn,
    params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 200, description = "The number as it now is.", body = NumberOut)),
)]
async fn change(id: &str, request: &RequestParts, posted: Posted, app: &App) -> Answer {
    let client = auth::administrator_for(app, request)?;
    let id = id_of(id)?;
    let posted: ChangeIn = object::read(request, posted, app).await?;
    let change = NumberChange {
        account: posted.account_id.as_deref().map(account).transpose()?,
        capabilities: posted.capabilities.as_deref().map(capabilities).transpose()?,
        meaning: posted.meaning.as_deref().map(meaning).transpose()?,
        platform: posted.platform.map(|named| named.0),
        rate: posted.rate.map(i64::from),
    };
    let number = app.numbers.change(client, id, change, &context(request, "number.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, true)))
}

/// `DELETE /v1/numbers/<id>`: lets it go; its messages stay.
#[utoipa::path(
    delete, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "delete_number", params(("id" = String, Path, description = "`num_` and 32 hex digits")),
    responses((status = 204, description = "Let go.")),
)]
async fn delete(id: &str, request: &RequestParts, app: &App) -> Answer {
    let client = auth::administrator_for(app, request)?;
    app.numbers.delete(client, id_of(id)?, &context(request, "number.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

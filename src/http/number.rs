//! `/v1/numbers`: senders, and what a text to them means.

mod shape;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;

use self::shape::{ChangeIn, NumberIn, NumberOut, out};
use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer, Refusal};
use super::resource::{Request, Resource, on, with_body};
use super::{App, RequestParts, auth, object, written};
use crate::model::address::Role;
use crate::service::audit::AuditContext;
use crate::service::number::{Capability, Meaning, NewNumber, Number, NumberChange};

pub(super) fn resource() -> Resource {
    Resource::new(Doc::openapi)
        .at("numbers", [on(Method::GET, list), with_body(Method::POST, add)])
        .at("numbers/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
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

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Number> {
    audit::context(request, action, |number: &Number| json(&out(number, true)))
}

#[derive(OpenApi)]
#[openapi(paths(add, list, fetch, change, delete))]
struct Doc;

/// `POST /v1/numbers`: takes a number of an account into use.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "numbers", operation_id = "add_number", request_body = NumberIn,
    responses(
        (status = 201, description = "In use from now on.", body = NumberOut),
        (status = 409, description = "The number is in use already."),
    ),
)]
async fn add(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    let client = auth::administrator_for(&app, &request)?;
    let posted: NumberIn = object::read(&request, posted, &app).await?;
    let (named, address) = written::address("number", &posted.number, Role::Sender, app.country(client))?;
    let capabilities = capabilities(&posted.capabilities)?;
    if named.is_some_and(|channel| !capabilities.iter().any(|it| it.name() == channel.name())) {
        return Err(reply::bad_field("number", "must not name a channel that is none of its capabilities"));
    }
    let new = NewNumber {
        address,
        account: written::account(&posted.account_id)?,
        capabilities,
        meaning: meaning(&posted.meaning)?,
        platform: posted.platform,
        rate: posted.rate.into(),
    };
    let number = app.numbers.add(client, new, &context(&request, "number.add")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&number, true)))
}

/// `GET /v1/numbers`: all numbers, newest first.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", operation_id = "list_numbers", params(PageIn),
    responses((status = 200, description = "A page of numbers.", body = ListOut<NumberOut>)),
)]
async fn list(request: Request, app: Arc<App>) -> Answer {
    let acting = auth::reader(&app, &request)?;
    let (after, limit) = list::page(&request)?;
    let (numbers, more) = app.numbers.list(acting.client, after, limit).await?;
    let last = numbers.last().map(|number| number.id);
    let shown = numbers.iter().map(|number| out(number, acting.is_administrator)).collect();
    Ok(list::reply(shown, last, more))
}

/// `GET /v1/numbers/<id>`: one number.
#[utoipa::path(
    get, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "fetch_number",
    responses((status = 200, description = "The number.", body = NumberOut)),
)]
async fn fetch(request: Request, app: Arc<App>) -> Answer {
    let acting = auth::reader(&app, &request)?;
    let number = app.numbers.find(acting.client, request.id("number")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, acting.is_administrator)))
}

/// `PATCH /v1/numbers/<id>`: changes its account, its rate, and what a text to it means.
#[utoipa::path(
    patch, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "change_number", request_body = ChangeIn,
    responses((status = 200, description = "The number as it now is.", body = NumberOut)),
)]
async fn change(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    let client = auth::administrator_for(&app, &request)?;
    let id = request.id("number")?;
    let posted: ChangeIn = object::read(&request, posted, &app).await?;
    let change = NumberChange {
        account: posted.account_id.as_deref().map(written::account).transpose()?,
        capabilities: posted.capabilities.as_deref().map(capabilities).transpose()?,
        meaning: posted.meaning.as_deref().map(meaning).transpose()?,
        platform: posted.platform.map(|named| named.0),
        rate: posted.rate.map(i64::from),
    };
    let number = app.numbers.change(client, id, change, &context(&request, "number.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, true)))
}

/// `DELETE /v1/numbers/<id>`: lets it go; its messages stay.
#[utoipa::path(
    delete, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "delete_number",
    responses((status = 204, description = "Let go.")),
)]
async fn delete(request: Request, app: Arc<App>) -> Answer {
    let client = auth::administrator_for(&app, &request)?;
    app.numbers.delete(client, request.id("number")?, &context(&request, "number.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

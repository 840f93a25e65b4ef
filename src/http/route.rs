//! `/v1/routes`: which account a destination's messages go to.

mod explain;
mod shape;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;

use self::shape::{ChangeIn, RouteIn, RouteOut, cursor, out, read_cursor};
use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer, Refusal};
use super::resource::{Request, Resource, on, with_body};
use super::{App, RequestParts, auth, object, written};
use crate::model::Channel;
use crate::service::audit::AuditContext;
use crate::service::tariff::{NewRoute, Route, RouteChange};

pub(super) fn resource() -> Resource {
    Resource::new(Doc::openapi)
        .at("routes", [on(Method::GET, list), with_body(Method::POST, add)])
        // before one that would take `explain` for an id
        .at("routes/explain", [on(Method::GET, explain::explain)])
        .at("routes/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
}

fn channel(name: &str) -> Result<Channel, Refusal> {
    Channel::parse(name).ok_or_else(|| reply::bad_field("channel", "must be sms, whatsapp or voice"))
}

#[derive(OpenApi)]
#[openapi(paths(add, list, fetch, change, delete, explain::explain))]
struct Doc;

fn show<'a>(app: &App, route: &'a Route) -> RouteOut<'a> {
    out(route, app.relay.has_account(route))
}

fn context<'a>(app: &'a App, request: &RequestParts, action: &'static str) -> AuditContext<'a, Route> {
    audit::context(request, action, |route: &Route| json(&show(app, route)))
}

/// `POST /v1/routes`: adds a rule: destinations that match go to its account.
#[utoipa::path(
    post, path = "/v1/routes", tag = "routes", operation_id = "add_route", request_body = RouteIn,
    responses((status = 201, description = "In force from now on.", body = RouteOut)),
)]
async fn add(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let posted: RouteIn = object::read(&request, posted, &app).await?;
    let new = NewRoute {
        priority: posted.priority.into(),
        pattern: posted.pattern,
        channel: posted.channel.as_deref().map(channel).transpose()?,
        account: written::account(&posted.account_id)?,
        name: posted.name,
    };
    let route = app.tariff.add_route(new, &context(&app, &request, "route.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &show(&app, &route)))
}

/// `GET /v1/routes`: all rules, in the order in which they are asked.
#[utoipa::path(
    get, path = "/v1/routes", tag = "routes", operation_id = "list_routes", params(PageIn),
    responses((status = 200, description = "A page of rules.", body = ListOut<RouteOut>)),
)]
async fn list(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let (after, limit) = list::page_of(&request, read_cursor)?;
    let (routes, more) = app.tariff.list_routes(after, limit).await?;
    let data = routes.iter().map(|route| show(&app, route)).collect();
    Ok(list::reply(data, routes.last().map(cursor), more))
}

/// `GET /v1/routes/<id>`: one rule of all.
#[utoipa::path(
    get, path = "/v1/routes/{id}", tag = "routes", operation_id = "fetch_route",
    responses((status = 200, description = "The rule.", body = RouteOut)),
)]
async fn fetch(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let route = app.tariff.find_route(request.id("route")?).await?;
    Ok(reply::json(StatusCode::OK, &show(&app, &route)))
}

/// `PATCH /v1/routes/<id>`: changes any part of a rule.
#[utoipa::path(
    patch, path = "/v1/routes/{id}", tag = "routes", operation_id = "change_route", request_body = ChangeIn,
    responses((status = 200, description = "The rule as it now is.", body = RouteOut)),
)]
async fn change(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let id = request.id("route")?;
    let posted: ChangeIn = object::read(&request, posted, &app).await?;
    let named = |given: object::Maybe<String>| given.0.as_deref().map(channel).transpose();
    let change = RouteChange {
        priority: posted.priority.map(i64::from),
        pattern: posted.pattern,
        channel: posted.channel.map(named).transpose()?,
        account: posted.account_id.as_deref().map(written::account).transpose()?,
        name: posted.name,
    };
    let route = app.tariff.change_route(id, change, &context(&app, &request, "route.change")).await?;
    Ok(reply::json(StatusCode::OK, &show(&app, &route)))
}

/// `DELETE /v1/routes/<id>`: takes a rule away; messages on their way stay on it.
#[utoipa::path(
    delete, path = "/v1/routes/{id}", tag = "routes", operation_id = "delete_route",
    responses((status = 204, description = "Taken away.")),
)]
async fn delete(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    app.tariff.delete_route(request.id("route")?, &context(&app, &request, "route.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

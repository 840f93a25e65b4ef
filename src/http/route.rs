//! `/v1/routes`: which account a destination's messages go to.

mod explain;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{App, RequestParts, audit, list, openapi, reply, written};
use crate::model::{Channel, RouteId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::tariff::{NewRoute, Route, RouteChange};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(
        openapi::described!(add, list, fetch, change, delete, explain::explain),
        ("routes", "rte"),
    )
    .at("routes", [on(Method::GET, list), with_body(Method::POST, add)])
    // before one that would take `explain` for an id
    .at("routes/explain", [on(Method::GET, explain::explain).asking(explain::question)])
    .at("routes/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
}

fn channel(name: &str) -> Result<Channel, Refusal> {
    Channel::parse(name).ok_or_else(|| reply::bad_field("channel", "must be sms, whatsapp or voice"))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRoute)]
struct RouteIn {
    /// Lower ones are asked first.
    priority: i32,
    /// A regular expression on the destination, anchored at its start.
    #[schema(example = "\\+237")]
    pattern: String,
    account_id: String,
    /// The only channel that it is for; without, all are.
    #[schema(schema_with = channels)]
    channel: Option<String>,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct RouteChangeIn {
    priority: Option<i32>,
    pattern: Option<String>,
    account_id: Option<String>,
    /// `null`: all channels.
    #[serde(default, deserialize_with = "nullable")]
    channel: Option<Option<String>>,
    name: Option<String>,
}

fn channels() -> openapi::SchemaOrRef {
    openapi::one_of(Channel::ALL.map(Channel::name))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
struct RouteOut<'a> {
    id: String,
    priority: i64,
    pattern: &'a str,
    channel: Option<&'static str>,
    account_id: String,
    /// Whether that account is there; a route to one that was deleted is passed over.
    has_account: bool,
    name: &'a str,
    created_at: String,
}

fn out(route: &Route, has_account: bool) -> RouteOut<'_> {
    RouteOut {
        id: route.id.to_string(),
        priority: route.priority,
        pattern: &route.pattern,
        channel: route.channel.map(Channel::name),
        account_id: route.account.to_string(),
        has_account,
        name: &route.name,
        created_at: rfc3339(route.created_ms),
    }
}

/// Where a page has ended.
fn cursor(route: &Route) -> String {
    format!("{}.{}", route.priority, route.id)
}

fn read_cursor(text: &str) -> Option<(i64, RouteId)> {
    let (priority, id) = text.split_once('.')?;
    Some((priority.parse().ok()?, id.parse().ok()?))
}

fn show<'a>(app: &App, route: &'a Route) -> RouteOut<'a> {
    out(route, app.relay.has_account(route))
}

fn context<'a>(app: &'a App, request: &RequestParts, action: &'static str) -> AuditContext<'a, Route> {
    audit::context(request, action, |route: &Route| audit::json(&show(app, route)))
}

/// `POST /v1/routes`: adds a rule: destinations that match go to its account.
#[utoipa::path(
    post, path = "/v1/routes", tag = "routes", operation_id = "add_route", request_body = RouteIn,
    responses((status = 201, description = "In force from now on.", body = RouteOut)),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let posted: RouteIn = object::read(&request, posted).await?;
    let new = NewRoute {
        priority: posted.priority.into(),
        pattern: posted.pattern,
        channel: posted.channel.as_deref().map(channel).transpose()?,
        account: written::account(&posted.account_id)?,
        name: posted.name,
    };
    let route = request.app.tariff.add_route(new, &context(&request.app, &request, "route.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &show(&request.app, &route)))
}

/// `GET /v1/routes`: all rules, in the order in which they are asked.
#[utoipa::path(
    get, path = "/v1/routes", tag = "routes", operation_id = "list_routes", params(PageIn),
    responses((status = 200, description = "A page of rules.", body = ListOut<RouteOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let (after, limit) = list::page_of(&request, read_cursor)?;
    let (routes, more) = request.app.tariff.list_routes(after, limit).await?;
    let data = routes.iter().map(|route| show(&request.app, route)).collect();
    Ok(list::reply(data, routes.last().map(cursor), more))
}

/// `GET /v1/routes/<id>`: one rule of all.
#[utoipa::path(
    get, path = "/v1/routes/{id}", tag = "routes", operation_id = "fetch_route",
    responses((status = 200, description = "The rule.", body = RouteOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let route = request.app.tariff.find_route(request.id("route")?).await?;
    Ok(reply::json(StatusCode::OK, &show(&request.app, &route)))
}

/// `PATCH /v1/routes/<id>`: changes any part of a rule.
#[utoipa::path(
    patch, path = "/v1/routes/{id}", tag = "routes", operation_id = "change_route", request_body = RouteChangeIn,
    responses((status = 200, description = "The rule as it now is.", body = RouteOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let id = request.id("route")?;
    let posted: RouteChangeIn = object::read(&request, posted).await?;
    let named = |given: Option<String>| given.map(|name| channel(&name)).transpose();
    let change = RouteChange {
        priority: posted.priority.map(i64::from),
        pattern: posted.pattern,
        channel: posted.channel.map(named).transpose()?,
        account: posted.account_id.as_deref().map(written::account).transpose()?,
        name: posted.name,
    };
    let route = request.app.tariff.change_route(id, change, &context(&request.app, &request, "route.change")).await?;
    Ok(reply::json(StatusCode::OK, &show(&request.app, &route)))
}

/// `DELETE /v1/routes/<id>`: takes a rule away; messages on their way stay on it.
#[utoipa::path(
    delete, path = "/v1/routes/{id}", tag = "routes", operation_id = "delete_route",
    responses((status = 204, description = "Taken away.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    request.app.tariff.delete_route(request.id("route")?, &context(&request.app, &request, "route.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

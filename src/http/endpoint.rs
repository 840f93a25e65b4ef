//! `/v1/endpoints`: where a client wants its events posted.

use std::borrow::Cow;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema, SchemaType, Type};

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::event::EventPattern;
use crate::model::{EventId, Secret, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::event::{Endpoint, EndpointChange, NewEndpoint, disabled_reason};

pub(super) fn resource() -> Resource {
    Resource::new(
        openapi::described!(list, create, fetch, change, delete, rotate, send_test, callback_secret),
        ("endpoints", "ep"),
    )
    .at("endpoints", [on(Method::GET, list), with_body(Method::POST, create)])
    .at("endpoints/callback-secret", [on(Method::GET, callback_secret)])
    .at("endpoints/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
    .at("endpoints/{id}/rotate", [on(Method::POST, rotate)])
    .at("endpoints/{id}/test", [on(Method::POST, send_test)])
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Endpoint> {
    audit::context(request, action, |endpoint: &Endpoint| audit::json(&out(endpoint, None, true)))
}

fn shown(request: &RequestParts, endpoint: &Endpoint, secret: Option<&Secret>) -> EndpointOut {
    out(endpoint, secret, auth::is_administrator(request))
}

/// Patterns as clients write them, each checked.
#[derive(Clone, Debug)]
struct EventPatternsIn(Vec<EventPattern>);

impl<'de> Deserialize<'de> for EventPatternsIn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let patterns = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        patterns.map(Self).map_err(serde::de::Error::custom)
    }
}

/// What an endpoint listens for.
fn patterns() -> openapi::SchemaOrRef {
    patterns_as(Type::Array.into())
}

/// The same where null says nothing of it.
fn patterns_or_null() -> openapi::SchemaOrRef {
    patterns_as(SchemaType::from_iter([Type::Array, Type::Null]))
}

fn patterns_as(kind: SchemaType) -> openapi::SchemaOrRef {
    let words = "Types such as `message.received`, all of a group (`message.*`), or `*`: all, as where a new endpoint \
                 names none. `GET /v1/event-types` lists them.";
    let patterns =
        ArrayBuilder::new().schema_type(kind).items(openapi::one_of(EventPattern::all().map(EventPattern::name)));
    RefOr::T(Schema::Array(patterns.description(Some(words)).build()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEndpoint)]
struct EndpointIn {
    #[schema(example = "https://example.org/events")]
    url: String,
    #[serde(default)]
    description: String,
    #[schema(schema_with = patterns_or_null)]
    event_types: Option<EventPatternsIn>,
    /// Post the events of one message, call, device or opt-out one after the other, by their `sequence`: the next goes
    /// once the one before it was taken or given up. Events of different objects do not wait for each other, and a
    /// replay waits for nothing.
    #[serde(default)]
    ordered: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EndpointState)]
enum EndpointStateIn {
    Enabled,
    Disabled,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointChange)]
struct EndpointChangeIn {
    url: Option<String>,
    description: Option<String>,
    #[schema(schema_with = patterns_or_null)]
    event_types: Option<EventPatternsIn>,
    /// Counts for the events that happen from then on.
    ordered: Option<bool>,
    state: Option<EndpointStateIn>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
struct EndpointOut {
    id: String,
    url: String,
    description: String,
    #[schema(schema_with = patterns)]
    event_types: Vec<String>,
    /// The events of one object are posted one after the other.
    ordered: bool,
    state: &'static str,
    /// Why we disabled it; null where a client did. Of a place that gave no answer only administrators are told more.
    disabled_reason: Option<String>,
    failing_since: Option<String>,
    /// Until when the secret before this one signs too.
    previous_secret_until: Option<String>,
    created_at: String,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn out(endpoint: &Endpoint, secret: Option<&Secret>, to_administrator: bool) -> EndpointOut {
    let reason =
        if to_administrator { endpoint.reason.as_deref().map(Cow::Borrowed) } else { disabled_reason(endpoint) };
    EndpointOut {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        event_types: endpoint.patterns.iter().map(ToString::to_string).collect(),
        ordered: endpoint.is_ordered,
        state: if endpoint.is_enabled { "enabled" } else { "disabled" },
        disabled_reason: reason.map(Cow::into_owned),
        failing_since: endpoint.failing_since_ms.map(rfc3339),
        previous_secret_until: endpoint.previous_until_ms.map(rfc3339),
        created_at: rfc3339(endpoint.created_ms),
        secret: secret.map(|secret| secret.expose().to_owned()),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndpointTest)]
struct EndpointTestOut {
    event_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallbackSecret)]
struct CallbackSecretOut {
    secret: String,
}

/// `GET /v1/endpoints`: all endpoints, newest first.
#[utoipa::path(
    get, path = "/v1/endpoints", tag = "endpoints", operation_id = "list_endpoints", params(PageIn),
    responses((status = 200, description = "A page of endpoints.", body = ListOut<EndpointOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let (endpoints, more) = request.app.events.endpoints(client, after, limit).await?;
    let data = endpoints.iter().map(|endpoint| shown(&request, endpoint, None)).collect();
    Ok(list::reply(data, endpoints.last().map(|endpoint| endpoint.id), more))
}

/// `POST /v1/endpoints`: makes an endpoint; its secret stands in this answer and never again.
#[utoipa::path(
    post, path = "/v1/endpoints", tag = "endpoints", operation_id = "create_endpoint", request_body = EndpointIn,
    responses(
        (status = 201, description = "Made, with its secret.", body = EndpointOut),
        (status = 409, description = "There are too many endpoints already."),
    ),
)]
async fn create(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let posted: EndpointIn = object::read(&request, posted).await?;
    let patterns = posted.event_types.map_or_else(|| vec![EventPattern::All], |patterns| patterns.0);
    let (url, description, is_ordered) = (posted.url, posted.description, posted.ordered);
    let new = NewEndpoint { url, description, patterns, is_ordered };
    let (endpoint, secret) =
        request.app.events.create_endpoint(client, new, &context(&request, "endpoint.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &shown(&request, &endpoint, Some(&secret))))
}

/// `GET /v1/endpoints/<id>`: one endpoint, all but its secret.
#[utoipa::path(
    get, path = "/v1/endpoints/{id}", tag = "endpoints", operation_id = "show_endpoint",
    responses((status = 200, description = "The endpoint.", body = EndpointOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let endpoint = request.app.events.endpoint(client, request.id("endpoint")?).await?;
    Ok(reply::json(StatusCode::OK, &shown(&request, &endpoint, None)))
}

/// `PATCH /v1/endpoints/<id>`: changes what is given; `"state"` is `enabled` or `disabled`.
#[utoipa::path(
    patch, path = "/v1/endpoints/{id}", tag = "endpoints", operation_id = "update_endpoint",
    request_body = EndpointChangeIn,
    responses((status = 200, description = "The endpoint as it now is.", body = EndpointOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let posted: EndpointChangeIn = object::read(&request, posted).await?;
    let patch = EndpointChange {
        url: posted.url,
        description: posted.description,
        patterns: posted.event_types.map(|patterns| patterns.0),
        is_ordered: posted.ordered,
        is_enabled: posted.state.map(|state| matches!(state, EndpointStateIn::Enabled)),
    };
    let context = context(&request, "endpoint.change");
    let endpoint = request.app.events.update_endpoint(client, request.id("endpoint")?, patch, &context).await?;
    Ok(reply::json(StatusCode::OK, &shown(&request, &endpoint, None)))
}

/// `DELETE /v1/endpoints/<id>`: deletes it; what is on its way to it is dropped.
#[utoipa::path(
    delete, path = "/v1/endpoints/{id}", tag = "endpoints", operation_id = "delete_endpoint",
    responses((status = 204, description = "Deleted.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    request.app.events.delete_endpoint(client, request.id("endpoint")?, &context(&request, "endpoint.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/endpoints/<id>/rotate`: makes a new secret, shown once; the old one signs too for 24 hours.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/rotate", tag = "endpoints", operation_id = "rotate_endpoint",
    responses((status = 200, description = "The endpoint with its new secret.", body = EndpointOut)),
)]
async fn rotate(request: ResourceRequest) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let context = context(&request, "endpoint.rotate");
    let (endpoint, secret) = request.app.events.rotate_endpoint(client, request.id("endpoint")?, &context).await?;
    Ok(reply::json(StatusCode::OK, &shown(&request, &endpoint, Some(&secret))))
}

/// `POST /v1/endpoints/<id>/test`: sends an `endpoint.test`.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/test", tag = "endpoints", operation_id = "test_endpoint",
    responses(
        (status = 202, description = "On its way.", body = EndpointTestOut),
        (status = 409, description = "The endpoint is disabled."),
    ),
)]
async fn send_test(request: ResourceRequest) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let shown = |event: &EventId| EndpointTestOut { event_id: event.to_string() };
    let context = audit::context(&request, "endpoint.test", |event: &EventId| audit::json(&shown(event)));
    let event = request.app.events.test_endpoint(client, request.id("endpoint")?, &context).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &shown(&event)))
}

/// `GET /v1/endpoints/callback-secret`: what signs the posts to messages' own callback URLs.
#[utoipa::path(
    get, path = "/v1/endpoints/callback-secret", tag = "endpoints",
    responses((status = 200, description = "The secret.", body = CallbackSecretOut)),
)]
async fn callback_secret(request: ResourceRequest) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let secret = request.app.events.callback_secret(client).await?;
    Ok(reply::json(StatusCode::OK, &CallbackSecretOut { secret: secret.expose().to_owned() }))
}

//! `/v1/endpoints`: where a client wants its events posted.

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
use super::object::Refusal;
use super::{App, Call, auth, list, object, reply, with};
use crate::model::event::Pattern;
use crate::model::{EndpointId, Secret, rfc3339};
use crate::service::event::{Endpoint, Error, NewEndpoint, Patch};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let root = || warp::path("endpoints");
    let one = || root().and(warp::path::param::<String>());
    let posted = || super::call().and(warp::body::stream()).and(with(app));
    let asked = || super::call().and(with(app));
    let all = root().and(warp::path::end()).and(posted()).then(endpoints);
    let secret = root().and(warp::path("callback-secret")).and(warp::path::end()).and(asked()).then(callback_secret);
    let rotate = one().and(warp::path("rotate")).and(warp::path::end()).and(asked()).then(rotate_endpoint);
    let test = one().and(warp::path("test")).and(warp::path::end()).and(asked()).then(test_endpoint);
    let single = one().and(warp::path::end()).and(posted()).then(endpoint);
    all.or(secret).unify().or(single).unify().or(rotate).unify().or(test).unify().boxed()
}

/// Patterns as clients write them, each checked.
#[derive(Clone, Debug)]
struct PatternsIn(Vec<Pattern>);

impl<'de> Deserialize<'de> for PatternsIn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let patterns = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        patterns.map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEndpoint)]
struct EndpointIn {
    url: String,
    #[serde(default)]
    description: String,
    /// Types such as `message.received`, or `message.*`. Left out: all.
    #[schema(value_type = Option<Vec<String>>)]
    event_types: Option<PatternsIn>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EndpointState)]
enum StateIn {
    Enabled,
    Disabled,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointChange)]
struct PatchIn {
    url: Option<String>,
    description: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    event_types: Option<PatternsIn>,
    state: Option<StateIn>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
struct EndpointOut {
    id: String,
    url: String,
    description: String,
    event_types: Vec<String>,
    state: &'static str,
    /// Why we disabled it; null where a client did.
    disabled_reason: Option<String>,
    failing_since: Option<String>,
    /// Until when the secret before this one signs too.
    previous_secret_until: Option<String>,
    created_at: String,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn out(endpoint: &Endpoint, secret: Option<&Secret>) -> EndpointOut {
    EndpointOut {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        event_types: endpoint.patterns.iter().map(ToString::to_string).collect(),
        state: if endpoint.is_enabled { "enabled" } else { "disabled" },
        disabled_reason: endpoint.reason.clone(),
        failing_since: endpoint.failing_since_ms.map(rfc3339),
        previous_secret_until: endpoint.previous_until_ms.map(rfc3339),
        created_at: rfc3339(endpoint.created_ms),
        secret: secret.map(|secret| secret.expose().to_owned()),
    }
}

fn refused(error: Error) -> Refusal {
    reply::event_error(&error).into()
}

fn id(text: &str) -> Result<EndpointId, Refusal> {
    text.parse().map_err(|_| refused(Error::NoEndpoint))
}

#[derive(OpenApi)]
#[openapi(paths(
    list_endpoints,
    create_endpoint,
    show_endpoint,
    update_endpoint,
    delete_endpoint,
    rotate_endpoint,
    test_endpoint,
    callback_secret
))]
pub(super) struct Doc;

async fn endpoints<B: Buf, E>(call: Call, stream: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::GET => list_endpoints(&call, &app).await,
        Method::POST => create_endpoint(&call, stream, &app).await,
        _ => Ok(reply::method_not_allowed("GET, POST")),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

/// `GET /v1/endpoints`: newest first.
#[utoipa::path(
    get, path = "/v1/endpoints", tag = "endpoints", params(PageIn),
    responses((status = 200, description = "A page of endpoints.", body = ListOut<EndpointOut>)),
)]
async fn list_endpoints(call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let (after, limit) = list::page(call)?;
    let (endpoints, more) = app.events.endpoints(client, after, limit).await.map_err(refused)?;
    let last = endpoints.last().map(|endpoint| endpoint.id);
    Ok(list::reply(endpoints.iter().map(|endpoint| out(endpoint, None)).collect(), last, more))
}

/// `POST /v1/endpoints`: a new endpoint; its secret stands in this answer and never again.
#[utoipa::path(
    post, path = "/v1/endpoints", tag = "endpoints", request_body = EndpointIn,
    responses(
        (status = 201, description = "Made, with its secret.", body = EndpointOut),
        (status = 409, description = "There are too many endpoints already."),
    ),
)]
async fn create_endpoint<B: Buf, E>(
    call: &Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: &App,
) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let posted: EndpointIn = object::read(call, stream, app).await?;
    let patterns = posted.event_types.map_or_else(|| vec![Pattern::All], |patterns| patterns.0);
    let new = NewEndpoint { url: posted.url, description: posted.description, patterns };
    let (endpoint, secret) = app.events.create_endpoint(client, new).await.map_err(refused)?;
    Ok(reply::json(StatusCode::CREATED, &out(&endpoint, Some(&secret))))
}

async fn endpoint<B: Buf, E>(
    given: String,
    call: Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: Arc<App>,
) -> Response {
    let done = match call.method {
        Method::GET => show_endpoint(&given, &call, &app).await,
        Method::PATCH => update_endpoint(&given, &call, stream, &app).await,
        Method::DELETE => delete_endpoint(&given, &call, &app).await,
        _ => Ok(reply::method_not_allowed("GET, PATCH, DELETE")),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

/// `GET /v1/endpoints/<id>`: all but its secret.
#[utoipa::path(
    get, path = "/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path, description = "`ep_` and 32 hex digits")),
    responses((status = 200, description = "The endpoint.", body = EndpointOut)),
)]
async fn show_endpoint(given: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let endpoint = app.events.endpoint(client, id(given)?).await.map_err(refused)?;
    Ok(reply::json(StatusCode::OK, &out(&endpoint, None)))
}

/// `PATCH /v1/endpoints/<id>`: changes what is given; `"state"` is `enabled` or `disabled`.
#[utoipa::path(
    patch, path = "/v1/endpoints/{id}", tag = "endpoints", request_body = PatchIn, params(("id" = String, Path, description = "`ep_` and 32 hex digits")),
    responses((status = 200, description = "The endpoint as it now is.", body = EndpointOut)),
)]
async fn update_endpoint<B: Buf, E>(
    given: &str,
    call: &Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: &App,
) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    let posted: PatchIn = object::read(call, stream, app).await?;
    let patch = Patch {
        url: posted.url,
        description: posted.description,
        patterns: posted.event_types.map(|patterns| patterns.0),
        is_enabled: posted.state.map(|state| matches!(state, StateIn::Enabled)),
    };
    let endpoint = app.events.update_endpoint(client, id(given)?, &patch).await.map_err(refused)?;
    Ok(reply::json(StatusCode::OK, &out(&endpoint, None)))
}

/// `DELETE /v1/endpoints/<id>`: what is on its way to it is dropped.
#[utoipa::path(
    delete, path = "/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path, description = "`ep_` and 32 hex digits")),
    responses((status = 204, description = "Deleted.")),
)]
async fn delete_endpoint(given: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    let client = auth::client(app, call)?;
    app.events.delete_endpoint(client, id(given)?).await.map_err(refused)?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/endpoints/<id>/rotate`: a new secret, shown once; the old one signs too for 24 hours.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/rotate", tag = "endpoints", params(("id" = String, Path, description = "`ep_` and 32 hex digits")),
    responses((status = 200, description = "The endpoint with its new secret.", body = EndpointOut)),
)]
async fn rotate_endpoint(given: String, call: Call, app: Arc<App>) -> Response {
    let rotate = async {
        let client = auth::client(&app, &call)?;
        let (endpoint, secret) = app.events.rotate_endpoint(client, id(&given)?).await.map_err(refused)?;
        Ok(reply::json(StatusCode::OK, &out(&endpoint, Some(&secret))))
    };
    only(&Method::POST, &call, "POST", rotate).await
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndpointTest)]
struct TestOut {
    event_id: String,
}

/// `POST /v1/endpoints/<id>/test`: sends an `endpoint.test`.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/test", tag = "endpoints", params(("id" = String, Path, description = "`ep_` and 32 hex digits")),
    responses(
        (status = 202, description = "On its way.", body = TestOut),
        (status = 409, description = "The endpoint is disabled."),
    ),
)]
async fn test_endpoint(given: String, call: Call, app: Arc<App>) -> Response {
    let test = async {
        let client = auth::client(&app, &call)?;
        let event = app.events.test_endpoint(client, id(&given)?).await.map_err(refused)?;
        Ok(reply::json(StatusCode::ACCEPTED, &TestOut { event_id: event.to_string() }))
    };
    only(&Method::POST, &call, "POST", test).await
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallbackSecret)]
struct SecretOut {
    secret: String,
}

/// `GET /v1/endpoints/callback-secret`: what signs the posts to messages' own callback URLs.
#[utoipa::path(
    get, path = "/v1/endpoints/callback-secret", tag = "endpoints",
    responses((status = 200, description = "The secret.", body = SecretOut)),
)]
async fn callback_secret(call: Call, app: Arc<App>) -> Response {
    let show = async {
        let client = auth::client(&app, &call)?;
        let secret = app.events.callback_secret(client).await.map_err(refused)?;
        Ok(reply::json(StatusCode::OK, &SecretOut { secret: secret.expose().to_owned() }))
    };
    only(&Method::GET, &call, "GET", show).await
}

/// Does it where the method fits.
async fn only(
    method: &Method,
    call: &Call,
    allowed: &'static str,
    work: impl Future<Output = Result<Response, Refusal>>,
) -> Response {
    if call.method != *method {
        return reply::method_not_allowed(allowed);
    }
    work.await.unwrap_or_else(|refusal| *refusal)
}

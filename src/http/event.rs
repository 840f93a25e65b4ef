//! `/v1/events`: what was told, and telling it again.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::Buf;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, OpenApi, ToSchema};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::list::{ListOut, PageIn};
use super::object::Refusal;
use super::{App, Call, auth, list, object, openapi, reply, with};
use crate::model::event::EventType;
use crate::model::{EndpointId, EventId, rfc3339};
use crate::service::event::{Delivery, Error, Event, State, Target, Told};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let root = || warp::path("events");
    let one = || root().and(warp::path::param::<String>());
    let asked = || super::call().and(with(app));
    let all = root().and(warp::path::end()).and(asked()).then(list_events);
    let single = one().and(warp::path::end()).and(asked()).then(show_event);
    let posted = super::call().and(warp::body::stream()).and(with(app));
    let replay = one().and(warp::path("replay")).and(warp::path::end()).and(posted).then(replay_event);
    all.or(single).unify().or(replay).unify().boxed()
}

#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct EventOut {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventWithDeliveries)]
struct ToldOut {
    #[serde(flatten)]
    event: EventOut,
    deliveries: Vec<DeliveryOut>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct DeliveryOut {
    endpoint_id: Option<String>,
    /// The message whose callback URL it goes to.
    message_id: Option<String>,
    state: &'static str,
    tries: i64,
    last_status: Option<i64>,
    last_reason: Option<String>,
    next_try_at: Option<String>,
    changed_at: String,
}

/// What the list may be narrowed by.
struct FilterIn;

impl IntoParams for FilterIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let types = openapi::one_of(EventType::all().map(EventType::name));
        vec![openapi::optional("type", "Of this type.", types)]
    }
}

#[derive(OpenApi)]
#[openapi(paths(list_events, show_event, replay_event))]
pub(super) struct Doc;

fn out(event: &Event) -> EventOut {
    let mut payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let data = payload.get_mut("data").map(Value::take).unwrap_or_default();
    let timestamp = payload.get("timestamp").and_then(Value::as_str).map(str::to_owned);
    EventOut {
        id: event.id.to_string(),
        kind: event.kind.name(),
        timestamp: timestamp.unwrap_or_else(|| rfc3339(event.created_ms)),
        data,
    }
}

fn delivery_out(delivery: &Delivery) -> DeliveryOut {
    let (endpoint_id, message_id) = match delivery.target {
        Target::Endpoint(id) => (Some(id.to_string()), None),
        Target::Callback(id) => (None, Some(id.to_string())),
    };
    DeliveryOut {
        endpoint_id,
        message_id,
        state: delivery.state.name(),
        tries: delivery.tries,
        last_status: delivery.last_status,
        last_reason: delivery.last_reason.clone(),
        next_try_at: delivery.ready_ms.filter(|_| delivery.state == State::Pending).map(rfc3339),
        changed_at: rfc3339(delivery.changed_ms),
    }
}

fn told_out(told: &Told) -> ToldOut {
    ToldOut { event: out(&told.event), deliveries: told.deliveries.iter().map(delivery_out).collect() }
}

fn refused(error: Error) -> Refusal {
    reply::event_error(&error).into()
}

fn id(text: &str) -> Result<EventId, Refusal> {
    text.parse().map_err(|_| refused(Error::NoEvent))
}

/// `GET /v1/events`: what was told, newest first.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(PageIn, FilterIn),
    responses((status = 200, description = "A page of events.", body = ListOut<EventOut>)),
)]
async fn list_events(call: Call, app: Arc<App>) -> Response {
    let list = async {
        let client = auth::client(&app, &call)?;
        let (after, limit) = list::page(&call)?;
        let kind = call.decoded("type").map(|name| name.parse::<EventType>()).transpose();
        let kind = kind.map_err(|_| reply::bad_field("type", "not an event type such as message.sent"))?;
        let (events, more) = app.events.events(client, kind, after, limit).await.map_err(refused)?;
        let last = events.last().map(|event| event.id);
        Ok(list::reply(events.iter().map(out).collect(), last, more))
    };
    if call.method == Method::GET { settle(list).await } else { reply::method_not_allowed("GET") }
}

/// `GET /v1/events/<id>`: one event, with what became of it at each place.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events", params(("id" = String, Path, description = "`evt_` and 32 hex digits")),
    responses((status = 200, description = "The event.", body = ToldOut)),
)]
async fn show_event(given: String, call: Call, app: Arc<App>) -> Response {
    let show = async {
        let client = auth::client(&app, &call)?;
        let told = app.events.event(client, id(&given)?).await.map_err(refused)?;
        Ok(reply::json(StatusCode::OK, &told_out(&told)))
    };
    if call.method == Method::GET { settle(show).await } else { reply::method_not_allowed("GET") }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Replay)]
struct ReplayIn {
    /// Left out: everywhere.
    endpoint_id: Option<String>,
}

/// `POST /v1/events/<id>/replay`: tells it again under the same id.
#[utoipa::path(
    post, path = "/v1/events/{id}/replay", tag = "events", params(("id" = String, Path, description = "`evt_` and 32 hex digits")), request_body = Option<ReplayIn>,
    responses(
        (status = 202, description = "On its way again.", body = ToldOut),
        (status = 409, description = "The endpoint is disabled."),
    ),
)]
async fn replay_event<B: Buf, E>(
    given: String,
    call: Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: Arc<App>,
) -> Response {
    let replay = async {
        let client = auth::client(&app, &call)?;
        let posted: ReplayIn = object::read_or_default(&call, stream, &app).await?;
        let endpoint = posted.endpoint_id.map(|id| id.parse::<EndpointId>()).transpose();
        let endpoint = endpoint.map_err(|_| reply::bad_field("endpoint_id", "not an endpoint's id"))?;
        let told = app.events.replay(client, id(&given)?, endpoint).await.map_err(refused)?;
        Ok(reply::json(StatusCode::ACCEPTED, &told_out(&told)))
    };
    if call.method == Method::POST { settle(replay).await } else { reply::method_not_allowed("POST") }
}

async fn settle(work: impl Future<Output = Result<Response, Refusal>>) -> Response {
    work.await.unwrap_or_else(|refusal| *refusal)
}

//! `/v1/events`: what was told, and telling it again.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{audit, auth, list, object, openapi, reply};
use crate::model::event::EventType;
use crate::model::{EndpointId, rfc3339};
use crate::service::event::{Delivery, DeliveryState, Event, EventHistory, EventTarget, last_reason};

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(list_events, show_event, replay_event), ("events", "evt"))
        .at("events", [on(Method::GET, list_events).asking(filters)])
        .at("events/{id}", [on(Method::GET, show_event)])
        .at("events/{id}/replay", [with_body(Method::POST, replay_event)])
}

#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct EventOut {
    id: String,
    #[serde(rename = "type")]
    #[schema(schema_with = types)]
    kind: &'static str,
    timestamp: String,
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventWithDeliveries)]
struct EventHistoryOut {
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
    /// Why it failed the last time. Of a place that gave no answer only administrators are told more.
    last_reason: Option<String>,
    /// Null too while it waits for an earlier event of its object.
    next_try_at: Option<String>,
    changed_at: String,
}

fn types() -> openapi::SchemaOrRef {
    openapi::one_of(EventType::all().map(EventType::name))
}

/// What the list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![openapi::optional("type", "Of this type.", types())]
}

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

/// Where an event went, as the audit log has it.
#[derive(Serialize)]
struct DeliveryTargetOut {
    endpoint_id: Option<String>,
    message_id: Option<String>,
}

fn target_out(target: &EventTarget) -> DeliveryTargetOut {
    match target {
        EventTarget::Endpoint(id) => DeliveryTargetOut { endpoint_id: Some(id.to_string()), message_id: None },
        EventTarget::Callback(id) => DeliveryTargetOut { endpoint_id: None, message_id: Some(id.to_string()) },
    }
}

fn delivery_out(delivery: &Delivery, to_administrator: bool) -> DeliveryOut {
    let reason = if to_administrator { delivery.last_reason.as_deref() } else { last_reason(delivery) };
    let DeliveryTargetOut { endpoint_id, message_id } = target_out(&delivery.target);
    DeliveryOut {
        endpoint_id,
        message_id,
        state: delivery.state.name(),
        tries: delivery.tries,
        last_status: delivery.last_status,
        last_reason: reason.map(str::to_owned),
        next_try_at: delivery.ready_ms.filter(|_| delivery.state == DeliveryState::Pending).map(rfc3339),
        changed_at: rfc3339(delivery.changed_ms),
    }
}

fn told_out(told: &EventHistory, to_administrator: bool) -> EventHistoryOut {
    let deliveries = told.deliveries.iter().map(|delivery| delivery_out(delivery, to_administrator));
    EventHistoryOut { event: out(&told.event), deliveries: deliveries.collect() }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Replay)]
struct EventReplayIn {
    /// Left out: everywhere.
    endpoint_id: Option<String>,
}

/// `GET /v1/events`: what was told, newest first.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(PageIn),
    responses((status = 200, description = "A page of events.", body = ListOut<EventOut>)),
)]
async fn list_events(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let kind = request.param("type").map(|name| name.parse::<EventType>()).transpose();
    let kind = kind.map_err(|_| reply::bad_field("type", "not an event type such as message.sent"))?;
    let (events, more) = request.app.events.events(client, kind, after, limit).await?;
    Ok(list::reply(events.iter().map(out).collect(), events.last().map(|event| event.id), more))
}

/// `GET /v1/events/<id>`: one event, with what became of it at each place.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events",
    responses((status = 200, description = "The event.", body = EventHistoryOut)),
)]
async fn show_event(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let told = request.app.events.event(acting.client, request.id("event")?).await?;
    Ok(reply::json(StatusCode::OK, &told_out(&told, acting.is_administrator)))
}

/// `POST /v1/events/<id>/replay`: tells it again under the same id.
#[utoipa::path(
    post, path = "/v1/events/{id}/replay", tag = "events", request_body = Option<EventReplayIn>,
    responses(
        (status = 202, description = "On its way again.", body = EventHistoryOut),
        (status = 409, description = "The endpoint is disabled."),
    ),
)]
async fn replay_event(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let posted: EventReplayIn = object::read_or_default(&request, posted).await?;
    let endpoint = posted.endpoint_id.map(|id| id.parse::<EndpointId>()).transpose();
    let endpoint = endpoint.map_err(|_| reply::bad_field("endpoint_id", "not an endpoint's id"))?;
    let context = audit::context(&request, "event.replay", |targets: &Vec<EventTarget>| {
        audit::json(&serde_json::json!({"targets": targets.iter().map(target_out).collect::<Vec<_>>()}))
    });
    let told = request.app.events.replay(client, request.id("event")?, endpoint, &context).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &told_out(&told, auth::is_administrator(&request))))
}

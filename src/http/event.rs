//! `/v1/events`: what was told, and telling it again.

mod shape;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;

use self::shape::{EventOut, FilterIn, ReplayIn, ToldOut, out, target_out, told_out};
use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer};
use super::resource::{Request, Resource, on, with_body};
use super::{App, auth, object};
use crate::model::EndpointId;
use crate::model::event::EventType;
use crate::service::event::Target;

pub(super) fn resource() -> Resource {
    Resource::new(Doc::openapi)
        .at("events", [on(Method::GET, list_events)])
        .at("events/{id}", [on(Method::GET, show_event)])
        .at("events/{id}/replay", [with_body(Method::POST, replay_event)])
}

#[derive(OpenApi)]
#[openapi(paths(list_events, show_event, replay_event))]
struct Doc;

/// `GET /v1/events`: what was told, newest first.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(PageIn, FilterIn),
    responses((status = 200, description = "A page of events.", body = ListOut<EventOut>)),
)]
async fn list_events(request: Request, app: Arc<App>) -> Answer {
    let client = auth::reader(&app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let kind = request.param("type").map(|name| name.parse::<EventType>()).transpose();
    let kind = kind.map_err(|_| reply::bad_field("type", "not an event type such as message.sent"))?;
    let (events, more) = app.events.events(client, kind, after, limit).await?;
    let last = events.last().map(|event| event.id);
    Ok(list::reply(events.iter().map(out).collect(), last, more))
}

/// `GET /v1/events/<id>`: one event, with what became of it at each place.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events",
    responses((status = 200, description = "The event.", body = ToldOut)),
)]
async fn show_event(request: Request, app: Arc<App>) -> Answer {
    let acting = auth::reader(&app, &request)?;
    let told = app.events.event(acting.client, request.id("event")?).await?;
    Ok(reply::json(StatusCode::OK, &told_out(&told, acting.is_administrator)))
}

/// `POST /v1/events/<id>/replay`: tells it again under the same id.
#[utoipa::path(
    post, path = "/v1/events/{id}/replay", tag = "events", request_body = Option<ReplayIn>,
    responses(
        (status = 202, description = "On its way again.", body = ToldOut),
        (status = 409, description = "The endpoint is disabled."),
    ),
)]
async fn replay_event(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    let client = auth::owner(&app, &request)?;
    let posted: ReplayIn = object::read_or_default(&request, posted, &app).await?;
    let endpoint = posted.endpoint_id.map(|id| id.parse::<EndpointId>()).transpose();
    let endpoint = endpoint.map_err(|_| reply::bad_field("endpoint_id", "not an endpoint's id"))?;
    let context = audit::context(&request, "event.replay", |targets: &Vec<Target>| {
        json(&serde_json::json!({"targets": targets.iter().map(target_out).collect::<Vec<_>>()}))
    });
    let told = app.events.replay(client, request.id("event")?, endpoint, &context).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &told_out(&told, auth::is_administrator(&request))))
}

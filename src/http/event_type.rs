//! `/v1/event-types`: what endpoints can be told of; and the same as the `webhooks` of the description.

use ::http::Method;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Ref};
use utoipa::openapi::security::SecurityRequirement;

use super::resource::{HandlerResult, ListOut, Resource, ResourceRequest, on};
use super::{auth, list, openapi};
use crate::model::event::EventType;
use crate::service::event::payload;

/// What comes with each post (Standard Webhooks).
const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "The event's id, the same each time it is posted."),
    ("webhook-timestamp", "When it was posted this time: Unix seconds."),
    ("webhook-signature", "`v1,` and a signature by the endpoint's secret; two where the secret was just replaced."),
];

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(list_event_types), None).at("event-types", [on(Method::GET, list_event_types)])
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
struct EventTypeOut {
    name: &'static str,
    /// What takes it in `event_types`, with all types of its group.
    pattern: &'static str,
    /// When it happens: a sentence.
    when: &'static str,
    /// The schema of its `data`, among the `components` of `/v1/openapi.json`.
    payload: String,
    /// What is posted of one.
    #[schema(value_type = Object)]
    example: Value,
}

/// `GET /v1/event-types`: every type of event, with when it happens and what is posted of it.
#[utoipa::path(
    get, path = "/v1/event-types", tag = "events",
    responses((status = 200, description = "All types, on one page.", body = ListOut<EventTypeOut>)),
)]
async fn list_event_types(request: ResourceRequest) -> HandlerResult {
    auth::reader(&request.app, &request)?;
    Ok(list::reply(EventType::all().map(out).collect(), None::<String>, false))
}

fn out(kind: EventType) -> EventTypeOut {
    EventTypeOut {
        name: kind.name(),
        pattern: kind.group().pattern(),
        when: kind.when(),
        payload: payload::schema(kind.group(), &mut Vec::new()).into_owned(),
        example: payload::example(kind),
    }
}

/// What is posted of each type, by its name; the schemas of `data` are added to the components.
pub(super) fn webhooks(components: &mut Components) -> Paths {
    let (mut webhooks, mut schemas) = (Paths::new(), Vec::new());
    for kind in EventType::all() {
        let data = payload::schema(kind.group(), &mut schemas);
        webhooks.add_path_operation(kind.name(), vec![HttpMethod::Post], operation(kind, &data));
    }
    components.schemas.extend(schemas);
    webhooks
}

fn operation(kind: EventType, data: &str) -> Operation {
    let event = ObjectBuilder::new()
        .property("type", openapi::one_of([kind.name()]))
        .required("type")
        .property("timestamp", openapi::text())
        .required("timestamp")
        .property("data", Ref::from_schema_name(data))
        .required("data");
    let content = ContentBuilder::new().schema(Some(event)).example(Some(payload::example(kind))).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let response = |words: &str| ResponseBuilder::new().description(words).build();
    OperationBuilder::new()
        .tag("events")
        .summary(Some(kind.when()))
        .parameters(Some(HEADERS.map(header)))
        .request_body(Some(body))
        .response("2XX", response("Taken. With every other answer but 410 it is posted again later."))
        .response("410", response("The endpoint is no more: it is disabled."))
        // it is ours that is proven, by the signature
        .security(SecurityRequirement::default())
        .build()
}

fn header((name, words): (&str, &str)) -> Parameter {
    let mut parameter = Parameter::new(name);
    parameter.parameter_in = ParameterIn::Header;
    parameter.description = Some(words.to_owned());
    parameter.schema = Some(openapi::text());
    parameter
}

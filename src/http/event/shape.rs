//! Events as clients read them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, ToSchema};

use crate::http::openapi;
use crate::model::event::EventType;
use crate::model::rfc3339;
use crate::service::event::{Delivery, Event, State, Target, Told, last_reason};

#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventOut {
    pub(super) id: String,
    #[serde(rename = "type")]
    #[schema(schema_with = types)]
    pub(super) kind: &'static str,
    pub(super) timestamp: String,
    #[schema(value_type = Object)]
    pub(super) data: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventWithDeliveries)]
pub(super) struct ToldOut {
    #[serde(flatten)]
    pub(super) event: EventOut,
    pub(super) deliveries: Vec<DeliveryOut>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryOut {
    pub(super) endpoint_id: Option<String>,
    /// The message whose callback URL it goes to.
    pub(super) message_id: Option<String>,
    pub(super) state: &'static str,
    pub(super) tries: i64,
    pub(super) last_status: Option<i64>,
    /// Why it failed the last time. Of a place that gave no answer only administrators are told more.
    pub(super) last_reason: Option<String>,
    pub(super) next_try_at: Option<String>,
    pub(super) changed_at: String,
}

fn types() -> RefOr<Schema> {
    openapi::one_of(EventType::all().map(EventType::name))
}

/// What the list may be narrowed by.
pub(super) struct FilterIn;

impl IntoParams for FilterIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![openapi::optional("type", "Of this type.", types())]
    }
}

pub(super) fn out(event: &Event) -> EventOut {
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
pub(super) struct TargetOut {
    endpoint_id: Option<String>,
    message_id: Option<String>,
}

pub(super) fn target_out(target: &Target) -> TargetOut {
    match target {
        Target::Endpoint(id) => TargetOut { endpoint_id: Some(id.to_string()), message_id: None },
        Target::Callback(id) => TargetOut { endpoint_id: None, message_id: Some(id.to_string()) },
    }
}

fn delivery_out(delivery: &Delivery, to_administrator: bool) -> DeliveryOut {
    let reason = if to_administrator { delivery.last_reason.as_deref() } else { last_reason(delivery) };
    let TargetOut { endpoint_id, message_id } = target_out(&delivery.target);
    DeliveryOut {
        endpoint_id,
        message_id,
        state: delivery.state.name(),
        tries: delivery.tries,
        last_status: delivery.last_status,
        last_reason: reason.map(str::to_owned),
        next_try_at: delivery.ready_ms.filter(|_| delivery.state == State::Pending).map(rfc3339),
        changed_at: rfc3339(delivery.changed_ms),
    }
}

pub(super) fn told_out(told: &Told, to_administrator: bool) -> ToldOut {
    let deliveries = told.deliveries.iter().map(|delivery| delivery_out(delivery, to_administrator));
    ToldOut { event: out(&told.event), deliveries: deliveries.collect() }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Replay)]
pub(super) struct ReplayIn {
    /// Left out: everywhere.
    pub(super) endpoint_id: Option<String>,
}

//! Endpoints as clients write and read them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema, SchemaType, Type};

use crate::http::openapi;
use crate::model::event::Pattern;
use crate::model::{Secret, rfc3339};
use crate::service::event::{Endpoint, disabled_reason};

/// Patterns as clients write them, each checked.
#[derive(Clone, Debug)]
pub(super) struct PatternsIn(pub(super) Vec<Pattern>);

impl<'de> Deserialize<'de> for PatternsIn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let patterns = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        patterns.map(Self).map_err(serde::de::Error::custom)
    }
}

/// What an endpoint listens for.
fn patterns() -> RefOr<Schema> {
    patterns_as(Type::Array.into())
}

/// The same where null says nothing of it.
fn patterns_or_null() -> RefOr<Schema> {
    patterns_as(SchemaType::from_iter([Type::Array, Type::Null]))
}

fn patterns_as(kind: SchemaType) -> RefOr<Schema> {
    let words = "Types such as `message.received`, all of a group (`message.*`), or `*`: all, as where a new endpoint \
                 names none. `GET /v1/event-types` lists them.";
    let patterns = ArrayBuilder::new().schema_type(kind).items(openapi::one_of(Pattern::all().map(Pattern::name)));
    RefOr::T(Schema::Array(patterns.description(Some(words)).build()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEndpoint)]
pub(super) struct EndpointIn {
    #[schema(example = "https://example.org/events")]
    pub(super) url: String,
    #[serde(default)]
    pub(super) description: String,
    #[schema(schema_with = patterns_or_null)]
    pub(super) event_types: Option<PatternsIn>,
    /// Post the events of one message, call, device or opt-out one after the other, by their `sequence`: the next goes
    /// once the one before it was taken or given up. Events of different objects do not wait for each other, and a
    /// replay waits for nothing.
    #[serde(default)]
    pub(super) ordered: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EndpointState)]
pub(super) enum StateIn {
    Enabled,
    Disabled,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointChange)]
pub(super) struct PatchIn {
    pub(super) url: Option<String>,
    pub(super) description: Option<String>,
    #[schema(schema_with = patterns_or_null)]
    pub(super) event_types: Option<PatternsIn>,
    /// Counts for the events that happen from then on.
    pub(super) ordered: Option<bool>,
    pub(super) state: Option<StateIn>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(super) struct EndpointOut {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) description: String,
    #[schema(schema_with = patterns)]
    pub(super) event_types: Vec<String>,
    /// The events of one object are posted one after the other.
    pub(super) ordered: bool,
    pub(super) state: &'static str,
    /// Why we disabled it; null where a client did. Of a place that gave no answer only administrators are told more.
    pub(super) disabled_reason: Option<String>,
    pub(super) failing_since: Option<String>,
    /// Until when the secret before this one signs too.
    pub(super) previous_secret_until: Option<String>,
    pub(super) created_at: String,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

pub(super) fn out(endpoint: &Endpoint, secret: Option<&Secret>, to_administrator: bool) -> EndpointOut {
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
pub(super) struct TestOut {
    pub(super) event_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallbackSecret)]
pub(super) struct SecretOut {
    pub(super) secret: String,
}

//! Calls as clients write and read them.

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, ToSchema};

use crate::http::message::{AttemptOut, ErrorOut, ReceiptOut, error_out};
use crate::http::openapi;
use crate::model::{CallId, CallStatus, rfc3339};
use crate::service::call::Call;
use crate::service::message::Message;

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCall)]
pub(super) struct CallIn {
    /// One of your numbers. Left out: one is chosen.
    #[schema(example = "+15005550006")]
    pub(super) from: Option<String>,
    /// A phone number as people write it, with its country code unless the client has a country.
    #[schema(example = "+14155550100")]
    pub(super) to: String,
    /// Where the provider gets what the call says, as TwiML.
    #[schema(example = "https://example.org/welcome.xml")]
    pub(super) url: Option<String>,
    /// What it says, in place of `url`: 4000 characters of TwiML at most.
    pub(super) twiml: Option<String>,
    /// Where to post this call's events, besides the endpoints.
    pub(super) callback_url: Option<String>,
    /// Which of them: `initiated`, `ringing`, `answered`, `completed`. Left out: how it ended.
    #[serde(default)]
    pub(super) callback_events: Vec<String>,
    /// Anything of yours, kept with the call: 4096 characters of JSON at most.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(super) struct CallOut<'a> {
    id: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
    from: &'a str,
    to: &'a str,
    url: Option<&'a str>,
    twiml: Option<&'a str>,
    /// Seconds.
    duration: Option<i64>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a serde_json::Map<String, serde_json::Value>>,
    callback_url: Option<String>,
    #[schema(value_type = Vec<String>)]
    callback_events: &'a [String],
    error: Option<ErrorOut<'a>>,
    created_at: String,
    updated_at: String,
    /// When it was answered.
    answered_at: Option<String>,
    ended_at: Option<String>,
}

/// What a call shows when it is asked for by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = CallWithAttempts)]
pub(super) struct FullOut<'a> {
    #[serde(flatten)]
    pub(super) call: CallOut<'a>,
    pub(super) attempts: Vec<AttemptOut>,
    pub(super) receipts: Vec<ReceiptOut>,
}

/// What a call shows that was ended.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ChangedCall)]
pub(super) enum ChangedOut<'a> {
    Whole(Box<FullOut<'a>>),
    State(StateOut),
}

/// What a key sees that may not read.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallState)]
pub(super) struct StateOut {
    pub(super) id: String,
    #[schema(schema_with = statuses)]
    pub(super) status: &'static str,
}

pub(super) fn status(message: &Message, kept: &Call) -> &'static str {
    CallStatus::shown(message.state, kept.status).name()
}

pub(super) fn out<'a>(message: &'a Message, kept: Option<&Call>) -> CallOut<'a> {
    let kept = kept.copied().unwrap_or_default();
    let content = &message.content;
    let plan = content.call.as_ref();
    CallOut {
        id: CallId::from(message.id).to_string(),
        status: status(message, &kept),
        from: &message.from,
        to: &message.to,
        url: plan.and_then(|plan| plan.url.as_deref()),
        twiml: plan.and_then(|plan| plan.twiml.as_deref()),
        duration: kept.duration,
        metadata: content.metadata.as_ref(),
        callback_url: content.callback_shown(),
        callback_events: plan.map(|plan| plan.callback_events.as_slice()).unwrap_or_default(),
        error: error_out(message),
        created_at: rfc3339(message.created_ms),
        updated_at: rfc3339(message.changed_ms),
        answered_at: kept.started_ms.map(rfc3339),
        ended_at: kept.ended_ms.map(rfc3339),
    }
}

fn statuses() -> RefOr<Schema> {
    // that a call is about to be dialed is not told of it
    let shown = CallStatus::ALL.into_iter().filter(|status| *status != CallStatus::Initiated);
    openapi::one_of(shown.map(CallStatus::name))
}

/// What a list may be narrowed by.
pub(super) struct FilterIn;

impl IntoParams for FilterIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            openapi::optional("from", "From this number.", openapi::text()),
            openapi::optional("to", "To this number.", openapi::text()),
            openapi::optional("created_from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
            openapi::optional("created_before", "Made before this time: RFC 3339, or a day.", openapi::text()),
        ]
    }
}

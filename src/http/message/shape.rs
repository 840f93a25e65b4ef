//! Messages as clients write and read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::openapi;
use crate::http::written::text_channels;
use crate::model::message::{Direction, MessageState};
use crate::model::{DurationSetting, Money, carrier, rfc3339};
use crate::service::message::{Message, SendAttempt, StoredReceipt};

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage)]
pub(super) struct MessageIn {
    /// One of your numbers. Left out: one is chosen.
    #[schema(example = "+15005550006")]
    pub(super) from: Option<String>,
    /// A phone number as people write it, with its country code unless the client has a country, or a short code.
    #[schema(example = "+14155550100")]
    pub(super) to: String,
    /// `sms`, as it is without, or `whatsapp`.
    #[schema(schema_with = text_channels)]
    pub(super) channel: Option<String>,
    /// At most 1600 UTF-16 units, over WhatsApp 4096 (`outbox.sms_length`, `outbox.whatsapp_length`); an emoji is two.
    /// A carrier may take less. May be empty where there are pictures.
    #[serde(default)]
    #[schema(example = "Your table is ready.")]
    pub(super) body: String,
    /// Replaces typographic quotes, dashes, dots and blanks by those of the SMS alphabet, where that makes the whole
    /// text fit it and saves segments: it is stored, priced and sent so.
    #[serde(default)]
    pub(super) smart_encoded: bool,
    /// Pictures, by http(s) URL; 10 at most. Blanks and letters beyond ASCII are encoded as browsers do.
    #[serde(default)]
    pub(super) media_urls: Vec<String>,
    /// When to send it: RFC 3339 or another ISO 8601 time with its offset, at most 35 days ahead (`outbox.schedule_most`).
    #[schema(example = "2030-01-31T12:00:00Z")]
    pub(super) send_at: Option<String>,
    /// Given up if not sent after so long: 1s to 10h.
    #[schema(value_type = Option<String>, example = "10m")]
    pub(super) valid_for: Option<DurationSetting>,
    /// Where to post this message's events, besides the endpoints.
    pub(super) callback_url: Option<String>,
    /// Anything of yours, kept with the message: 4096 characters of JSON at most.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a client may change of a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageChange)]
pub(super) struct MessageChangeIn {
    /// Only the empty text: the body is redacted.
    pub(super) body: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageOut<'a> {
    pub(super) id: String,
    #[schema(schema_with = directions)]
    pub(super) direction: &'static str,
    #[schema(schema_with = text_channels)]
    pub(super) channel: &'static str,
    #[schema(schema_with = states)]
    pub(super) state: &'static str,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) body: &'a str,
    #[schema(value_type = Vec<String>)]
    pub(super) media_urls: &'a [String],
    /// `gsm7` or `ucs2`.
    pub(super) encoding: &'static str,
    pub(super) segments: i64,
    /// What it cost; null: nothing, as nobody is charged for it.
    #[schema(value_type = Option<String>, example = "0.0075")]
    pub(super) cost: Option<Money>,
    /// When that was given back.
    pub(super) refunded_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<&'a serde_json::Map<String, serde_json::Value>>,
    pub(super) callback_url: Option<String>,
    pub(super) error: Option<MessageErrorOut<'a>>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) send_at: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) redacted_at: Option<String>,
}

/// What a message shows when it is asked for by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageWithHistory)]
pub(super) struct FullMessageOut<'a> {
    #[serde(flatten)]
    pub(super) message: MessageOut<'a>,
    #[serde(flatten)]
    pub(super) history: MessageDetailsOut,
}

/// What a message shows that was changed.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ChangedMessage)]
pub(super) enum ChangedMessageOut<'a> {
    Whole(Box<FullMessageOut<'a>>),
    State(MessageStateOut),
}

/// What a key sees that may not read.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageState)]
pub(super) struct MessageStateOut {
    pub(super) id: String,
    #[schema(schema_with = states)]
    pub(super) state: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MessageError)]
pub(in crate::http) struct MessageErrorOut<'a> {
    pub(in crate::http) code: Option<i64>,
    #[schema(value_type = Option<String>)]
    pub(in crate::http) reason: Option<Cow<'a, str>>,
}

/// What only one message, asked for by its id, shows.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
pub(super) struct MessageDetailsOut {
    /// Of a message that came in: what kind each of its media is, as its carrier says; empty where it does not.
    pub(super) media_types: Vec<String>,
    /// Of a message that came in: what its carrier says besides, in its own words, 64 fields at most. Emptied when
    /// the message is redacted.
    pub(super) carrier: BTreeMap<String, String>,
    /// How many fields there was no room for.
    pub(super) carrier_omitted: u32,
    /// What the numbering plan says of the recipient.
    pub(super) to_number: Option<RecipientValidityOut>,
    pub(super) attempts: Vec<AttemptOut>,
    pub(super) receipts: Vec<ReceiptOut>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(super) struct RecipientValidityOut {
    pub(super) country: Option<String>,
    pub(super) is_valid: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(in crate::http) struct AttemptOut {
    pub(super) number: i64,
    /// Only administrators are told.
    pub(super) account_id: Option<String>,
    pub(super) outcome: &'static str,
    pub(super) provider_id: Option<String>,
    pub(super) code: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) started_at: String,
    pub(super) ended_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(in crate::http) struct ReceiptOut {
    /// `unknown`: the provider's word is none that we know, and changes nothing.
    pub(super) state: &'static str,
    /// The state as the provider wrote it.
    pub(super) word: String,
    pub(super) error_code: Option<i64>,
    pub(super) at: String,
}

pub(super) fn out(message: &Message) -> MessageOut<'_> {
    let content = &message.content;
    MessageOut {
        id: message.id.to_string(),
        direction: message.direction.name(),
        channel: message.channel.name(),
        state: message.state.name(),
        from: &message.from,
        to: &message.to,
        body: &message.body,
        media_urls: &content.media_urls,
        encoding: message.encoding.name(),
        segments: message.segments,
        cost: message.cost,
        refunded_at: message.refunded_ms.map(rfc3339),
        metadata: content.metadata.as_ref(),
        callback_url: content.callback_url.clone(),
        error: error_out(message),
        created_at: rfc3339(message.created_ms),
        updated_at: rfc3339(message.changed_ms),
        send_at: content.send_at_ms.map(rfc3339),
        expires_at: message.expires_ms.map(rfc3339),
        redacted_at: message.redacted_ms.map(rfc3339),
    }
}

/// Why it failed, where it did.
pub(in crate::http) fn error_out(message: &Message) -> Option<MessageErrorOut<'_>> {
    let has_error = message.error_code.is_some() || message.error_reason.is_some();
    let reason = message.error_reason.as_deref().map(carrier::shown);
    has_error.then_some(MessageErrorOut { code: message.error_code, reason })
}

pub(in crate::http) fn attempt_out(attempt: SendAttempt, to_administrator: bool) -> AttemptOut {
    let shown = |words: String| if to_administrator { words } else { carrier::shown(&words).into_owned() };
    AttemptOut {
        number: attempt.number,
        account_id: to_administrator.then(|| attempt.account.to_string()),
        outcome: attempt.outcome.name(),
        provider_id: attempt.provider_id,
        code: attempt.code,
        reason: attempt.reason.map(shown),
        started_at: rfc3339(attempt.started_ms),
        ended_at: rfc3339(attempt.ended_ms),
    }
}

pub(in crate::http) fn receipt_out(receipt: StoredReceipt) -> ReceiptOut {
    let StoredReceipt { state, word, error_code, at_ms } = receipt;
    ReceiptOut { state: state.name(), word: carrier::shown(&word).into_owned(), error_code, at: rfc3339(at_ms) }
}

/// What became of it; states only move forward.
pub(super) fn states() -> openapi::SchemaOrRef {
    openapi::one_of(MessageState::ALL.map(MessageState::name))
}

pub(super) fn directions() -> openapi::SchemaOrRef {
    openapi::one_of(Direction::ALL.map(Direction::name))
}

/// What a list may be narrowed by.
pub(super) fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("number", "From or to this number.", openapi::text()),
        openapi::optional("from", "From this number.", openapi::text()),
        openapi::optional("to", "To this number.", openapi::text()),
        openapi::optional("state", "In this state.", states()),
        openapi::optional("direction", "Of this direction.", directions()),
        openapi::optional("channel", "Of this channel.", text_channels()),
        openapi::optional("created_from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("created_before", "Made before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

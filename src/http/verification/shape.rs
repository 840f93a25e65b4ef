//! Verifications as clients write and read them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::channel;
use crate::http::reply::{self, Refusal};
use crate::http::{openapi, written};
use crate::model::address::{Address, AddressRole, Country, blank_as_plus};
use crate::model::{
    Channel, CodeChannel, DurationSetting, Secret, VerificationDoor, VerificationServiceId, VerificationStatus,
    VerificationTemplateId, rfc3339,
};
use crate::service::relay::SenderChoice;
use crate::service::verification::{CheckOutcome, CheckResult, CheckTarget, Verification, VerificationOrder};

pub(super) fn channels() -> openapi::SchemaOrRef {
    openapi::one_of(CodeChannel::ALL.map(CodeChannel::name))
}

fn all_channels() -> openapi::SchemaOrRef {
    openapi::list_of(channels())
}

pub(super) fn statuses() -> openapi::SchemaOrRef {
    openapi::one_of(VerificationStatus::ALL.map(VerificationStatus::name))
}

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVerification)]
pub(super) struct VerificationIn {
    /// The phone number, as people write it, with its country code unless the client has a country.
    #[schema(example = "+12065550110")]
    to: String,
    /// `sms`, as it is without, `call` or `whatsapp`.
    #[schema(schema_with = channels)]
    channel: Option<String>,
    /// A code of your own: 4 to 10 digits.
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Secret>,
    /// Digits of ours: 4 to 10; unless given, as its service says, or 6.
    code_length: Option<u8>,
    /// How long the code opens it: 5s to 24h; unless given, as its service says, or 10m.
    #[schema(value_type = Option<String>, example = "10m")]
    ttl: Option<DurationSetting>,
    /// The service that it is of.
    service: Option<String>,
    /// Whose code it is, as the text says; unless given, the service's name, or yours.
    name: Option<String>,
    /// The language (BCP 47); unless given, that of most people where the number is.
    #[schema(example = "pt-BR")]
    locale: Option<String>,
    /// The id of a template.
    template: Option<String>,
    /// What stands in the places that are the template's own.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    substitutions: BTreeMap<String, String>,
    /// The hash of an Android app, which then reads the code from the text.
    #[schema(example = "FA+9qCX9VSu")]
    app_hash: Option<String>,
    /// The host of a web page into which browsers then put the code.
    #[schema(example = "login.example.com")]
    web_otp_host: Option<String>,
    /// Limits of yours by which it counts, each with a value.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    rate_limits: BTreeMap<String, String>,
    /// From where the person asks for it.
    #[schema(value_type = Option<String>, example = "192.0.2.1")]
    device_ip: Option<IpAddr>,
    /// The number that it comes from; unless given, one is chosen.
    from: Option<String>,
    /// On what it goes, in this order, where it fails at the carrier.
    #[serde(default)]
    #[schema(schema_with = all_channels)]
    fallback: Vec<String>,
    /// `false`, by your auth token: the guard does not block it.
    risk_check: Option<bool>,
    /// Keys that are pressed once a call is answered.
    send_digits: Option<String>,
    /// Anything of yours, kept with it: 4096 characters of JSON at most.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Json>>,
    /// Where the status of its texts is posted.
    callback_url: Option<String>,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationResend)]
pub(super) struct ResendIn {
    /// Unless given, that on which it went last.
    #[schema(schema_with = channels)]
    pub(super) channel: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationCode)]
pub(super) struct CodeIn {
    /// As the person has typed it: a text, since codes begin with noughts too.
    #[schema(value_type = String, example = "012345")]
    pub(super) code: Secret,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationCodeOfNumber)]
pub(super) struct CodeOfIn {
    /// The phone number, written in any way.
    #[schema(example = "+12065550110")]
    to: String,
    /// The service that the verification is of, if any.
    service: Option<String>,
    /// As the person has typed it: a text, since codes begin with noughts too.
    #[schema(value_type = String, example = "012345")]
    pub(super) code: Secret,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(super) struct VerificationOut<'a> {
    id: String,
    service_id: Option<String>,
    to: &'a str,
    /// On which its code went last.
    #[schema(schema_with = channels)]
    channel: &'static str,
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// Codes that may still be tried.
    attempts_left: i64,
    /// How often its code was sent; what failed at the carrier does not count.
    sends: i64,
    sends_left: i64,
    code_length: i64,
    name: Option<&'a str>,
    /// As it was asked for; null: that of its country.
    locale: Option<&'a str>,
    /// On what it goes next where it fails at the carrier.
    #[schema(schema_with = all_channels)]
    fallback: Vec<&'static str>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a Map<String, Json>>,
    /// What may go wrong with its text on some phones.
    #[schema(value_type = Vec<String>)]
    warnings: &'a [String],
    expires_at: String,
    created_at: String,
    updated_at: String,
    ended_at: Option<String>,
}

/// What came of a code.
#[derive(Serialize, ToSchema)]
#[schema(as = VerificationCheck)]
pub(super) struct CodeCheckOut<'a> {
    id: String,
    to: &'a str,
    /// `pending`: the code is wrong, and another may be tried.
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// This code was the right one.
    valid: bool,
    attempts_left: i64,
}

pub(super) fn out(one: &Verification) -> VerificationOut<'_> {
    VerificationOut {
        id: one.id.to_string(),
        service_id: one.service.map(|id: VerificationServiceId| id.to_string()),
        to: &one.address,
        channel: one.channel.name(),
        status: one.status.name(),
        attempts_left: if one.status.is_over() { 0 } else { one.tries_left() },
        sends: one.sends,
        sends_left: if one.status.is_over() { 0 } else { (one.max_sends - one.sends).max(0) },
        code_length: one.code_length,
        name: one.extra.name.as_deref(),
        locale: one.extra.locale.as_deref(),
        fallback: one.extra.fallback.iter().map(|channel| channel.name()).collect(),
        metadata: one.extra.metadata.as_ref(),
        warnings: &one.extra.warnings,
        expires_at: rfc3339(one.expires_ms),
        created_at: rfc3339(one.created_ms),
        updated_at: rfc3339(one.changed_ms),
        ended_at: one.ended_ms.map(rfc3339),
    }
}

pub(super) fn checked(found: &CheckResult) -> CodeCheckOut<'_> {
    let one = &found.verification;
    let (status, attempts_left) = match found.outcome {
        CheckOutcome::Approved => (VerificationStatus::Approved, 0),
        // the last that may be tried is one of them: only the next is told that there were too many
        CheckOutcome::Wrong { left } => (VerificationStatus::Pending, left),
        CheckOutcome::Over => (one.status, 0),
    };
    let valid = found.outcome == CheckOutcome::Approved;
    CodeCheckOut { id: one.id.to_string(), to: &one.address, status: status.name(), valid, attempts_left }
}

/// A blank before it is a plus that was a form's.
fn number(text: &str, country: Option<Country>) -> Result<(Option<Channel>, Address), Refusal> {
    written::address("to", &blank_as_plus(text), AddressRole::Recipient, country)
}

pub(super) fn service(text: &str) -> Result<VerificationServiceId, Refusal> {
    text.parse().map_err(|_| reply::bad_field("service", "must be a service of yours"))
}

pub(super) fn target(posted: &CodeOfIn, country: Option<Country>) -> Result<CheckTarget, Refusal> {
    let service = posted.service.as_deref().map(service).transpose()?;
    let (_, to) = number(&posted.to, country)?;
    Ok(CheckTarget::Number { service, to })
}

pub(super) fn order(posted: VerificationIn, country: Option<Country>) -> Result<VerificationOrder, Refusal> {
    let (named, to) = number(&posted.to, country)?;
    let said = posted.channel.map(|name| channel("channel", &name)).transpose()?;
    let fallback = posted.fallback.iter().map(|name| channel("fallback", name)).collect::<Result<_, _>>()?;
    let template = |text: String| -> Result<VerificationTemplateId, Refusal> {
        text.parse().map_err(|_| reply::bad_field("template", "must be the id of a template"))
    };
    let from = posted.from.map(|from| written::address("from", &from, AddressRole::Sender, country)).transpose()?;
    let (named_by_from, from) = from.map_or((None, None), |(named, from)| (named, Some(from)));
    let going = written::channel(said.map(CodeChannel::channel), [("to", named), ("from", named_by_from)])?;
    let unsaid = if going == Channel::Whatsapp { CodeChannel::Whatsapp } else { CodeChannel::Sms };
    Ok(VerificationOrder {
        service: posted.service.as_deref().map(service).transpose()?,
        code: posted.code,
        code_length: posted.code_length,
        ttl: posted.ttl,
        name: posted.name,
        locale: posted.locale,
        template: posted.template.map(template).transpose()?,
        substitutions: posted.substitutions,
        app_hash: posted.app_hash,
        web_otp_host: posted.web_otp_host,
        rate_limits: posted.rate_limits,
        device_ip: posted.device_ip,
        from: from.map(SenderChoice::Address),
        fallback,
        risk_check: posted.risk_check.unwrap_or(true),
        send_digits: posted.send_digits,
        metadata: posted.metadata,
        callback_url: posted.callback_url,
        ..VerificationOrder::new(to, said.unwrap_or(unsaid), VerificationDoor::V1)
    })
}

//! `Verifications` of a service: a code goes out, goes out again, or is given up.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::PARAMETER;
use super::order::order;
use super::payment::ConfirmedPayment;
use super::{lookup, refusal, service_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatRefusal, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::verification::context;
use crate::http::{idempotency, reply, segment};
use crate::model::address::{AddressKind, AddressRole, blank_as_plus};
use crate::model::{Address, CodeChannel, VerificationStatus};
use crate::service::client::KeyScope;
use crate::service::verification::{CreateResult, SentText, ServiceSettings, Verification, VerificationService};
use crate::service::{Error, ErrorKind};

/// What is the same where a verification is shown, and where a check is.
pub(super) fn common(found: &Verification, status: VerificationStatus) -> Value {
    let payment = ConfirmedPayment::kept(found);
    let (amount, payee) = payment.map_or((None, None), |paid| (Some(paid.amount), Some(paid.payee)));
    json!({
        "account_sid": sid::account(found.client),
        "amount": amount,
        "channel": found.channel.name(),
        "date_created": date::iso8601(found.created_ms),
        "date_updated": date::iso8601(found.changed_ms),
        "payee": payee,
        "service_sid": found.service.map(sid::verify_service),
        "sid": sid::verification(found.id),
        "status": status.name(),
        "to": found.address,
        "valid": status == VerificationStatus::Approved,
    })
}

/// Channels as they stand in the list of what was sent.
fn sent_on(channel: CodeChannel) -> &'static str {
    match channel {
        CodeChannel::Sms => "SMS",
        CodeChannel::Call => "CALL",
        CodeChannel::Whatsapp => "whatsapp",
    }
}

fn sent(texts: &[SentText]) -> Value {
    let one = |text: &SentText| {
        json!({
            "attempt_sid": sid::attempt(text.message),
            "channel": sent_on(text.channel),
            "time": date::iso8601(text.at_ms),
        })
    };
    texts.iter().map(one).collect()
}

fn out(base: &ReplyBaseUrl, settings: &ServiceSettings, found: &Verification, texts: &[SentText]) -> Value {
    let path = found.service.map(service_path).unwrap_or_default();
    let mut shown = common(found, found.status);
    shown["lookup"] = lookup::out(settings, &found.address);
    shown["send_code_attempts"] = sent(texts);
    shown["sna"] = Value::Null;
    shown["url"] = json!(base.join(&format!("{path}/Verifications/{}", sid::verification(found.id))));
    shown
}

async fn shown(visit: &TwilioCompatRequest<'_>, service: &VerificationService, found: &Verification) -> Result<Value> {
    let texts = visit.app.verifications.sent(found.id).await?;
    Ok(out(&visit.base(), &service.settings, found, &texts))
}

/// What was answered when the same request came first. What had been sent by then was not known when it was kept.
async fn replayed(visit: &TwilioCompatRequest<'_>, kept: String) -> TwilioCompatResult {
    let mut told: Value = serde_json::from_str(&kept).unwrap_or_default();
    let Some(id) = told["sid"].as_str().and_then(sid::parse_verification) else {
        return Ok(reply::replayed(StatusCode::CREATED, kept));
    };
    let mut all = visit.app.verifications.sent(id).await?;
    // ISO 8601 in one form: the texts are in the order of the times
    let until = told["date_updated"].as_str().unwrap_or_default().to_owned();
    all.retain(|one| date::iso8601(one.at_ms) <= until);
    told["send_code_attempts"] = sent(&all);
    Ok(reply::replayed(StatusCode::CREATED, told.to_string()))
}

/// Why a code does not go out, by the parameters that say what.
fn refused(error: Error) -> TwilioCompatRefusal {
    let field = error.field.map(|field| match field {
        "code" => "CustomCode",
        "name" => "CustomFriendlyName",
        other => other,
    });
    refusal::of(Error { field, ..error })
}

/// `POST …/Verifications`: 201, where its code is on its way, for the first time or again.
pub(super) async fn create(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    posted: UnreadBody,
) -> TwilioCompatResult {
    visit.may(KeyScope::Verify)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let key = idempotency::twilio_key(visit.request, "/v2/Services/Verifications")?;
    let (order, base) = (order(visit, service, &form)?, visit.base());
    let text = |made: &Verification| out(&base, &service.settings, made, &[]).to_string();
    let context = context(visit.request, "verification.create");
    let made = visit.app.verifications.create(&visit.consumer, order, key, &text, &context).await;
    match made.map_err(refused)? {
        CreateResult::Sent(made, _) => Ok(reply::json(StatusCode::CREATED, &shown(visit, service, &made).await?)),
        CreateResult::Again(kept) => replayed(visit, kept.text).await,
    }
}

/// The verification of this SID, or the one that stands under this number.
async fn named(visit: &TwilioCompatRequest<'_>, service: &VerificationService, name: &str) -> Result<Verification> {
    let (verifications, client) = (&visit.app.verifications, service.client);
    if let Some(id) = sid::parse_verification(name) {
        return of_service(verifications.find(client, id).await?, service);
    }
    let to = number(visit, name).ok_or(NOT_FOUND)?;
    Ok(verifications.find_last(client, Some(service.id), &to).await?)
}

/// A phone number in a path.
pub(super) fn number(visit: &TwilioCompatRequest<'_>, name: &str) -> Option<Address> {
    let text = segment(name)?;
    let (_, address) = Address::read(&blank_as_plus(&text), AddressRole::Recipient, visit.country()).ok()?;
    (address.kind() == AddressKind::Phone).then_some(address)
}

/// Only where it is this service's.
pub(super) fn of_service(found: Verification, service: &VerificationService) -> Result<Verification> {
    if found.service == Some(service.id) { Ok(found) } else { Err(NOT_FOUND.into()) }
}

/// Twilio forgets those that are approved, expired, given up or replaced.
fn is_shown(status: VerificationStatus) -> bool {
    matches!(status, VerificationStatus::Pending | VerificationStatus::MaxAttemptsReached)
}

/// `GET …/Verifications/<sid or number>`
pub(super) async fn fetch(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    name: &str,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let found = named(visit, service, name).await?;
    if !is_shown(found.status) {
        return Err(NOT_FOUND.into());
    }
    Ok(reply::json(StatusCode::OK, &shown(visit, service, &found).await?))
}

/// `POST …/Verifications/<sid or number>`: `Status=canceled` gives it up; `approved` is for who checked its code
/// elsewhere. One that was guessed at too often is given up already, and is shown so.
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    name: &str,
    posted: UnreadBody,
) -> TwilioCompatResult {
    visit.may(KeyScope::Verify)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let found = named(visit, service, name).await?;
    if !is_shown(found.status) {
        return Err(NOT_FOUND.into());
    }
    let verifications = &visit.app.verifications;
    let ended = match form.one("Status") {
        Some("canceled") if found.status == VerificationStatus::MaxAttemptsReached => Ok(found),
        Some("canceled") => {
            let context = context(visit.request, "verification.cancel");
            verifications.cancel(&visit.consumer, found.id, &context).await
        }
        Some("approved") => {
            let context = context(visit.request, "verification.approve");
            verifications.approve(&visit.consumer, found.id, &context).await
        }
        _ => return Err(PARAMETER.because("Status must be canceled or approved")),
    };
    Ok(reply::json(StatusCode::OK, &shown(visit, service, &ended.map_err(not_ended)?).await?))
}

/// What is over by now is forgotten.
fn not_ended(error: Error) -> TwilioCompatRefusal {
    if error.kind == ErrorKind::Conflict { NOT_FOUND.into() } else { refusal::of(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_forgotten_unless_it_was_guessed_at() {
        let shown: Vec<_> = VerificationStatus::ALL.into_iter().filter(|status| is_shown(*status)).collect();
        assert_eq!(shown, [VerificationStatus::Pending, VerificationStatus::MaxAttemptsReached]);
    }
}

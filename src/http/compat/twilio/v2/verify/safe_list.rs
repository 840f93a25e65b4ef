//! `SafeList/Numbers`: whom the guard never blocks, each by their number.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::PARAMETER;
use super::verification::number;
use super::{may_own, refusal};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::{RequestParts, audit, reply};
use crate::model::address::{AddressKind, AddressRole};
use crate::service::audit::AuditContext;
use crate::service::client::KeyScope;
use crate::service::guard::{NewSafeListEntry, SafeKind, SafeListEntry};

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, SafeListEntry> {
    audit::context(request, action, |one: &SafeListEntry| {
        audit::json(&json!({ "id": one.id.to_string(), "kind": one.kind.name(), "value": one.value }))
    })
}

fn out(base: &ReplyBaseUrl, entry: &SafeListEntry) -> Value {
    json!({
        "phone_number": entry.value,
        "sid": sid::safe_list_entry(entry.id),
        "url": base.join(&format!("/v2/SafeList/Numbers/{}", entry.value)),
    })
}

/// The entry of this number.
async fn find(visit: &TwilioCompatRequest<'_>, name: &str) -> Result<SafeListEntry> {
    let number = number(visit, name).ok_or(NOT_FOUND)?;
    Ok(visit.app.guard.find_safe_number(visit.consumer.client, &number).await?)
}

/// `POST SafeList/Numbers`
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, posted: UnreadBody) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let read = form.address("PhoneNumber", AddressRole::Recipient, visit.country());
    let read = read.ok_or_else(|| PARAMETER.because("PhoneNumber is missing"))?;
    let (_, number) = read.map_err(|error| PARAMETER.because(&format!("PhoneNumber {error}")))?;
    if number.kind() != AddressKind::Phone {
        return Err(PARAMETER.because("PhoneNumber must be a phone number"));
    }
    let new = NewSafeListEntry { kind: SafeKind::Number, value: number.as_str().to_owned() };
    let context = context(visit.request, "guard.add_safe");
    let added = visit.app.guard.add_safe(visit.consumer.client, new, &context).await.map_err(refusal::of)?;
    Ok(reply::json(StatusCode::CREATED, &out(&visit.base(), &added)))
}

/// `GET SafeList/Numbers/<number>`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, name: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), &find(visit, name).await?)))
}

/// `DELETE SafeList/Numbers/<number>`
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, name: &str) -> TwilioCompatResult {
    may_own(visit)?;
    let entry = find(visit, name).await?;
    let context = context(visit.request, "guard.remove_safe");
    visit.app.guard.remove_safe(entry.client, entry.id, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

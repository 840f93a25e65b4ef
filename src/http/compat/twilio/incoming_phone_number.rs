//! `IncomingPhoneNumbers`: the account's numbers, by the SIDs that Proxy takes.

use std::sync::Arc;

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::{self, Result, TwilioCompatResult};
use super::form::TwilioForm;
use super::page::RequestedPage;
use super::{TwilioCompatRequest, VERSION, date, shape, sid};
use crate::http::reply;
use crate::model::Address;
use crate::model::address::{AddressKind, AddressRole};
use crate::service::client::KeyScope;
use crate::service::directory::SenderNumber;
use crate::service::number::{Number, NumberCapability};

/// What is the same for all numbers.
const SAME: [(&str, &str); 17] = [
    ("address_requirements", "none"),
    ("emergency_address_status", "unregistered"),
    ("emergency_status", "Inactive"),
    ("origin", "twilio"),
    ("sms_application_sid", ""),
    ("sms_fallback_method", "POST"),
    ("sms_fallback_url", ""),
    ("sms_method", "POST"),
    ("sms_url", ""),
    ("status", "in-use"),
    ("status_callback", ""),
    ("status_callback_method", "POST"),
    ("voice_application_sid", ""),
    ("voice_fallback_method", "POST"),
    ("voice_fallback_url", ""),
    ("voice_method", "POST"),
    ("voice_url", ""),
];

/// What a number can do; so Proxy has it, too.
pub(super) fn capabilities(number: &Number) -> Value {
    let can = |what| number.capabilities.contains(&what);
    json!({
        "fax": false,
        "mms": can(NumberCapability::Mms),
        "sms": can(NumberCapability::Sms),
        "voice": can(NumberCapability::Voice),
    })
}

/// All that Twilio's libraries read of a number; null where there is none. What a text or a call to it means is said
/// elsewhere.
fn out(number: &Number) -> Value {
    let (sid, created) = (sid::phone_number(number.id), date::rfc2822(number.created_ms));
    let mut shown = json!({
        "account_sid": sid::account(number.client),
        "address_sid": null,
        "api_version": VERSION,
        "beta": false,
        "bundle_sid": null,
        "capabilities": capabilities(number),
        "date_created": created,
        "date_updated": created,
        "emergency_address_sid": null,
        "friendly_name": number.address,
        "identity_sid": null,
        "phone_number": number.address,
        "sid": sid,
        "subresource_uris": {},
        "trunk_sid": null,
        "uri": shape::path(number.client, &format!("/IncomingPhoneNumbers/{sid}.json")),
        "voice_caller_id_lookup": false,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(SAME.map(|(name, value)| (name.to_owned(), Value::from(value))));
    }
    shown
}

/// Whether people can text or call it: sender names and short codes are no phone numbers.
fn is_phone(number: &Number) -> bool {
    Address::stored(number.address.as_str()).kind() == AddressKind::Phone
}

/// The number that a list is narrowed to.
fn wanted(visit: &TwilioCompatRequest<'_>, form: &TwilioForm) -> Result<Option<String>> {
    let read = form.address("PhoneNumber", AddressRole::Sender, visit.country()).transpose();
    let read = read.map_err(|reason| error::PARAMETER.because(&format!("PhoneNumber {reason}")))?;
    Ok(read.map(|(_, number)| number.as_str().to_owned()))
}

/// `GET IncomingPhoneNumbers.json`: newest first, narrowed by `PhoneNumber`, which is a whole one, and by
/// `FriendlyName`, which is the number as it is shown.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (asked, wanted) = (RequestedPage::of(&form, &visit.app.messages)?, wanted(visit, &form)?);
    let client = visit.consumer.client;
    // as it is, not as it was a second ago
    visit.app.numbers.directory.refresh().await?;
    let entries = visit.app.numbers.directory.current();
    let name = form.one("FriendlyName");
    let fits = |one: &&Arc<SenderNumber>| {
        wanted.as_ref().is_none_or(|wanted| *wanted == one.number.address)
            && name.is_none_or(|name| name == one.number.address)
            && is_phone(&one.number)
    };
    let mut senders: Vec<Arc<SenderNumber>> = entries.senders_of(client).iter().filter(fits).cloned().collect();
    let held = asked.cut(&mut senders, |one| one.number.id);
    let items: Vec<Value> = senders.iter().map(|one| out(&one.number)).collect();
    let path = shape::path(client, "/IncomingPhoneNumbers.json");
    Ok(asked.reply(&form, &path, "incoming_phone_numbers", &items, &held))
}

/// `GET IncomingPhoneNumbers/<sid>.json`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let id = sid::parse_phone_number(sid).ok_or(error::NOT_FOUND)?;
    let number = visit.app.numbers.find(visit.consumer.client, id).await?;
    if is_phone(&number) { Ok(reply::json(StatusCode::OK, &out(&number))) } else { Err(error::NOT_FOUND.into()) }
}

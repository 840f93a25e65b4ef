//! `PhoneNumbers`: the numbers of a service.

use std::collections::HashMap;
use std::sync::Arc;

use ::http::StatusCode;
use serde_json::{Value, json};

use super::{may_own, refusal, service_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, PARAMETER, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::incoming_phone_number::capabilities;
use crate::http::compat::twilio::meta_page::MetaPage;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::v1::error::{NOT_IN_SERVICE, PHONE_NUMBER_SID};
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::{number, reply};
use crate::model::address::{AddressKind, AddressRole};
use crate::model::{Address, NumberId, PoolBound};
use crate::service::client::KeyScope;
use crate::service::directory::SenderNumber;
use crate::service::number::{Number, NumberChange, Pool};

fn out(base: &ReplyBaseUrl, service: &Pool, number: &Number, in_use: i64) -> Value {
    let (sid, created) = (sid::phone_number(number.id), date::iso8601(number.created_ms));
    json!({
        "account_sid": sid::account(number.client),
        "capabilities": capabilities(number),
        "date_created": created,
        "date_updated": created,
        "friendly_name": number.address,
        "in_use": in_use,
        "is_reserved": number.is_reserved,
        "iso_country": number.country,
        "phone_number": number.address,
        "service_sid": sid::service(service.id),
        "sid": sid,
        "url": base.join(&format!("{}/PhoneNumbers/{sid}", service_path(service.id))),
    })
}

async fn shown(visit: &TwilioCompatRequest<'_>, service: &Pool, number: &Number) -> Result<Value> {
    let in_use = visit.app.numbers.open_sessions(&[number.id]).await?;
    Ok(out(&visit.base(), service, number, in_use.get(&number.id).copied().unwrap_or(0)))
}

/// The number of this SID, which is this service's.
async fn find(visit: &TwilioCompatRequest<'_>, service: &Pool, sid: &str) -> Result<Number> {
    let id = sid::parse_phone_number(sid).ok_or(PHONE_NUMBER_SID)?;
    let number = visit.app.numbers.find(service.client, id).await?;
    if number.pool == Some(service.id) { Ok(number) } else { Err(NOT_FOUND.into()) }
}

/// The account's number that is named by its SID or as it is dialled.
async fn named(visit: &TwilioCompatRequest<'_>, form: &TwilioForm) -> Result<Number> {
    let client = visit.consumer.client;
    let id = match (form.one("Sid"), form.address("PhoneNumber", AddressRole::Sender, visit.country())) {
        (Some(sid), _) => sid::parse_phone_number(sid).ok_or(PHONE_NUMBER_SID)?,
        (None, Some(number)) => {
            let (_, number) = number.map_err(|error| PARAMETER.because(&format!("PhoneNumber {error}")))?;
            // another node may just have added it
            visit.app.numbers.directory.refresh().await?;
            let entries = visit.app.numbers.directory.current();
            let known = entries.sender(number.as_str()).filter(|sender| sender.number.client == client);
            known.map(|sender| sender.number.id).ok_or(NOT_FOUND)?
        }
        (None, None) => return Err(PARAMETER.because("Sid or PhoneNumber is missing")),
    };
    Ok(visit.app.numbers.find(client, id).await?)
}

/// Marks it as one that is never chosen, or that is chosen again.
async fn reserve(visit: &TwilioCompatRequest<'_>, number: Number, is_reserved: Option<bool>) -> Result<Number> {
    if is_reserved.is_none_or(|is_reserved| is_reserved == number.is_reserved) {
        return Ok(number);
    }
    let (change, context) =
        (NumberChange { is_reserved, ..NumberChange::default() }, number::context(visit.request, "number.change"));
    let changed = visit.app.numbers.change(number.client, number.id, change, &context).await;
    changed.map_err(|error| refusal::of(error, PoolBound::None))
}

/// `GET …/PhoneNumbers`
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, service: &Pool) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    // as it is, not as it was a second ago
    visit.app.numbers.directory.refresh().await?;
    let entries = visit.app.numbers.directory.current();
    let all = entries.senders_of(service.client).iter().filter(|sender| sender.number.pool == Some(service.id));
    let all: Vec<Arc<SenderNumber>> = all.cloned().collect();
    let (senders, edges) = page.cut(all, |sender| sender.number.id);
    let ids: Vec<NumberId> = senders.iter().map(|sender| sender.number.id).collect();
    let in_use: HashMap<NumberId, i64> = visit.app.numbers.open_sessions(&ids).await?;
    let count = |id: NumberId| in_use.get(&id).copied().unwrap_or(0);
    let items: Vec<Value> =
        senders.iter().map(|sender| out(&base, service, &sender.number, count(sender.number.id))).collect();
    let path = format!("{}/PhoneNumbers", service_path(service.id));
    Ok(page.reply(&form, (&base, path.as_str()), "phone_numbers", &items, edges))
}

/// `POST …/PhoneNumbers`: a number of the account is the service's from now on; one of another service is not.
pub(super) async fn add(visit: &TwilioCompatRequest<'_>, service: &Pool, posted: UnreadBody) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let is_reserved = form.flag("IsReserved")?;
    let number = named(visit, &form).await?;
    if Address::stored(number.address.as_str()).kind() != AddressKind::Phone {
        return Err(PARAMETER.because("PhoneNumber must be a phone number, which people can text and call"));
    }
    if number.pool.is_some_and(|other| other != service.id) {
        return Err(NOT_IN_SERVICE.because("it is in another one, and in one at most"));
    }
    // before it may be chosen
    let number = reserve(visit, number, is_reserved).await?;
    let context = number::context(visit.request, "pool.put");
    let put = visit.app.numbers.add_to_pool(service.client, service.id, number.id, &context).await;
    put.map_err(|error| refusal::of(error, PoolBound::None))?;
    Ok(reply::json(StatusCode::CREATED, &shown(visit, service, &number).await?))
}

/// `GET …/PhoneNumbers/<sid>`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, service: &Pool, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let number = find(visit, service, sid).await?;
    Ok(reply::json(StatusCode::OK, &shown(visit, service, &number).await?))
}

/// `POST …/PhoneNumbers/<sid>`: whether it is reserved.
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    sid: &str,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let is_reserved = TwilioForm::posted(visit, posted).await?.flag("IsReserved")?;
    let number = find(visit, service, sid).await?;
    let number = reserve(visit, number, is_reserved).await?;
    Ok(reply::json(StatusCode::OK, &shown(visit, service, &number).await?))
}

/// `DELETE …/PhoneNumbers/<sid>`: it stays the account's. It is refused while it is in open sessions.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, service: &Pool, sid: &str) -> TwilioCompatResult {
    may_own(visit)?;
    let number = find(visit, service, sid).await?;
    let context = number::context(visit.request, "pool.take_out");
    let taken = visit.app.numbers.take_out_of_pool(service.client, service.id, number.id, &context).await;
    taken.map_err(|error| refusal::of(error, PoolBound::None))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

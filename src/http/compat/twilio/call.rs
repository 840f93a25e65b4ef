//! `Calls`: placing them, and how they stand.

use ::http::StatusCode;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::Map;

use super::error::{self, Result, TwilioCompatRefusal, TwilioCompatResult};
use super::form::TwilioForm;
use super::message::times;
use super::page::{PageEdges, RequestedPage};
use super::refusal::{self, TwilioRefusalCodes, TwilioRefusalContext};
use super::{TwilioCompatRequest, VERSION, date, plan, shape, sid};
use crate::http::body::UnreadBody;
use crate::http::message::{IdempotentReplyWriter, accept, context, sending};
use crate::http::{idempotency, reply};
use crate::model::address::{AddressKind, AddressRole, Country};
use crate::model::{CallStatus, Channel, MessageId, Millis};
use crate::service::ErrorKind;
use crate::service::call::{Call, CallHangupMode};
use crate::service::client::KeyScope;
use crate::service::message::{Filter, Message, OrderResult};
use crate::service::relay::{Order, SenderChoice};

const WORDS: TwilioRefusalCodes = TwilioRefusalCodes {
    no_from: error::NO_CALLER,
    sender: error::CALLER,
    route: error::CALL_ROUTE,
    region: error::CALL_REGION,
};

/// What Twilio would change of a call under way.
const NOT_CHANGED: [(&str, &[&str]); 8] = [
    ("FallbackMethod", &[]),
    ("FallbackUrl", &[]),
    ("Method", &[]),
    ("StatusCallback", &[]),
    ("StatusCallbackMethod", &[]),
    ("TimeLimit", &[]),
    ("Twiml", &[]),
    ("Url", &[]),
];

/// A call as Twilio writes it.
struct TwilioCompatCallOut<'a>(&'a Message, Call);

/// All that Twilio's description of a call names; null where there is none.
impl Serialize for TwilioCompatCallOut<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(call, kept) = self;
        let sid = sid::call(call.id);
        let mut out = to.serialize_struct("TwilioCallOut", 26)?;
        out.serialize_field("account_sid", &sid::account(call.client))?;
        out.serialize_field("answered_by", &())?;
        out.serialize_field("api_version", VERSION)?;
        out.serialize_field("caller_name", &())?;
        out.serialize_field("date_created", &date::rfc2822(call.created_ms))?;
        out.serialize_field("date_updated", &date::rfc2822(call.changed_ms))?;
        out.serialize_field("direction", "outbound-api")?;
        out.serialize_field("duration", &kept.duration.map(|seconds| seconds.to_string()))?;
        out.serialize_field("end_time", &kept.ended_ms.map(date::rfc2822))?;
        out.serialize_field("forwarded_from", &())?;
        out.serialize_field("from", &call.from)?;
        out.serialize_field("from_formatted", &call.from)?;
        out.serialize_field("group_sid", &())?;
        out.serialize_field("parent_call_sid", &())?;
        out.serialize_field("phone_number_sid", &())?;
        out.serialize_field("price", &shape::price(call))?;
        out.serialize_field("price_unit", shape::CURRENCY)?;
        out.serialize_field("queue_time", "0")?;
        out.serialize_field("sid", &sid)?;
        out.serialize_field("start_time", &kept.started_ms.map(date::rfc2822))?;
        out.serialize_field("status", CallStatus::shown(call.state, kept.status).name())?;
        out.serialize_field("subresource_uris", &Map::new())?;
        out.serialize_field("to", &call.to)?;
        out.serialize_field("to_formatted", &call.to)?;
        out.serialize_field("trunk_sid", &())?;
        out.serialize_field("uri", &shape::path(call.client, &format!("/Calls/{sid}.json")))?;
        out.end()
    }
}

fn out<'a>(call: &'a Message, kept: Option<&Call>) -> TwilioCompatCallOut<'a> {
    TwilioCompatCallOut(call, kept.copied().unwrap_or_default())
}

/// `POST Calls.json`: 201 means that it is stored, and will be placed or accounted for.
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, posted: UnreadBody) -> TwilioCompatResult {
    let order = order(&TwilioForm::posted(visit, posted).await?, visit.country())?;
    let wish = TwilioRefusalContext::of(&order);
    let context = sending(visit.request, "call.place");
    let key = idempotency::twilio_key(visit.request, "/2010-04-01/Calls")?;
    let text = |call: &Message| serde_json::to_string(&out(call, None)).unwrap_or_default();
    let reply = IdempotentReplyWriter { text: &text, with_balance: false };
    let told = accept(visit.app, &visit.consumer, order, key, &reply, &context).await;
    match told.map_err(|error| refusal::of(visit, &WORDS, &wish, error))? {
        OrderResult::Accepted(call, _) => Ok(reply::json(StatusCode::CREATED, &out(&call, None))),
        OrderResult::Again(kept) => Ok(reply::replayed(StatusCode::CREATED, kept.text)),
    }
}

fn order(form: &TwilioForm, country: Option<Country>) -> Result<Order> {
    let to = form.address("To", AddressRole::Recipient, country).ok_or(error::NO_CALLEE)?;
    let (channel, to) = to.map_err(|error| error::TO.because(&error.to_string()))?;
    if channel != Channel::Sms || to.kind() != AddressKind::Phone {
        return Err(error::TO.into());
    }
    let from = form.address("From", AddressRole::Sender, country).transpose();
    let from = from.map_err(|error| error::FROM.because(&error.to_string()))?.map(|(_, from)| from);
    Ok(Order {
        from: from.map(SenderChoice::Address),
        callback_url: form.one("StatusCallback").map(str::to_owned),
        is_twilio: true,
        call: Some(plan::of(form)?),
        ..Order::new(Channel::Voice, to)
    })
}

/// `GET Calls.json`: newest first, narrowed by `To`, `From`, `Status`, `EndTime`, and `StartTime`, which is when it
/// was accepted.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let asked = RequestedPage::of(&form, &visit.app.messages)?;
    let address = |name: &str, role| -> Result<Option<String>> {
        let read = form.address(name, role, visit.country()).transpose();
        let read = read.map_err(|reason| error::PARAMETER.because(&format!("{name} {reason}")))?;
        Ok(read.map(|(_, address)| address.as_str().to_owned()))
    };
    let (created_from_ms, created_before_ms) = times(&form, "StartTime")?;
    let (from, to, channels) =
        (address("From", AddressRole::Sender)?, address("To", AddressRole::Recipient)?, vec![Channel::Voice]);
    let filter = Filter { from, to, channels, created_from_ms, created_before_ms, ..Filter::default() };
    let fits = CallCriteria::of(&form)?;
    let path = shape::path(visit.consumer.client, "/Calls.json");
    // no call of ours has begotten another
    if form.one("ParentCallSid").is_some() {
        return Ok(asked.reply::<TwilioCompatCallOut>(&form, &path, "calls", &[], &PageEdges::of(&[], None)));
    }
    let page = visit.app.messages.list(visit.consumer.client, &asked.narrow(filter), asked.size).await?;
    let ids: Vec<MessageId> = page.messages.iter().map(|call| call.id).collect();
    let kept = visit.app.messages.calls_of(&ids).await?;
    let items = page.messages.iter().map(|call| (call, kept.get(&call.id)));
    let items: Vec<_> =
        items.filter(|(call, kept)| fits.has(call, *kept)).map(|(call, kept)| out(call, kept)).collect();
    let held = PageEdges::of(&page.messages, visit.app.messages.next(&page));
    Ok(asked.reply(&form, &path, "calls", &items, &held))
}

/// What is asked of how calls stand: a page holds those of its calls that fit.
struct CallCriteria {
    status: Option<CallStatus>,
    ended: (Option<Millis>, Option<Millis>),
}

impl CallCriteria {
    fn of(form: &TwilioForm) -> Result<Self> {
        let status = form.one("Status").map(|name| CallStatus::parse(name).ok_or(error::PARAMETER.because("Status")));
        Ok(Self { status: status.transpose()?, ended: times(form, "EndTime")? })
    }

    fn has(&self, call: &Message, kept: Option<&Call>) -> bool {
        let kept = kept.copied().unwrap_or_default();
        let (from, before) = self.ended;
        let is_past = |limit: Option<Millis>| limit.is_none_or(|limit| kept.ended_ms.is_some_and(|at| at >= limit));
        let is_before = |limit: Option<Millis>| limit.is_none_or(|limit| kept.ended_ms.is_some_and(|at| at < limit));
        let is_so = |status: CallStatus| CallStatus::shown(call.state, kept.status) == status;
        self.status.is_none_or(is_so) && is_past(from) && is_before(before)
    }
}

/// The call of that SID, and how it stands.
async fn find(visit: &TwilioCompatRequest<'_>, sid: &str) -> Result<(Message, Call)> {
    let id = sid::parse_call(sid).ok_or(error::NOT_FOUND)?;
    Ok(visit.app.messages.call_of(visit.consumer.client, id).await?.ok_or(error::NOT_FOUND)?)
}

async fn shown(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    let (call, kept) = find(visit, sid).await?;
    Ok(visit.shown(&out(&call, Some(&kept))))
}

/// `GET Calls/<sid>.json`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    shown(visit, sid).await
}

/// `POST Calls/<sid>.json`: `Status=canceled` ends it if nobody has answered, `Status=completed` in any case.
pub(super) async fn update(visit: &TwilioCompatRequest<'_>, sid: &str, posted: UnreadBody) -> TwilioCompatResult {
    visit.may(KeyScope::Voice)?;
    let form = TwilioForm::posted(visit, posted).await?;
    form.carries(&NOT_CHANGED)?;
    let (call, _) = find(visit, sid).await?;
    visit.may_change(&call)?;
    let end = match form.one("Status") {
        Some("canceled") => CallHangupMode::Canceled,
        Some("completed") => CallHangupMode::Completed,
        _ => return Err(error::PARAMETER.because("Status can only be canceled or completed")),
    };
    let context = context(visit.request, "call.end");
    visit.app.messages.end_call(call.client, call.id, end, &context).await.map_err(|error| match error.kind {
        ErrorKind::TooLate => TwilioCompatRefusal::from(error::CALL_STATE),
        _ => TwilioCompatRefusal::from(error),
    })?;
    shown(visit, sid).await
}

/// `DELETE Calls/<sid>.json`: it is gone for its client, once it is over.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Voice)?;
    let (call, _) = find(visit, sid).await?;
    visit.may_change(&call)?;
    visit.app.messages.delete(call.client, call.id, &context(visit.request, "call.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

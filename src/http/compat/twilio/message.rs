//! `Messages`: sending, what became of it, and taking it back.

use std::collections::HashMap;

use ::http::StatusCode;

use super::error::{self, Result, TwilioCompatResult};
use super::form::TwilioForm;
use super::page::{PageEdges, RequestedPage};
use super::refusal::{self, TwilioRefusalCodes, TwilioRefusalContext};
use super::{TwilioCompatRequest, date, shape, sid};
use crate::http::body::UnreadBody;
use crate::http::compat::carried;
use crate::http::message::{IdempotentReplyWriter, accept, context, sending};
use crate::http::{idempotency, reply};
use crate::model::address::{AddressRole, Country};
use crate::model::message::Direction;
use crate::model::{Channel, DurationSetting, MessageId, Millis, date as dates, parse_time};
use crate::service::client::KeyScope;
use crate::service::message::{self, Filter, Message, OrderResult};
use crate::service::relay::{Order, SenderChoice};

const WORDS: TwilioRefusalCodes = TwilioRefusalCodes {
    no_from: error::NO_FROM,
    sender: error::SENDER,
    route: error::NO_ROUTE,
    region: error::REGION,
};

/// `POST Messages.json`: 201 means that it is stored, and will be sent or accounted for.
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, posted: UnreadBody) -> TwilioCompatResult {
    let order = order(&TwilioForm::posted(visit, posted).await?, visit.country())?;
    message::says_something(&order)?;
    let wish = TwilioRefusalContext::of(&order);
    let context = sending(visit.request, "message.send");
    let key = idempotency::twilio_key(visit.request, "/2010-04-01/Messages")?;
    let text = |message: &Message| serde_json::to_string(&shape::out(message, None)).unwrap_or_default();
    let reply = IdempotentReplyWriter { text: &text, with_balance: false };
    let told = accept(visit.app, &visit.consumer, order, key, &reply, &context).await;
    match told.map_err(|error| refusal::of(visit, &WORDS, &wish, error))? {
        OrderResult::Accepted(message, _) => Ok(reply::json(StatusCode::CREATED, &shape::out(&message, None))),
        OrderResult::Again(kept) => Ok(reply::replayed(StatusCode::CREATED, kept.text)),
    }
}

fn order(form: &TwilioForm, country: Option<Country>) -> Result<Order> {
    form.carries(&carried::MESSAGE)?;
    let to = form.address("To", AddressRole::Recipient, country).ok_or(error::NO_TO)?;
    let (channel, to) = to.map_err(|error| error::TO.because(&error.to_string()))?;
    let from = form.address("From", AddressRole::Sender, country).transpose();
    let from = match (from.map_err(|error| error::FROM.because(&error.to_string()))?, form.one("MessagingServiceSid")) {
        (Some((other, _)), _) if other != channel => return Err(error::CHANNELS.into()),
        (Some((_, from)), _) => Some(SenderChoice::Address(from)),
        (None, Some(service)) => Some(SenderChoice::Pool(sid::parse_pool(service).ok_or(error::SERVICE)?)),
        (None, None) => None,
    };
    let valid_secs = form.one("ValidityPeriod").map(|text| text.parse::<u64>().map_err(|_| error::VALIDITY));
    Ok(Order {
        channel,
        from,
        to,
        body: form.one("Body").unwrap_or_default().to_owned(),
        is_smart: form.flag("SmartEncoded")?.unwrap_or_default(),
        media_urls: form.all("MediaUrl"),
        send_at_ms: send_at(form)?,
        valid_for: valid_secs.transpose()?.map(|secs| DurationSetting::from_millis(secs.saturating_mul(1000))),
        callback_url: form.one("StatusCallback").map(str::to_owned),
        is_twilio: true,
        call: None,
        metadata: None,
        secret: None,
    })
}

fn send_at(form: &TwilioForm) -> Result<Option<Millis>> {
    match (form.one("ScheduleType"), form.one("SendAt")) {
        (Some("fixed") | None, Some(at)) => parse_time(at).map(Some).ok_or_else(|| error::SEND_AT.because(dates::TIME)),
        (Some("fixed"), None) => Err(error::NO_SEND_AT.into()),
        (Some(_), _) => Err(error::SCHEDULE.into()),
        (None, None) => Ok(None),
    }
}

/// `GET Messages.json`: newest first, narrowed by `To`, `From` and `DateSent`, which is when it was accepted.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let asked = RequestedPage::of(&form, &visit.app.messages)?;
    let filter = asked.narrow(filter(&form, visit.country())?);
    let page = visit.app.messages.list(visit.consumer.client, &filter, asked.size).await?;
    let taken = taken_at(visit, &page.messages).await?;
    let items: Vec<_> =
        page.messages.iter().map(|message| shape::out(message, taken.get(&message.id).copied())).collect();
    let held = PageEdges::of(&page.messages, visit.app.messages.next(&page));
    let path = shape::path(visit.consumer.client, "/Messages.json");
    Ok(asked.reply(&form, &path, "messages", &items, &held))
}

fn filter(form: &TwilioForm, country: Option<Country>) -> Result<Filter> {
    let mut channels = vec![Channel::Sms, Channel::Whatsapp];
    let mut address = |name: &str, role| -> Result<Option<String>> {
        let Some(read) = form.address(name, role, country) else { return Ok(None) };
        let (channel, address) = read.map_err(|reason| error::PARAMETER.because(&format!("{name} {reason}")))?;
        channels.retain(|one| *one == channel);
        Ok(Some(address.as_str().to_owned()))
    };
    let (from, to) = (address("From", AddressRole::Sender)?, address("To", AddressRole::Recipient)?);
    if channels.is_empty() {
        return Err(error::CHANNELS.into());
    }
    let (created_from_ms, created_before_ms) = times(form, "DateSent")?;
    Ok(Filter { from, to, channels, created_from_ms, created_before_ms, ..Filter::default() })
}

/// `X=`: on that day, or in that second; `X>=`: from then on; `X<=`: until then.
pub(super) fn times(form: &TwilioForm, name: &str) -> Result<(Option<Millis>, Option<Millis>)> {
    let time = |suffix: &str| -> Result<Option<date::DateRange>> {
        let name = format!("{name}{suffix}");
        let wrong = || error::PARAMETER.because(&format!("{name} {}", dates::TIME_OR_DAY));
        form.one(&name).map(|text| date::parse(text).ok_or_else(wrong)).transpose()
    };
    let (at, from, until) = (time("")?, time(">")?, time("<")?);
    let lower = [at, from].into_iter().flatten().map(|when| when.at_ms).max();
    let upper = [at.map(|when| when.at_ms + when.lasts_ms), until.map(|when| when.at_ms + 1000)];
    Ok((lower, upper.into_iter().flatten().min()))
}

async fn taken_at(visit: &TwilioCompatRequest<'_>, messages: &[Message]) -> Result<HashMap<MessageId, Millis>> {
    let sent = messages.iter().filter(|message| message.direction == Direction::Out);
    let ids: Vec<MessageId> = sent.map(|message| message.id).collect();
    Ok(visit.app.messages.taken_at(&ids).await?)
}

async fn shown(visit: &TwilioCompatRequest<'_>, message: &Message) -> TwilioCompatResult {
    let taken = taken_at(visit, std::slice::from_ref(message)).await?;
    Ok(visit.shown(&shape::out(message, taken.get(&message.id).copied())))
}

/// A client's message; a call is none.
pub(super) async fn find(visit: &TwilioCompatRequest<'_>, sid: &str) -> Result<Message> {
    let id = sid::parse_message(sid).ok_or(error::NOT_FOUND)?;
    let message = visit.app.messages.find(visit.consumer.client, id).await?;
    Ok(message.filter(|message| message.channel != Channel::Voice).ok_or(error::NOT_FOUND)?)
}

/// `GET Messages/<sid>.json`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    shown(visit, &find(visit, sid).await?).await
}

/// `POST Messages/<sid>.json`: `Status=canceled` takes it back, `Body=` empties what it said.
pub(super) async fn update(visit: &TwilioCompatRequest<'_>, sid: &str, posted: UnreadBody) -> TwilioCompatResult {
    let form = TwilioForm::posted(visit, posted).await?;
    let mut message = find(visit, sid).await?;
    visit.may_change(&message)?;
    let (status, body) = (form.one("Status"), form.given("Body"));
    // it would only be shown, which is not what this path is for
    if status.is_none() && body.is_none() {
        return Err(error::PARAMETER.because("Status or Body is missing"));
    }
    if status.is_some_and(|status| status != "canceled") {
        return Err(error::PARAMETER.because("Status can only be canceled"));
    }
    if body.is_some_and(|body| !body.is_empty()) {
        return Err(error::PARAMETER.because("Body can only be emptied"));
    }
    let messages = &visit.app.messages;
    if status.is_some() {
        message = messages.cancel(message.client, message.id, &context(visit.request, "message.cancel")).await?;
    }
    if body.is_some() {
        message = messages.redact(message.client, message.id, &context(visit.request, "message.redact")).await?;
    }
    shown(visit, &message).await
}

/// `DELETE Messages/<sid>.json`: it is gone for its client, once it is over.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, sid: &str) -> TwilioCompatResult {
    let message = find(visit, sid).await?;
    visit.may_change(&message)?;
    visit.app.messages.delete(message.client, message.id, &context(visit.request, "message.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

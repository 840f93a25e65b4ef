//! `/v1/loopback/…`: what the loopback provider was sent, and a person's phone that texts and calls by it.

use std::collections::BTreeMap;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::written::{self, text_channel, text_channels};
use super::{list, object, openapi, reply};
use crate::model::address::AddressRole;
use crate::model::rfc3339;
use crate::service::inbound::{Filter as LoopbackFilter, InboundCall, LoopbackInboundText, LoopbackMessage};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(messages, inbound_text, inbound_call, publications), None)
        .at("loopback/messages", [on(Method::GET, messages).asking(filters)])
        .at("loopback/inbound", [with_body(Method::POST, inbound_text)])
        .at("loopback/inbound-call", [with_body(Method::POST, inbound_call)])
        .at("loopback/publications", [on(Method::GET, publications)])
}

/// A text as a person sends it, and what a carrier would say of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoopbackText)]
struct LoopbackTextIn {
    /// Of any shape, as carriers have them: a number, a name, `messenger:…`.
    #[schema(example = "+14155550100")]
    from: String,
    /// One of your numbers.
    to: String,
    #[serde(default)]
    body: String,
    /// `sms`, as it is without, or `whatsapp`.
    #[schema(schema_with = text_channels)]
    channel: Option<String>,
    /// Pictures, by URL.
    #[serde(default)]
    media_urls: Vec<String>,
    /// What the carrier says besides, such as `ProfileName`; `OptOutType` is its word on consent.
    #[serde(default)]
    carrier: BTreeMap<String, String>,
}

/// A call as a person makes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoopbackCall)]
struct LoopbackCallIn {
    #[schema(example = "+14155550100")]
    from: String,
    /// One of your numbers.
    to: String,
    /// The provider's name for it: under one name it is one call, however often it is asked about. Left out: another.
    id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackCallAnswer)]
struct LoopbackCallAnswerOut {
    /// What the provider is told to do with the call.
    twiml: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackMessage)]
struct LoopbackMessageOut {
    /// The provider's.
    id: String,
    /// `sms`, `whatsapp` or `voice`.
    channel: &'static str,
    from: String,
    to: String,
    body: String,
    media_urls: Vec<String>,
    at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackTaken)]
struct LoopbackTextAcceptedOut {
    /// Of the message that it becomes.
    id: String,
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("to", "To this number.", openapi::text()),
        openapi::optional("from", "From this number.", openapi::text()),
    ]
}

fn out(message: LoopbackMessage) -> LoopbackMessageOut {
    let LoopbackMessage { channel, sent, media_urls, .. } = message;
    let (channel, at) = (channel.name(), rfc3339(sent.created_ms));
    LoopbackMessageOut { id: sent.provider_id, channel, from: sent.from, to: sent.to, body: sent.body, media_urls, at }
}

fn no_account() -> Refusal {
    reply::problem(StatusCode::NOT_FOUND, "there is no account on the loopback provider").into()
}

/// `GET /v1/loopback/messages`: what the loopback provider was sent, newest first, filtered by `to` and `from`.
#[utoipa::path(
    get, path = "/v1/loopback/messages", tag = "loopback", operation_id = "list_loopback_messages",
    params(PageIn),
    responses(
        (status = 200, description = "A page of what was sent.", body = ListOut<LoopbackMessageOut>),
        (status = 404, description = "There is no account on the loopback provider."),
    ),
)]
async fn messages(request: ResourceRequest) -> HandlerResult {
    let (cursor, limit) = list::page::<u64>(&request)?;
    let address = |name, role| -> Result<Option<String>, Refusal> {
        let read = written::asked(&request, name, role, request.app.country)?;
        Ok(read.map(|(_, address)| address.as_str().to_owned()))
    };
    let filter =
        LoopbackFilter { to: address("to", AddressRole::Recipient)?, from: address("from", AddressRole::Sender)? };
    let page = request.app.loopback.messages(&filter, cursor, limit).await?.ok_or_else(no_account)?;
    let data: Vec<_> = page.messages.into_iter().map(out).collect();
    Ok(list::reply(data, page.next, page.next.is_some()))
}

/// `POST /v1/loopback/inbound`: a person texts a number. 202 means that the text is stored, and will be handled as
/// one that a carrier has posted.
#[utoipa::path(
    post, path = "/v1/loopback/inbound", tag = "loopback", operation_id = "play_phone", request_body = LoopbackTextIn,
    responses(
        (status = 202, description = "Stored; the id is that of the message that it becomes.", body = LoopbackTextAcceptedOut),
        (status = 404, description = "There is no account on the loopback provider."),
    ),
)]
async fn inbound_text(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let posted: LoopbackTextIn = object::read(&request, posted).await?;
    let LoopbackTextIn { from, to, body, channel, media_urls, carrier } = posted;
    if to.trim().is_empty() {
        return Err(reply::bad_field("to", "must be one of your numbers, such as +15005550006"));
    }
    let channel = channel.as_deref().map(text_channel).transpose()?.unwrap_or_default();
    let played = LoopbackInboundText { channel, from, to, body, media_urls, carrier };
    let id = request.app.loopback.play(played).await?.ok_or_else(no_account)?;
    Ok(reply::json(StatusCode::ACCEPTED, &LoopbackTextAcceptedOut { id: id.to_string() }))
}

/// `POST /v1/loopback/inbound-call`: a person calls a number. What is answered is done: whom it puts the caller through to
/// is called, and that call goes as calls through the loopback provider go.
#[utoipa::path(
    post, path = "/v1/loopback/inbound-call", tag = "loopback", operation_id = "play_call",
    request_body = LoopbackCallIn,
    responses(
        (status = 200, description = "What the provider is told to do with the call.", body = LoopbackCallAnswerOut),
        (status = 404, description = "There is no account on the loopback provider."),
    ),
)]
async fn inbound_call(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let LoopbackCallIn { from, to, id } = object::read(&request, posted).await?;
    if to.trim().is_empty() {
        return Err(reply::bad_field("to", "must be one of your numbers, such as +15005550006"));
    }
    if id.as_deref().is_some_and(|id| !(1..=64).contains(&id.len())) {
        return Err(reply::bad_field("id", "must be 1 to 64 bytes long"));
    }
    let id = id.unwrap_or_else(|| format!("LC{:032x}", rand::random::<u128>()));
    let call = InboundCall::new(&id, &from, &to);
    let twiml = request.app.loopback.call(&call).await?.ok_or_else(no_account)?;
    Ok(reply::json(StatusCode::OK, &LoopbackCallAnswerOut { twiml }))
}

/// What a platform's sink is posted of a paired phone's text.
#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackPublication)]
struct LoopbackSinkPostOut {
    message_id: String,
    user_id: String,
    platform: String,
    phone_hash: String,
    plaintext: String,
    received_at: String,
    /// Only with `publish.include_grant`.
    grant: Option<serde_json::Value>,
}

/// `GET /v1/loopback/publications`: what platforms without a sink of their own were posted, newest first; the last 100.
#[utoipa::path(
    get, path = "/v1/loopback/publications", tag = "loopback", operation_id = "list_loopback_publications",
    params(PageIn),
    responses(
        (status = 200, description = "A page of what paired phones have published.", body = ListOut<LoopbackSinkPostOut>),
        (status = 404, description = "The server does not run with `--dev`: platforms have only the sinks that are \
                                      configured."),
    ),
)]
async fn publications(request: ResourceRequest) -> HandlerResult {
    let (before, limit) = list::page::<u64>(&request)?;
    let none = || reply::problem(StatusCode::NOT_FOUND, "there is a loopback sink under --dev only");
    let mut posted = request.app.publish.loopback_publications(before, limit).ok_or_else(none)?;
    let has_more = posted.len() > limit;
    posted.truncate(limit);
    let next = posted.last().map(|last| last.number);
    Ok(list::reply(posted.into_iter().map(|one| one.body).collect(), next, has_more))
}

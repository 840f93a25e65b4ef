//! `/v1/messages`: sending texts, and what became of them.

mod accept;
mod shape;

use ::http::{Method, StatusCode};

use self::shape::{
    ChangedMessageOut, FullMessageOut, MessageChangeIn, MessageDetailsOut, MessageIn, MessageOut, MessageStateOut,
    RecipientValidityOut, filters, out,
};
use super::auth::{self, ActingClient};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::written::{self, TEXTS, text_channel};
use super::{App, RequestParts, filter, idempotency, list, object, openapi, reply};
use crate::model::address::{self, Address, AddressRole, Country};
use crate::model::message::{Direction, MessageState};
use crate::model::{ClientId, MessageId};
use crate::service::Error;
use crate::service::message::{Filter as MessageFilter, Message, OrderResult};
use crate::service::relay::{Order, SenderChoice};

pub(super) use self::accept::{IdempotentReplyWriter, accept, context, sending};
pub(super) use self::shape::{AttemptOut, MessageErrorOut, ReceiptOut, attempt_out, error_out, receipt_out};

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(send, list, fetch, redact, cancel), ("messages", "msg"))
        .at("messages", [on(Method::GET, list).asking(filters), with_body(Method::POST, send)])
        .at("messages/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, redact), on(Method::DELETE, cancel)])
}

/// `POST /v1/messages`: accepts a message. 202 means that it is stored, and will be sent or accounted for.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", operation_id = "send_message", request_body = MessageIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request to this path: for 24 hours the same request under it, \
                           however it is written, gets the same answer, and sends nothing more.")),
    responses(
        (status = 202, description = "Stored, and will be sent or accounted for. A repeated request gets the first \
                                      answer again, with `Idempotent-Replayed: true`.", body = MessageOut),
        (status = 402, description = "The balance is too low for it."),
        (status = 403, description = "The key may not send this, or the person has opted out of texts from this number."),
        (status = 409, description = "Another request came under this `Idempotency-Key`."),
    ),
)]
async fn send(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::consumer(&request.app, &request)?;
    let posted: MessageIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, "/v1/messages")?;
    let text = |message: &Message| serde_json::to_string(&out(message)).unwrap_or_default();
    let reply = IdempotentReplyWriter { text: &text, with_balance: false };
    let context = sending(&request, "message.send");
    let order = order(posted, request.app.country(consumer.client))?;
    Ok(match accept(&request.app, &consumer, order, key, &reply, &context).await? {
        OrderResult::Accepted(message, _) => reply::json(StatusCode::ACCEPTED, &out(&message)),
        OrderResult::Again(kept) => reply::replayed(StatusCode::ACCEPTED, kept.text),
    })
}

fn order(posted: MessageIn, country: Option<Country>) -> Result<Order, Refusal> {
    let from = posted.from.map(|from| written::address("from", &from, AddressRole::Sender, country)).transpose()?;
    let (named, to) = written::address("to", &posted.to, AddressRole::Recipient, country)?;
    let (named_by_from, from) = from.map_or((None, None), |(channel, from)| (channel, Some(from)));
    let send_at_ms = posted.send_at.map(|at| written::time("send_at", &at)).transpose()?;
    let said = posted.channel.as_deref().map(text_channel).transpose()?;
    let channel = written::channel(said, [("to", named), ("from", named_by_from)])?;
    let MessageIn { body, smart_encoded, media_urls, valid_for, callback_url, metadata, .. } = posted;
    Ok(Order {
        channel,
        from: from.map(SenderChoice::Address),
        to,
        body,
        is_smart: smart_encoded,
        media_urls,
        send_at_ms,
        valid_for,
        callback_url,
        is_twilio: false,
        call: None,
        metadata,
        secret: None,
    })
}

/// `GET /v1/messages`: messages, newest first, filtered by number, state, direction and time.
#[utoipa::path(
    get, path = "/v1/messages", tag = "messages", operation_id = "list_messages",
    params(PageIn),
    responses((status = 200, description = "A page of messages. Where few fit, it may hold fewer than `limit`, or none, \
                                           and have a `next_cursor` all the same: go on with that.",
               body = ListOut<MessageOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page_of_messages::<MessageId>(&request, &request.app)?;
    let filter = MessageFilter { after, ..wanted(&request, request.app.country(client))? };
    let page = request.app.messages.list(client, &filter, limit).await?;
    let next = request.app.messages.next(&page).map(|next| next.text(|id| id.to_string()));
    let more = next.is_some();
    Ok(list::reply(page.messages.iter().map(out).collect(), next, more))
}

fn wanted(request: &RequestParts, country: Option<Country>) -> Result<MessageFilter, Refusal> {
    let wrong = |field: &str, reason: &str| reply::bad_field(field, reason);
    let state =
        request.param("state").map(|name| MessageState::parse(&name).ok_or_else(|| wrong("state", "is no state")));
    let direction = request.param("direction");
    let direction =
        direction.map(|name| Direction::parse(&name).ok_or_else(|| wrong("direction", "is inbound or outbound")));
    let mut channels =
        request.param("channel").map_or(Ok(TEXTS.to_vec()), |name| text_channel(&name).map(|one| vec![one]))?;
    let mut address = |name, role| written::narrowing(request, name, role, country, &mut channels);
    let (number, from) = (address("number", AddressRole::Sender)?, address("from", AddressRole::Sender)?);
    let to = address("to", AddressRole::Recipient)?;
    Ok(MessageFilter {
        number,
        from,
        to,
        state: state.transpose()?,
        direction: direction.transpose()?,
        channels,
        created_from_ms: filter::time(request, "created_from")?,
        created_before_ms: filter::time(request, "created_before")?,
        ..MessageFilter::default()
    })
}

/// A message of the client's; calls are none.
async fn find(client: ClientId, text: &str, app: &App) -> Result<Message, Error> {
    let id: MessageId = text.parse().map_err(|_| Error::no_message())?;
    let found = app.messages.find(client, id).await?;
    found.filter(|message| TEXTS.contains(&message.channel)).ok_or_else(Error::no_message)
}

/// `GET /v1/messages/<id>`: one message, with its attempts and receipts.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "messages", operation_id = "fetch_message",
    responses(
        (status = 200, description = "The message as it now is.", body = FullMessageOut),
    ),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let message = find(acting.client, request.given(0), &request.app).await?;
    Ok(reply::json(StatusCode::OK, &full(&message, &acting, &request.app).await?))
}

/// What a change has come to.
async fn changed(message: &Message, acting: &ActingClient, app: &App) -> HandlerResult {
    let changed = if acting.may_read() {
        ChangedMessageOut::Whole(Box::new(full(message, acting, app).await?))
    } else {
        ChangedMessageOut::State(MessageStateOut { id: message.id.to_string(), state: message.state.name() })
    };
    Ok(reply::json(StatusCode::OK, &changed))
}

async fn full<'a>(message: &'a Message, acting: &ActingClient, app: &App) -> Result<FullMessageOut<'a>, Refusal> {
    let (attempts, receipts) = app.messages.history(message.id).await?;
    let report = address::report(&Address::stored(message.to.as_str()));
    let content = &message.content;
    let history = MessageDetailsOut {
        media_types: content.media_types.clone(),
        carrier_omitted: content.carrier.omitted,
        carrier: content.carrier.shown(),
        to_number: report.map(|report| RecipientValidityOut { country: report.country, is_valid: report.is_valid }),
        attempts: attempts.into_iter().map(|attempt| attempt_out(attempt, acting.is_administrator)).collect(),
        receipts: receipts.into_iter().map(receipt_out).collect(),
    };
    Ok(FullMessageOut { message: out(message), history })
}

/// `DELETE /v1/messages/<id>`: cancels what is not yet sent.
#[utoipa::path(
    delete, path = "/v1/messages/{id}", tag = "messages", operation_id = "cancel_message",
    responses(
        (status = 200, description = "The message as it now is; to a key that may not `read` only its id and state.",
         body = ChangedMessageOut),
        (status = 409, description = "It was sent already, or is being sent."),
    ),
)]
async fn cancel(request: ResourceRequest) -> HandlerResult {
    let acting = auth::acting(&request.app, &request)?;
    let message = find(acting.client, request.given(0), &request.app).await?;
    auth::may_change(&acting, &message)?;
    let message = request.app.messages.cancel(acting.client, message.id, &context(&request, "message.cancel")).await?;
    changed(&message, &acting, &request.app).await
}

/// `PATCH /v1/messages/<id>` `{"body": ""}`: empties the body of a message that is over.
#[utoipa::path(
    patch, path = "/v1/messages/{id}", tag = "messages", operation_id = "redact_message",
    request_body = MessageChangeIn,
    responses(
        (status = 200, description = "The message as it now is; to a key that may not `read` only its id and state.",
         body = ChangedMessageOut),
        (status = 409, description = "It is not over yet: cancel it first."),
    ),
)]
async fn redact(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let acting = auth::acting(&request.app, &request)?;
    let message = find(acting.client, request.given(0), &request.app).await?;
    auth::may_change(&acting, &message)?;
    let id = message.id;
    let change: MessageChangeIn = object::read(&request, posted).await?;
    if !change.body.is_empty() {
        return Err(reply::bad_field("body", "can only be emptied"));
    }
    let message = request.app.messages.redact(acting.client, id, &context(&request, "message.redact")).await?;
    changed(&message, &acting, &request.app).await
}

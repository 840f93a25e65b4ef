//! `/v1/calls`: placing calls, and what became of them.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{self, ActingClient};
use super::message::{self, AttemptOut, MessageErrorOut, ReceiptOut, error_out};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{App, RequestParts, filter, idempotency, list, object, openapi, reply, written};
use crate::model::address::AddressRole;
use crate::model::{CallId, CallPlan, CallStatus, Channel, Country, MessageId, rfc3339};
use crate::service::Error;
use crate::service::call::{Call, CallHangupMode};
use crate::service::message::{Filter as CallFilter, Message, OrderResult};
use crate::service::relay::{Order, SenderChoice};

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(place, list, fetch, end), ("calls", "call"))
        .at("calls", [on(Method::GET, list).asking(filters), with_body(Method::POST, place)])
        .at("calls/{id}", [on(Method::GET, fetch), on(Method::DELETE, end)])
}

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCall)]
struct CallIn {
    /// One of your numbers. Left out: one is chosen.
    #[schema(example = "+15005550006")]
    from: Option<String>,
    /// A phone number as people write it, with its country code unless the client has a country.
    #[schema(example = "+14155550100")]
    to: String,
    /// Where the provider gets what the call says, as TwiML.
    #[schema(example = "https://example.org/welcome.xml")]
    url: Option<String>,
    /// What it says, in place of `url`: 4000 characters of TwiML at most.
    twiml: Option<String>,
    /// Where to post this call's events, besides the endpoints.
    callback_url: Option<String>,
    /// Which of them: `initiated`, `ringing`, `answered`, `completed`. Left out: how it ended.
    #[serde(default)]
    callback_events: Vec<String>,
    /// Anything of yours, kept with the call: 4096 characters of JSON at most.
    #[schema(value_type = Option<Object>)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
struct CallOut<'a> {
    id: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
    from: &'a str,
    to: &'a str,
    url: Option<&'a str>,
    twiml: Option<&'a str>,
    /// Seconds.
    duration: Option<i64>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a serde_json::Map<String, serde_json::Value>>,
    callback_url: Option<String>,
    #[schema(value_type = Vec<String>)]
    callback_events: &'a [String],
    error: Option<MessageErrorOut<'a>>,
    created_at: String,
    updated_at: String,
    /// When it was answered.
    answered_at: Option<String>,
    ended_at: Option<String>,
}

/// What a call shows when it is asked for by its id.
#[derive(Serialize, ToSchema)]
#[schema(as = CallWithAttempts)]
struct FullCallOut<'a> {
    #[serde(flatten)]
    call: CallOut<'a>,
    attempts: Vec<AttemptOut>,
    receipts: Vec<ReceiptOut>,
}

/// What a call shows that was ended.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ChangedCall)]
enum ChangedCallOut<'a> {
    Whole(Box<FullCallOut<'a>>),
    State(CallStateOut),
}

/// What a key sees that may not read.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallState)]
struct CallStateOut {
    id: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
}

fn status(message: &Message, kept: &Call) -> &'static str {
    CallStatus::shown(message.state, kept.status).name()
}

fn out<'a>(message: &'a Message, kept: Option<&Call>) -> CallOut<'a> {
    let kept = kept.copied().unwrap_or_default();
    let content = &message.content;
    let plan = content.call.as_ref();
    CallOut {
        id: CallId::from(message.id).to_string(),
        status: status(message, &kept),
        from: &message.from,
        to: &message.to,
        url: plan.and_then(|plan| plan.url.as_deref()),
        twiml: plan.and_then(|plan| plan.twiml.as_deref()),
        duration: kept.duration,
        metadata: content.metadata.as_ref(),
        callback_url: content.callback_url.clone(),
        callback_events: plan.map(|plan| plan.callback_events.as_slice()).unwrap_or_default(),
        error: error_out(message),
        created_at: rfc3339(message.created_ms),
        updated_at: rfc3339(message.changed_ms),
        answered_at: kept.started_ms.map(rfc3339),
        ended_at: kept.ended_ms.map(rfc3339),
    }
}

fn statuses() -> openapi::SchemaOrRef {
    // that a call is about to be dialed is not told of it
    let shown = CallStatus::ALL.into_iter().filter(|status| *status != CallStatus::Initiated);
    openapi::one_of(shown.map(CallStatus::name))
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("from", "From this number.", openapi::text()),
        openapi::optional("to", "To this number.", openapi::text()),
        openapi::optional("created_from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("created_before", "Made before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// `POST /v1/calls`: accepts a call. 202 means that it is stored, and will be placed or accounted for.
#[utoipa::path(
    post, path = "/v1/calls", tag = "calls", operation_id = "place_call", request_body = CallIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request: for 24 hours the same request under it gets the same \
                           answer, and nobody is called again.")),
    responses(
        (status = 202, description = "Stored, and will be placed or accounted for. A repeated request gets the first \
                                      answer again, with `Idempotent-Replayed: true`.", body = CallOut),
        (status = 409, description = "Another request came under this `Idempotency-Key`."),
    ),
)]
async fn place(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::consumer(&request.app, &request)?;
    let posted: CallIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, "/v1/calls")?;
    let text = |message: &Message| serde_json::to_string(&out(message, None)).unwrap_or_default();
    let reply = message::IdempotentReplyWriter { text: &text, with_balance: false };
    let context = message::sending(&request, "call.place");
    let order = order(posted, request.app.country(consumer.client))?;
    Ok(match message::accept(&request.app, &consumer, order, key, &reply, &context).await? {
        OrderResult::Accepted(message, _) => reply::json(StatusCode::ACCEPTED, &out(&message, None)),
        OrderResult::Again(kept) => reply::replayed(StatusCode::ACCEPTED, kept.text),
    })
}

fn order(posted: CallIn, country: Option<Country>) -> Result<Order, Refusal> {
    let from = posted.from.map(|from| written::address("from", &from, AddressRole::Sender, country)).transpose()?;
    let (named, to) = written::address("to", &posted.to, AddressRole::Recipient, country)?;
    let (named_by_from, from) = from.map_or((None, None), |(channel, from)| (channel, Some(from)));
    let channel = written::channel(Some(Channel::Voice), [("to", named), ("from", named_by_from)])?;
    let CallIn { url, twiml, callback_url, callback_events, metadata, .. } = posted;
    Ok(Order {
        from: from.map(SenderChoice::Address),
        callback_url,
        call: Some(CallPlan { url, twiml, callback_events, ..CallPlan::default() }),
        metadata,
        ..Order::new(channel, to)
    })
}

/// `GET /v1/calls`: calls, newest first, filtered by number and time.
#[utoipa::path(
    get, path = "/v1/calls", tag = "calls", operation_id = "list_calls",
    params(PageIn),
    responses((status = 200, description = "A page of calls. Where few fit, it may hold fewer than `limit`, or none, \
                                           and have a `next_cursor` all the same: go on with that.",
               body = ListOut<CallOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page_of_messages::<CallId>(&request, &request.app)?;
    let filter = CallFilter { after, ..wanted(&request, request.app.country(client))? };
    let page = request.app.messages.list(client, &filter, limit).await?;
    let ids: Vec<MessageId> = page.messages.iter().map(|message| message.id).collect();
    let kept = request.app.messages.calls_of(&ids).await?;
    let data = page.messages.iter().map(|message| out(message, kept.get(&message.id))).collect();
    let next = request.app.messages.next(&page).map(|next| next.text(|id| CallId::from(id).to_string()));
    let more = next.is_some();
    Ok(list::reply(data, next, more))
}

fn wanted(request: &RequestParts, country: Option<Country>) -> Result<CallFilter, Refusal> {
    let mut channels = vec![Channel::Voice];
    let mut address = |name, role| written::narrowing(request, name, role, country, &mut channels);
    let (from, to) = (address("from", AddressRole::Sender)?, address("to", AddressRole::Recipient)?);
    Ok(CallFilter {
        from,
        to,
        channels,
        created_from_ms: filter::time(request, "created_from")?,
        created_before_ms: filter::time(request, "created_before")?,
        ..CallFilter::default()
    })
}

/// `GET /v1/calls/<id>`: one call, with its attempts and receipts.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "calls", operation_id = "fetch_call",
    responses((status = 200, description = "The call as it now is.", body = FullCallOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let (message, kept) = find(&acting, request.id::<CallId>("message")?.into(), &request.app).await?;
    Ok(reply::json(StatusCode::OK, &full(&message, &kept, &acting, &request.app).await?))
}

async fn find(acting: &ActingClient, id: MessageId, app: &App) -> Result<(Message, Call), Error> {
    app.messages.call_of(acting.client, id).await?.ok_or_else(Error::no_message)
}

async fn full<'a>(
    message: &'a Message,
    kept: &Call,
    acting: &ActingClient,
    app: &App,
) -> Result<FullCallOut<'a>, Error> {
    let (attempts, receipts) = app.messages.history(message.id).await?;
    let attempt = |attempt| message::attempt_out(attempt, acting.is_administrator);
    let attempts = attempts.into_iter().map(attempt).collect();
    let receipts = receipts.into_iter().map(message::receipt_out).collect();
    Ok(FullCallOut { call: out(message, Some(kept)), attempts, receipts })
}

/// `DELETE /v1/calls/<id>`: takes a call back that is not yet placed, or has its provider hang up.
#[utoipa::path(
    delete, path = "/v1/calls/{id}", tag = "calls", operation_id = "end_call",
    responses(
        (status = 200, description = "The call as it now is: that its provider has hung up is told a little later. To a \
                                      key that may not `read` only its id and status.", body = ChangedCallOut),
        (status = 409, description = "It is over, or is being placed at this moment."),
        (status = 502, description = "Its provider gave no good answer."),
    ),
)]
async fn end(request: ResourceRequest) -> HandlerResult {
    let acting = auth::caller(&request.app, &request)?;
    let id = MessageId::from(request.id::<CallId>("message")?);
    auth::may_change(&acting, &find(&acting, id, &request.app).await?.0)?;
    let context = message::context(&request, "call.end");
    request.app.messages.end_call(acting.client, id, CallHangupMode::Completed, &context).await?;
    let (message, kept) = find(&acting, id, &request.app).await?;
    let changed = if acting.may_read() {
        ChangedCallOut::Whole(Box::new(full(&message, &kept, &acting, &request.app).await?))
    } else {
        ChangedCallOut::State(CallStateOut { id: CallId::from(id).to_string(), status: status(&message, &kept) })
    };
    Ok(reply::json(StatusCode::OK, &changed))
}

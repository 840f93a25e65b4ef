//! `/relay/sms` and `/relay/api/…`: texts, WhatsApp messages and calls for API clients, charged and routed.

mod sent;
mod shape;

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use self::sent::RelayApiSendReply;
use self::shape::RelayApiMessageIn;
use crate::http::body::UnreadBody;
use crate::http::reply::{self, HandlerResult, Refusal};
use crate::http::{App, HttpRoutes, RequestParts, asked, auth, idempotency, message, object, posted};
use crate::model::{Channel, Money};
use crate::service::client::ApiConsumer;
use crate::service::message::{Message, OrderResult, says_something};
use crate::service::relay::Order;
use crate::service::{Error, ErrorKind};

/// Under `/relay`.
pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let sms = warp::path!("sms").and(posted(app)).then(sms);
    let api = warp::path!("api" / String).and(posted(app)).then(api_post);
    let health = warp::path!("api" / "health").and(asked(app)).map(health);
    sms.or(health).unify().or(api).unify().map(reply::settle).boxed()
}

/// `GET /relay/api/health`: that we are here, for anybody.
fn health(request: RequestParts, _app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    Ok(reply::json(StatusCode::OK, &json!({"status": "ok"})))
}

/// `POST /relay/sms` `{"To", "From"?, "Body"}`: a text, with what it cost and what is left.
async fn sms(request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    request.only("POST")?;
    send(&SMS, &request, posted, &app).await.map_err(|refused| refused.response(SMS.no_route))
}

/// `POST /relay/api/sms`, `…/whatsapp` and `…/call`.
async fn api_post(what: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    let path = format!("/relay/api/{what}");
    let door = API.iter().find(|door| door.path == path).ok_or_else(|| Refusal::new(reply::not_found()))?;
    request.only("POST")?;
    send(door, &request, posted, &app).await.map_err(|refused| refused.response(door.no_route))
}

/// One of these paths.
struct RelayApiPath {
    path: &'static str,
    channel: Channel,
    /// Its word for what was accepted.
    status: &'static str,
    /// Its answer says what the client has left.
    with_balance: bool,
    /// Its status where no route leads.
    no_route: StatusCode,
}

const SMS: RelayApiPath = RelayApiPath {
    path: "/relay/sms",
    channel: Channel::Sms,
    status: "queued",
    with_balance: true,
    no_route: StatusCode::INTERNAL_SERVER_ERROR,
};

const API: [RelayApiPath; 3] = [
    api("/relay/api/sms", Channel::Sms, "sent"),
    api("/relay/api/whatsapp", Channel::Whatsapp, "sent"),
    api("/relay/api/call", Channel::Voice, "initiated"),
];

const fn api(path: &'static str, channel: Channel, status: &'static str) -> RelayApiPath {
    RelayApiPath { path, channel, status, with_balance: false, no_route: StatusCode::SERVICE_UNAVAILABLE }
}

/// Why nothing was.
enum RelayRefusal {
    /// By what all doors share; its body is in their words.
    Early(Refusal),
    Relay(Error),
}

impl From<Refusal> for RelayRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Early(refusal)
    }
}

impl From<Error> for RelayRefusal {
    fn from(error: Error) -> Self {
        Self::Relay(error)
    }
}

impl From<idempotency::BadIdempotencyKey> for RelayRefusal {
    fn from(idempotency::BadIdempotencyKey(header, reason): idempotency::BadIdempotencyKey) -> Self {
        Error::new(ErrorKind::Invalid, format!("{header}: {reason}")).into()
    }
}

async fn send(
    door: &RelayApiPath,
    request: &RequestParts,
    posted: UnreadBody,
    app: &App,
) -> Result<Response, RelayRefusal> {
    // who asks comes before any look at the body
    let consumer = auth::consumer(app, request)?;
    let bytes = object::collect(posted, app).await?;
    let order: Order = RelayApiMessageIn::read(request.header(CONTENT_TYPE), &bytes)?
        .order(door.channel, app.country(consumer.client))?;
    says_something(&order)?;
    let key = idempotency::key(request, door.path)?;
    let action = if door.channel == Channel::Voice { "call.place" } else { "message.send" };
    let context = message::sending(request, action);
    let text = |message: &Message| RelayApiSendReply::of(door, message).kept();
    let reply = message::IdempotentReplyWriter { text: &text, with_balance: door.with_balance };
    let (message, paid) = match message::accept(app, &consumer, order, key, &reply, &context).await? {
        OrderResult::Accepted(message, paid) => (message, paid),
        OrderResult::Again(mut kept) => {
            if door.with_balance && kept.balance.is_none() {
                kept.balance = left(&consumer, app).await;
            }
            return Ok(reply::replayed(StatusCode::OK, RelayApiSendReply::again(door, kept)));
        }
    };
    let balance = match paid {
        _ if !door.with_balance => None,
        Some(paid) => Some(paid.balance),
        // it cost nothing, or its commit was lost and found again
        None => left(&consumer, app).await,
    };
    Ok(RelayApiSendReply::of(door, &message).response(door, balance))
}

/// What a client has left now; the operator has no balance.
async fn left(consumer: &ApiConsumer, app: &App) -> Option<Money> {
    if consumer.is_operator() {
        return None;
    }
    app.ledger.balance(consumer.client).await.ok().map(|found| found.balance)
}

impl RelayRefusal {
    /// `{"error": "…"}`; where no route leads, each path has a status of its own.
    fn response(self, no_route: StatusCode) -> Refusal {
        match self {
            Self::Early(refusal) => in_their_words(*refusal).into(),
            Self::Relay(refused) => worded(refused, no_route).into(),
        }
    }
}

/// What our services refuse, in the words of these paths.
fn worded(refused: Error, no_route: StatusCode) -> Response {
    let (reason, bad) = (&*refused.detail, StatusCode::BAD_REQUEST);
    match &refused.kind {
        ErrorKind::NoRoute => error(no_route, "No Route Found"),
        ErrorKind::Unpayable => error(StatusCode::PAYMENT_REQUIRED, "Insufficient balance"),
        ErrorKind::Forbidden | ErrorKind::Verification(_) => error(StatusCode::FORBIDDEN, reason),
        ErrorKind::OptedOut => error(bad, "The recipient has opted out of texts from this number"),
        ErrorKind::Invalid => match refused.field {
            Some(field) => error(bad, &format!("{}: {reason}", shape::name(field))),
            None => error(bad, reason),
        },
        ErrorKind::Limit(limit) => error(bad, &shape::limit(*limit)),
        ErrorKind::KeyReused => error(StatusCode::CONFLICT, reason),
        ErrorKind::Lines(_)
        | ErrorKind::Unreadable
        | ErrorKind::Refused
        | ErrorKind::TooLong
        | ErrorKind::Forged
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::NoNumber(_)
        | ErrorKind::TooLate
        | ErrorKind::NotOver
        | ErrorKind::Provider
        | ErrorKind::Unavailable
        | ErrorKind::Busy
        | ErrorKind::Internal => in_their_words(*Refusal::from(refused)),
    }
}

fn error(status: StatusCode, reason: &str) -> Response {
    reply::json(status, &json!({"error": reason}))
}

/// The same refusal as all doors give, its headers kept.
fn in_their_words(refusal: Response) -> Response {
    let status = refusal.status();
    let mut response = error(status, status.canonical_reason().unwrap_or("Error"));
    for (name, value) in refusal.headers() {
        if name != CONTENT_TYPE {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

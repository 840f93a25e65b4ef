//! `/relay/sms` and `/relay/api/…`: texts, WhatsApp messages and calls for API clients, charged and routed.

mod shape;

use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::shape::{OrderIn, Wrong};
use crate::http::body::Posted;
use crate::http::reply::{self, Answer, Refusal};
use crate::http::{App, Call, asked, auth, message, object, posted};
use crate::model::{Channel, Money};
use crate::service::outbound::{self, Extra, Told};
use crate::service::relay::{Error, Order};

/// Under `/relay`.
pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let sms = warp::path!("sms").and(posted(app)).then(sms);
    let api = warp::path("api").and(warp::path::param::<String>()).and(warp::path::end());
    let api = api.and(posted(app)).then(api_post);
    let health = warp::path!("api" / "health").and(asked(app)).map(health);
    sms.or(health).unify().or(api).unify().map(reply::settle).boxed()
}

/// `GET /relay/api/health`: that we are here, for anybody.
fn health(call: Call, _app: Arc<App>) -> Answer {
    call.only("GET")?;
    Ok(reply::json(StatusCode::OK, &json!({"status": "ok"})))
}

/// `POST /relay/sms` `{"To", "From"?, "Body"}`: a text, with what it cost and what is left.
async fn sms(call: Call, posted: Posted, app: Arc<App>) -> Answer {
    call.only("POST")?;
    let sent = send(Channel::Sms, &call, posted, &app).await;
    let Sent { sid, cost, balance } = sent.map_err(|refused| refused.response(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(reply::json(StatusCode::OK, &SmsOut { sid, status: "queued", cost, remaining_balance: balance }))
}

/// `POST /relay/api/sms`, `…/whatsapp` and `…/call`.
async fn api_post(what: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    let (channel, status) = match what.as_str() {
        "sms" => (Channel::Sms, "sent"),
        "whatsapp" => (Channel::Whatsapp, "sent"),
        "call" => (Channel::Voice, "initiated"),
        _ => return Err(reply::not_found().into()),
    };
    call.only("POST")?;
    let sent = send(channel, &call, posted, &app).await;
    let Sent { sid, cost, .. } = sent.map_err(|refused| refused.response(StatusCode::SERVICE_UNAVAILABLE))?;
    Ok(reply::json(StatusCode::OK, &SentOut { status, sid, cost }))
}

#[derive(Serialize)]
struct SmsOut {
    sid: String,
    status: &'static str,
    cost: Money,
    remaining_balance: Option<Money>,
}

#[derive(Serialize)]
struct SentOut {
    status: &'static str,
    sid: String,
    cost: Money,
}

/// What was accepted.
struct Sent {
    sid: String,
    cost: Money,
    /// What its client has left; the house pays nothing.
    balance: Option<Money>,
}

/// Why nothing was.
enum Refused {
    /// By what all doors share; its body is in their words.
    Early(Refusal),
    Wrong(Wrong),
    Relay(Error),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Early(refusal)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Relay(error)
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

async fn send(channel: Channel, call: &Call, posted: Posted, app: &App) -> Result<Sent, Refused> {
    // who asks comes before any look at the body
    let consumer = auth::consumer(app, call)?;
    let bytes = object::collect(posted, app).await?;
    let order: Order =
        OrderIn::read(call.header(CONTENT_TYPE), &bytes)?.order(channel, app.country(consumer.client))?;
    let action = if channel == Channel::Voice { "call.place" } else { "message.send" };
    let act = message::sending(call, action);
    let (message, paid) = match app.relay.send(&consumer, order, None, |_| String::new(), &act).await? {
        Told::Accepted(message, paid) => (message, paid),
        // only asked for by an idempotency key
        Told::Again(_) => return Err(reply::not_found()).map_err(|response| Refused::Early(response.into())),
    };
    let balance = match paid {
        Some(paid) => Some(paid.balance),
        None if consumer.is_house() => None,
        // it cost nothing, or its commit was lost and found again
        None => app.ledger.balance(consumer.client).await.ok().map(|found| found.balance),
    };
    let sid = match channel {
        Channel::Voice => format!("CA{}", message.id.hex()),
        // as its callbacks name it
        Channel::Sms | Channel::Whatsapp => Extra::parse(message.extra.as_deref()).sid(message.id),
    };
    Ok(Sent { sid, cost: message.cost.unwrap_or_default(), balance })
}

impl Refused {
    /// `{"error": "…"}`; where no route leads, each path has a status of its own.
    fn response(self, no_route: StatusCode) -> Refusal {
        match self {
            Self::Early(refusal) => in_their_words(*refusal).into(),
            Self::Wrong(Wrong(reason)) => error(StatusCode::BAD_REQUEST, &reason).into(),
            Self::Relay(Error::NoRoute) => error(no_route, "No Route Found").into(),
            Self::Relay(Error::Outbound(outbound::Error::Unpayable)) => {
                error(StatusCode::PAYMENT_REQUIRED, "Insufficient balance").into()
            }
            Self::Relay(Error::Forbidden(reason)) => error(StatusCode::FORBIDDEN, reason).into(),
            Self::Relay(Error::Sender(reason)) => error(StatusCode::BAD_REQUEST, &format!("From: {reason}")).into(),
            Self::Relay(Error::Outbound(outbound::Error::OptedOut)) => {
                error(StatusCode::BAD_REQUEST, "The recipient has opted out of texts from this number").into()
            }
            Self::Relay(Error::Outbound(outbound::Error::Invalid { field, reason })) => {
                error(StatusCode::BAD_REQUEST, &format!("{}: {reason}", shape::name(field))).into()
            }
            Self::Relay(Error::Outbound(other)) => in_their_words(*Refusal::from(other)).into(),
        }
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

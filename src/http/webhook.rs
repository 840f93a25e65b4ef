//! `/webhooks/…`, and an older system's `/relay/twilio/webhook`: what carriers post. A 200 or 204 means that it is
//! stored, and will be handled once.
//!
//! `http.requests_per_address` does not count these paths: a carrier at load comes from few addresses, and
//! its signature, or its secret path, decides before anything is stored.

use std::sync::Arc;

use ::http::StatusCode;
use bytes::Bytes;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::body::Posted;
use super::reply::{self, Answer, Refusal};
use super::{App, Call, object, path, posted};
use crate::service::inbound::{EMPTY_TWIML, Kind, Post};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let twilio = path::one("twilio").and(posted(app)).then(twilio_post);
    let flowroute = warp::path("flowroute").and(warp::path::param::<String>()).and(warp::path::param::<String>());
    let flowroute = flowroute.and(warp::path::end()).and(posted(app)).then(flowroute_post);
    twilio.or(flowroute).unify().map(reply::settle).boxed()
}

/// `/relay/twilio/webhook`, the path of an older system.
pub(super) fn relay_routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    warp::path!("twilio" / "webhook").and(posted(app)).then(relayed).map(reply::settle).boxed()
}

/// Whether a path is one of these.
pub(super) fn is_carriers(path: &str) -> bool {
    path.starts_with("/webhooks/") || path == "/relay/twilio/webhook"
}

/// A path without its secret part, for the log.
pub(super) fn shown(path: &str) -> &str {
    if path.starts_with("/webhooks/flowroute/") { "/webhooks/flowroute/…" } else { path }
}

/// `POST /webhooks/twilio/sms`, answered with empty TwiML, and `POST /webhooks/twilio/status`: the account is
/// that of the form's `AccountSid`, and `X-Twilio-Signature` must be its, over `http.public_url` and the path.
async fn twilio_post(what: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    let kind = kind(&what, "status")?;
    signed(kind, &format!("/webhooks/twilio/{what}"), &call, posted, &app).await?;
    Ok(match kind {
        Kind::Sms => reply::content("text/xml", EMPTY_TWIML.as_bytes()),
        Kind::Receipt => reply::empty(StatusCode::NO_CONTENT),
    })
}

/// `POST /relay/twilio/webhook`: the same as `/webhooks/twilio/status`, over this path.
async fn relayed(call: Call, posted: Posted, app: Arc<App>) -> Answer {
    signed(Kind::Receipt, "/relay/twilio/webhook", &call, posted, &app).await?;
    Ok(reply::json(StatusCode::OK, &serde_json::json!({ "status": "received" })))
}

/// Takes what a Twilio account has signed over the public URL of this path.
async fn signed(kind: Kind, path: &str, call: &Call, posted: Posted, app: &App) -> Result<(), Refusal> {
    let body = read(call, posted, app).await?;
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    let url = format!("{}{path}{query}", app.origin);
    let signature = call.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
    Ok(app.inbound.twilio(kind, &Post { url: &url, signature, body: &body }).await?)
}

/// `POST /webhooks/flowroute/<token>/sms` and `…/receipt`: the token is the account's `webhook_token`.
async fn flowroute_post(secret: String, what: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    let kind = kind(&what, "receipt")?;
    let body = read(&call, posted, &app).await?;
    app.inbound.flowroute(kind, &secret, &body).await?;
    // anything else is repeated
    Ok(reply::empty(StatusCode::OK))
}

/// What is posted to a path that ends so; each carrier has its own word for receipts.
fn kind(what: &str, receipt: &str) -> Result<Kind, Refusal> {
    match what {
        "sms" => Ok(Kind::Sms),
        _ if what == receipt => Ok(Kind::Receipt),
        _ => Err(reply::not_found().into()),
    }
}

async fn read(call: &Call, posted: Posted, app: &App) -> Result<Bytes, Refusal> {
    call.only("POST")?;
    object::collect(posted, app).await
}

//! `/webhooks/…`: what carriers post. A 200 or 204 means that it is stored, and will be handled once.
//!
//! `http.requests_per_address` does not count these paths: a carrier at load comes from few addresses, and
//! its signature, or its secret path, decides before anything is stored.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::object::{self, Refusal};
use super::{App, Call, reply, with};
use crate::service::inbound::{EMPTY_TWIML, Kind, Post};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let posted = || super::call().and(warp::body::stream()).and(with(app));
    let twilio = warp::path("twilio").and(warp::path::param::<String>()).and(warp::path::end());
    let twilio = twilio.and(posted()).then(twilio_post);
    let flowroute = warp::path("flowroute").and(warp::path::param::<String>()).and(warp::path::param::<String>());
    let flowroute = flowroute.and(warp::path::end()).and(posted()).then(flowroute_post);
    twilio.or(flowroute).unify().boxed()
}

/// A path without its secret part, for the log.
pub(super) fn shown(path: &str) -> &str {
    if path.starts_with("/webhooks/flowroute/") { "/webhooks/flowroute/…" } else { path }
}

/// `POST /webhooks/twilio/sms`, answered with empty TwiML, and `POST /webhooks/twilio/status`: the account is
/// that of the form's `AccountSid`, and `X-Twilio-Signature` must be its, over `http.public_url` and the path.
async fn twilio_post<B: Buf, E>(
    what: String,
    call: Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: Arc<App>,
) -> Response {
    let kind = match what.as_str() {
        "sms" => Kind::Sms,
        "status" => Kind::Receipt,
        _ => return reply::not_found(),
    };
    let done = async {
        let body = body(&call, stream, &app).await?;
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        let url = format!("{}/webhooks/twilio/{what}{query}", app.origin);
        let signature = call.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
        let taken = app.inbound.twilio(kind, &Post { url: &url, signature, body: &body }).await;
        taken.map_err(|error| Box::new(reply::inbound_error(&error)))?;
        Ok::<_, Refusal>(match kind {
            Kind::Sms => reply::content("text/xml", EMPTY_TWIML.as_bytes()),
            Kind::Receipt => reply::empty(StatusCode::NO_CONTENT),
        })
    };
    done.await.unwrap_or_else(|refusal| *refusal)
}

/// `POST /webhooks/flowroute/<token>/sms` and `…/receipt`: the token is the account's `webhook_token`.
async fn flowroute_post<B: Buf, E>(
    secret: String,
    what: String,
    call: Call,
    stream: impl Stream<Item = Result<B, E>>,
    app: Arc<App>,
) -> Response {
    let kind = match what.as_str() {
        "sms" => Kind::Sms,
        "receipt" => Kind::Receipt,
        _ => return reply::not_found(),
    };
    let done = async {
        let body = body(&call, stream, &app).await?;
        let taken = app.inbound.flowroute(kind, &secret, &body).await;
        taken.map_err(|error| Box::new(reply::inbound_error(&error)))?;
        // anything else is repeated
        Ok::<_, Refusal>(reply::empty(StatusCode::OK))
    };
    done.await.unwrap_or_else(|refusal| *refusal)
}

async fn body<B: Buf, E>(call: &Call, stream: impl Stream<Item = Result<B, E>>, app: &App) -> Result<Bytes, Refusal> {
    if call.method != Method::POST {
        return Err(reply::method_not_allowed("POST").into());
    }
    object::collect(stream, app).await
}

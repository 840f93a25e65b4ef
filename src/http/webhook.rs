//! `/webhooks/…`, and an older system's `/relay/twilio/webhook`: what carriers post. A 200 or 204 means that it is
//! stored, and will be handled once.
//!
//! `http.requests_per_address` does not count these paths: a carrier at load comes from few addresses, and
//! its signature, or its secret path, decides before anything is stored. What is forged counts as a guess, and costs
//! its address its turn; what is proved is taken from whatever address.

use std::convert::Infallible;
use std::sync::Arc;

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::body::{Body, Posted};
use super::reply::{self, Answer, Refusal};
use super::{App, Call, auth, object, path, posted};
use crate::model::charset;
use crate::service::inbound::{EMPTY_TWIML, Kind, Post, Proved, is_guess};
use crate::service::{Error, ErrorKind};

/// What is escaped in the login of a URL (the URL standard's `userinfo`, and the escape itself).
const LOGIN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let twilio = path::one("twilio").and(target()).and(posted(app)).then(twilio_post);
    let flowroute = warp::path("flowroute").and(warp::path::param::<String>()).and(warp::path::param::<String>());
    let flowroute = flowroute.and(warp::path::end()).and(posted(app)).then(flowroute_post);
    twilio.or(flowroute).unify().map(reply::settle).boxed()
}

/// `/relay/twilio/webhook`, the path of an older system.
pub(super) fn relay_routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    warp::path!("twilio" / "webhook").and(target()).and(posted(app)).then(relayed).map(reply::settle).boxed()
}

/// Whether a path is one of these.
pub(super) fn is_carriers(path: &str) -> bool {
    path.starts_with("/webhooks/") || path.trim_end_matches('/') == "/relay/twilio/webhook"
}

/// `POST /webhooks/twilio/sms`, answered with empty TwiML, and `POST /webhooks/twilio/status`: the account is
/// that of the form's `AccountSid`, and `X-Twilio-Signature` must be its, over `http.public_url` and the path.
async fn twilio_post(what: String, target: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    let kind = kind(&what, "status")?;
    signed(kind, &target, &call, posted, &app).await?;
    Ok(match kind {
        Kind::Sms => reply::content("text/xml", EMPTY_TWIML.as_bytes()),
        Kind::Receipt => reply::empty(StatusCode::NO_CONTENT),
    })
}

/// `POST /relay/twilio/webhook`: the same as `/webhooks/twilio/status`, over this path.
async fn relayed(target: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    signed(Kind::Receipt, &target, &call, posted, &app).await?;
    Ok(reply::json(StatusCode::OK, &serde_json::json!({ "status": "received" })))
}

/// What a request was made to, as it was written: path and query, which is signed to the letter.
pub(super) fn target() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    let query = warp::query::raw().map(|query: String| format!("?{query}")).or(warp::any().map(String::new)).unify();
    warp::path::full().and(query).map(|path: warp::path::FullPath, query: String| format!("{}{query}", path.as_str()))
}

/// The public URL that a request was made to. A login that was in it has become a header.
pub(super) fn url(app: &App, call: &Call, target: &str) -> String {
    let url = format!("{}{target}", app.origin);
    let Some((user, password)) = auth::login(&call.headers) else { return url };
    let encode = |text: &str| utf8_percent_encode(text, LOGIN).to_string();
    let colon = if password.is_empty() { "" } else { ":" };
    url.replacen("://", &format!("://{}{colon}{}@", encode(&user), encode(&password)), 1)
}

/// By what Twilio's posts are signed.
pub(super) fn signature(call: &Call) -> Option<String> {
    call.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Takes what a Twilio account has signed over the public URL of this request.
async fn signed(kind: Kind, target: &str, call: &Call, posted: Posted, app: &App) -> Result<(), Refusal> {
    // kept until it is answered: it may have to wait for its turn
    let body = read(call, posted, app).await?;
    let post = Post { url: url(app, call, target), signature: signature(call), body: body.clone() };
    take(call, app, app.inbox.prove_twilio(kind, post)).await
}

/// Takes what is proved to be an account's own; the rest are guesses. Past the limit they are answered 429, and what is
/// proved beside them is taken all the same.
async fn take(call: &Call, app: &App, proof: impl Future<Output = Result<Proved, Error>>) -> Result<(), Refusal> {
    let turn = app.guesses.turn(call).await;
    let proved = proof.await;
    drop(turn);
    let taken = match proved {
        Ok(proved) => app.inbox.take(proved).await,
        Err(error) => Err(error),
    };
    let Err(error) = taken else { return Ok(()) };
    let counted = if is_guess(&error) { app.guesses.count(call) } else { Ok(()) };
    match counted {
        Err(wait) if error.kind == ErrorKind::Forged => Err(reply::too_many_requests(wait.as_secs() + 1).into()),
        _ => Err(refused(error)),
    }
}

/// What a carrier is answered is what all are; who runs the server reads of it in the log.
fn refused(error: Error) -> Refusal {
    match error.kind {
        ErrorKind::Forged => tracing::warn!("refused a webhook that no account of ours has sent"),
        ErrorKind::Invalid | ErrorKind::Unreadable => {
            tracing::warn!(reason = %error, "refused a webhook that cannot be read");
        }
        _ => {}
    }
    error.into()
}

/// `POST /webhooks/flowroute/<token>/sms` and `…/receipt`: the token is the account's `webhook_token`.
async fn flowroute_post(secret: String, what: String, call: Call, posted: Posted, app: Arc<App>) -> Answer {
    let kind = kind(&what, "receipt")?;
    let body = read(&call, posted, &app).await?;
    let text = charset::decode(&body, call.header(CONTENT_TYPE));
    take(&call, &app, async { app.inbox.prove_flowroute(kind, &secret, &text) }).await?;
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

async fn read(call: &Call, posted: Posted, app: &App) -> Result<Body, Refusal> {
    call.only("POST")?;
    object::collect(posted, app).await
}

//! `/webhooks/…`, and an older system's `/relay/twilio/webhook`: what carriers post. A 200 or 204 means that it is
//! stored, and will be handled once, or that it tells of nothing that is ours to know.
//!
//! `http.requests_per_address` does not count these paths: a carrier at load comes from few addresses, and
//! its signature, or its secret path, decides before anything is stored. What is forged counts as a guess, and costs
//! its address its turn; what is proved is taken from whatever address.

use std::convert::Infallible;
use std::sync::Arc;

use ::http::StatusCode;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use warp::Filter;
use warp::filters::BoxedFilter;

use super::body::{ReadBody, UnreadBody};
use super::reply::{self, HandlerResult, Refusal};
use super::{App, HttpRoutes, RequestParts, auth, compat, object, posted, verify_call};
use crate::model::AccountId;
use crate::service::account::CarrierKind;
use crate::service::inbound::{InboundCall, PostKind, ProvedCall, ProvedPost, ProviderPost, WebhookReply, is_guess};
use crate::service::{Error, ErrorKind};

/// What is escaped in the login of a URL: all but what may stand there as it is (the URL standard's `userinfo`).
const LOGIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let posting = CarrierKind::ALL.into_iter().filter(|kind| !kind.profile().webhooks.is_empty());
    super::first_of(posting.map(|kind| carrier(kind, app)))
}

/// `/webhooks/<name>/<what>`, or `/webhooks/<name>/<secret>/<what>`, as the carrier's profile has it.
fn carrier(kind: CarrierKind, app: &Arc<App>) -> HttpRoutes {
    let secret: BoxedFilter<(Option<String>,)> = if kind.profile().has_secret_path {
        warp::path::param::<String>().map(Some).boxed()
    } else {
        warp::any().map(|| None::<String>).boxed()
    };
    let what = warp::path::param::<String>().and(warp::path::end());
    let path = warp::path(kind.name()).and(secret).and(what).and(target());
    let take =
        move |secret, what, target, request, posted, app| receive(kind, secret, what, target, request, posted, app);
    path.and(posted(app)).then(take).map(reply::settle).boxed()
}

/// `/relay/twilio/webhook`, the path of an older system.
pub(super) fn relay_routes(app: &Arc<App>) -> HttpRoutes {
    warp::path!("twilio" / "webhook").and(target()).and(posted(app)).then(relayed).map(reply::settle).boxed()
}

/// Whether a path is one of these, or another at which a carrier proves itself.
pub(super) fn is_carriers(path: &str) -> bool {
    let is_older = || path.trim_end_matches('/') == "/relay/twilio/webhook" || compat::is_carriers(path);
    path.starts_with("/webhooks/") || verify_call::is_here(path) || is_older()
}

/// What a carrier posts: which account has sent it, and by what that is proved, its provider knows.
async fn receive(
    kind: CarrierKind,
    secret: Option<String>,
    what: String,
    target: String,
    request: RequestParts,
    posted: UnreadBody,
    app: Arc<App>,
) -> HandlerResult {
    let webhook = kind.profile().webhook(&what).ok_or_else(reply::not_found)?;
    let body = read(&request, posted, &app).await?;
    let post = post(webhook.what, secret, &target, body.clone(), (&request, app.as_ref()));
    if webhook.what == PostKind::Call {
        let turn = app.guesses.turn(&request).await;
        let proved = app.inbox.prove_call(kind, post).await;
        drop(turn);
        let ProvedCall { account, call } = proved.map_err(|error| counted(&request, &app, error))?;
        // a client's server may be asked first
        drop(body);
        return answered(&app, &call, &[account]).await;
    }
    take(&request, &app, app.inbox.prove(kind, post)).await?;
    // kept until it is answered: it may have had to wait for its turn
    drop(body);
    Ok(match webhook.reply {
        WebhookReply::Ok => reply::empty(StatusCode::OK),
        WebhookReply::NoContent => reply::empty(StatusCode::NO_CONTENT),
        WebhookReply::Content { content_type, body } => reply::content(content_type, body.as_bytes()),
    })
}

/// `POST /relay/twilio/webhook`: the same as `/webhooks/twilio/status`, over this path.
async fn relayed(target: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    let body = read(&request, posted, &app).await?;
    let post = post(PostKind::Receipt, None, &target, body.clone(), (&request, app.as_ref()));
    take(&request, &app, app.inbox.prove(CarrierKind::Twilio, post)).await?;
    drop(body);
    Ok(reply::json(StatusCode::OK, &serde_json::json!({ "status": "received" })))
}

/// A post as its carrier's provider reads it.
pub(super) fn post(
    what: PostKind,
    secret: Option<String>,
    target: &str,
    body: Bytes,
    (request, app): (&RequestParts, &App),
) -> ProviderPost {
    ProviderPost { what, url: url(app, request, target), secret, headers: request.headers.clone(), body }
}

/// What a request was made to, as it was written: path and query, which is signed to the letter.
pub(super) fn target() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    let query = warp::query::raw().map(|query: String| format!("?{query}")).or(warp::any().map(String::new)).unify();
    warp::path::full().and(query).map(|path: warp::path::FullPath, query: String| format!("{}{query}", path.as_str()))
}

/// The public URL that a request was made to. A login that was in it has become a header.
fn url(app: &App, request: &RequestParts, target: &str) -> String {
    let url = format!("{}{target}", app.origin);
    let Some((user, password)) = auth::login(&request.headers) else { return url };
    let encode = |text: &str| utf8_percent_encode(text, LOGIN).to_string();
    let colon = if password.is_empty() { "" } else { ":" };
    url.replacen("://", &format!("://{}{colon}{}@", encode(&user), encode(&password)), 1)
}

/// Takes what is proved to be an account's own; the rest are guesses. Past the limit they are answered 429, and what is
/// proved beside them is taken all the same.
async fn take(
    request: &RequestParts,
    app: &App,
    proof: impl Future<Output = Result<ProvedPost, Error>>,
) -> Result<(), Refusal> {
    let turn = app.guesses.turn(request).await;
    let proved = proof.await;
    drop(turn);
    let taken = match proved {
        Ok(proved) => app.inbox.take(proved).await,
        Err(error) => Err(error),
    };
    taken.map_err(|error| counted(request, app, error))
}

/// Why a post is not taken: where whoever posted it need not be a carrier, it counts as a guess.
fn counted(request: &RequestParts, app: &App, error: Error) -> Refusal {
    let counted = if is_guess(&error) { app.guesses.count(request) } else { Ok(()) };
    match counted {
        Err(wait) if error.kind == ErrorKind::Forged => reply::too_many_requests(wait.as_secs() + 1).into(),
        _ => refused(error),
    }
}

/// What the carrier of a caller is told to do.
pub(super) async fn answered(app: &App, call: &InboundCall, accounts: &[AccountId]) -> HandlerResult {
    let answer = app.session_calls.answer(call, accounts).await?;
    Ok(reply::content("text/xml", answer.twiml.into_bytes()))
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

async fn read(request: &RequestParts, posted: UnreadBody, app: &App) -> Result<ReadBody, Refusal> {
    request.only("POST")?;
    object::collect(posted, app).await
}

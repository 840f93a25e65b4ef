//! `/v2/sync/users/…`: sync URLs, QR codes, and both flavours of the handshake.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use warp::Filter;
use warp::reply::Response;

use super::body::{self, ReadBody, UnreadBody};
use super::reply::{self, HandlerResult, Refusal};
use super::{App, HttpRoutes, RequestParts, address, asked, cors, posted};
use crate::model::platform::{Platform, UserPublishingPlatforms};
use crate::model::{DigestAlgorithm, OaepDigests, UserId, bom, qr, rfc3339};
use crate::service::sync::{
    CompletedHandshake, Error, HandshakeFlavour, HandshakeRequest, body_hash, verification_path,
};

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let url = warp::path!("sync" / "users" / String).and(asked(app)).then(sync_url);
    let offered = warp::path!("sync" / "users" / String / "sessions" / String / "handshake").and(posted(app));
    let pair = warp::path!("sync" / "users" / String / "sessions" / String).and(posted(app)).then(pair);
    url.or(offered.then(offer)).unify().or(pair).unify().boxed()
}

/// `GET /v2/sync/users/<uid>`: the bare sync URL; with `?format=` or `Accept` its QR code as
/// SVG or PNG, or everything as JSON.
async fn sync_url(uid: String, request: RequestParts, app: Arc<App>) -> Response {
    let response = match request.method {
        Method::GET => match UserId::from_segment(&uid) {
            Ok(user) => draw(&user, &request, &app),
            Err(error) => reply::text(StatusCode::BAD_REQUEST, error.to_string()),
        },
        Method::OPTIONS => cors::preflight(),
        _ => reply::method_not_allowed("GET, OPTIONS"),
    };
    cors::allow(response, &request, &app.sync.allowed_origins)
}

#[derive(Serialize)]
struct SyncUrlOut {
    qr_url: String,
    mobile_url: String,
    sync_url: String,
    expires_at: String,
}

fn draw(user: &UserId, request: &RequestParts, app: &App) -> Response {
    let named = request.param("format");
    let format = match named.as_deref().or_else(|| accepted(request)) {
        Some(known @ ("svg" | "png" | "json")) => known,
        None | Some("text") => "text",
        Some(_) => return reply::text(StatusCode::BAD_REQUEST, "format is svg, png, json or text"),
    };
    let (links, sid) = (app.links(request), app.session_ids.issue(user));
    let link = links.session(user, sid);
    let drawn = match format {
        "svg" => qr::svg(&link.qr_url).map(|svg| reply::content("image/svg+xml", svg.into_bytes())),
        "png" => qr::png(&link.qr_url).map(|png| reply::content("image/png", png)),
        "json" => {
            let (sync_url, expires_at) = (links.sync_url(user, sid), rfc3339(sid.expires_ms()));
            let out = SyncUrlOut { qr_url: link.qr_url, mobile_url: link.mobile_url, sync_url, expires_at };
            Ok(reply::json(StatusCode::OK, &out))
        }
        _ => Ok(reply::text(StatusCode::OK, links.sync_url(user, sid))),
    };
    drawn.unwrap_or_else(|error| reply::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}

/// The first media type that we know, in the client's order; `*/*` stays text.
fn accepted(request: &RequestParts) -> Option<&'static str> {
    let accept = request.header(::http::header::ACCEPT)?;
    accept.split(',').map(|part| part.split(';').next().unwrap_or(part).trim()).find_map(|media| match media {
        "image/svg+xml" => Some("svg"),
        "image/png" => Some("png"),
        "application/json" => Some("json"),
        "text/plain" => Some("text"),
        _ => None,
    })
}

/// What two-step phones post first.
#[derive(Deserialize)]
struct PairingPublicKeyIn {
    public_key: Option<String>,
}

/// What phones post, in either flavour. `Content-Type` is ignored, unknown fields too.
#[derive(Deserialize)]
struct HandshakeIn {
    public_key: Option<String>,
    password: Option<String>,
    #[serde(rename = "hashingAlgorithm")]
    hashing_algorithm: Option<String>,
    #[serde(rename = "mgf1ParameterSpec")]
    one_step_password_mgf1: Option<String>,
    #[serde(rename = "mgf1ParameterSpec_dec")]
    one_step_answer_mgf1: Option<String>,
    #[serde(rename = "decryption_hash")]
    two_step_password_mgf1: Option<String>,
    #[serde(rename = "encryption_hash")]
    two_step_answer_mgf1: Option<String>,
}

#[derive(Serialize)]
struct PairingPublicKeyOut {
    public_key: String,
    verification_url: String,
}

#[derive(Serialize)]
struct OneStepOut {
    msisdn_hash: String,
    shared_key: String,
    user_platforms: UserPublishingPlatforms,
}

#[derive(Serialize)]
struct TwoStepOut<'a> {
    shared_key: String,
    user_platforms: Vec<Platform>,
    seeds_url: &'a str,
}

/// `POST /v2/sync/users/<uid>/sessions/<sid>/handshake`: T1, the phone's public key for ours.
async fn offer(uid: String, sid: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> Response {
    let arrived = Instant::now();
    let work = async {
        let (posted, _body) = read::<PairingPublicKeyIn>(posted, &app).await?;
        let public_key =
            posted.public_key.filter(|pem| !pem.is_empty()).ok_or_else(|| missing("missing public key"))?;
        let user = user(&uid)?;
        let address = address::group(request.caller.address);
        let offered = app.handshakes.offer(&user, &sid, &public_key, address, arrived).await?;
        let verification_url = verification_path(&user, offered.sid);
        HandlerResult::Ok(reply::json(
            StatusCode::OK,
            &PairingPublicKeyOut { public_key: offered.public_key, verification_url },
        ))
    };
    cors::answer(&request, &app, work).await
}

/// `POST /v2/sync/users/<uid>/sessions/<sid>/`, with or without the slash: O where the body
/// has a public key, else T2.
async fn pair(uid: String, sid: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> Response {
    let arrived = Instant::now();
    let work = async {
        let (posted, body) = read::<HandshakeIn>(posted, &app).await?;
        let handshake = handshake(&uid, sid, &request, posted, &body, arrived)?;
        let paired = app.handshakes.pair(handshake, body).await?;
        HandlerResult::Ok(answer(paired, &app.sync.seeds_url))
    };
    cors::answer(&request, &app, work).await
}

/// What is needed of a post; the rest of it is gone before its turn comes.
fn handshake(
    uid: &str,
    sid: String,
    request: &RequestParts,
    posted: HandshakeIn,
    body: &[u8],
    arrived: Instant,
) -> Result<HandshakeRequest, Refusal> {
    let password =
        posted.password.filter(|password| !password.is_empty()).ok_or_else(|| missing("missing password"))?;
    let oaep = DigestAlgorithm::of_oaep(posted.hashing_algorithm.as_deref());
    let public_key = posted.public_key.filter(|pem| !pem.is_empty());
    // each flavour has its own names, and heeds no others
    let (password_mgf1, answer_mgf1) = if public_key.is_some() {
        (posted.one_step_password_mgf1, posted.one_step_answer_mgf1)
    } else {
        (posted.two_step_password_mgf1, posted.two_step_answer_mgf1)
    };
    Ok(HandshakeRequest {
        user: user(uid)?,
        sid,
        public_key,
        password,
        password_digests: OaepDigests { oaep, mgf1: DigestAlgorithm::of_mgf1(password_mgf1.as_deref()) },
        answer_mgf1: DigestAlgorithm::of_mgf1(answer_mgf1.as_deref()),
        body_hash: body_hash(body),
        address: address::group(request.caller.address),
        arrived,
    })
}

fn answer(paired: CompletedHandshake, seeds_url: &str) -> Response {
    let CompletedHandshake { flavour, shared_key, phone_hash, platforms } = paired;
    match flavour {
        HandshakeFlavour::OneStep => {
            let out = OneStepOut { msisdn_hash: phone_hash, shared_key, user_platforms: platforms };
            reply::json(StatusCode::OK, &out)
        }
        HandshakeFlavour::TwoStep => {
            let out = TwoStepOut { shared_key, user_platforms: platforms.saved_platforms, seeds_url };
            reply::json(StatusCode::OK, &out)
        }
    }
}

async fn read<T: DeserializeOwned>(posted: UnreadBody, app: &App) -> Result<(T, ReadBody), Refusal> {
    let bytes = body::receive(posted, app).await?;
    let json = body::escape_controls(bom::skip(&bytes));
    // the library would take a list for the fields in their order
    let is_object = json.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice(&json) {
        Ok(posted) if is_object => Ok((posted, bytes)),
        // the reason may quote the body: it is not logged
        Ok(_) | Err(_) => Err(missing("poorly formed json")),
    }
}

fn missing(what: &str) -> Refusal {
    tracing::info!(reason = what, "refused a handshake");
    reply::text(StatusCode::BAD_REQUEST, what).into()
}

fn user(uid: &str) -> Result<UserId, Error> {
    UserId::from_segment(uid).map_err(|_| Error::InvalidSession)
}

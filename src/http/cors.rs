//! Web pages on other hosts may call the pairing paths: `sync.allowed_origins` (the Fetch standard's CORS).

use ::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ORIGIN, VARY,
};
use ::http::{HeaderValue, Method, StatusCode};
use warp::reply::Response;

use super::reply::{self, HandlerResult};
use super::{App, RequestParts};

/// Adds what lets a page on an allowed origin read the reply.
pub(super) fn allow(mut response: Response, request: &RequestParts, allowed: &[String]) -> Response {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.headers.get(ORIGIN) else { return response };
    if allowed.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

/// What a path that is posted to answers: `work`'s reply, where it was; seen by pages on allowed origins.
pub(super) async fn answer(request: &RequestParts, app: &App, work: impl Future<Output = HandlerResult>) -> Response {
    let response = match request.method {
        Method::POST => reply::settle(work.await),
        Method::OPTIONS => preflight(),
        _ => reply::method_not_allowed("POST, OPTIONS"),
    };
    allow(response, request, &app.sync.allowed_origins)
}

/// Answers the browser's question before it posts.
pub(super) fn preflight() -> Response {
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

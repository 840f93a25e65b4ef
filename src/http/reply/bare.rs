//! Answers as phones know them: their contract is older than the newline at the end of JSON.

use ::http::Response as HttpResponse;
use ::http::header::CONTENT_TYPE;
use ::http::response::Parts;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Collected};
use warp::Reply as _;
use warp::reply::Response;

/// The same without that newline.
pub(in crate::http) fn bare(response: Response) -> Response {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
    if !is_json {
        return response;
    }
    let (head, body) = parts(response);
    let body = body.slice_ref(body.strip_suffix(b"\n").unwrap_or(&body));
    HttpResponse::from_parts(head, body).into_response()
}

/// What an answer consists of.
pub(in crate::http) fn parts(response: Response) -> (Parts, Bytes) {
    let (head, body) = response.into_parts();
    // it was made of bytes, and is there at once
    let whole = body.collect().now_or_never().and_then(Result::ok);
    (head, whole.map(Collected::to_bytes).unwrap_or_default())
}

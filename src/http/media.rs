//! `/media/…`: what came with texts in sessions, for the carriers that deliver their copies.

use std::convert::Infallible;
use std::iter;
use std::sync::Arc;

use ::http::HeaderValue;
use ::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use futures_util::stream;
use warp::reply::Response;
use warp::{Filter, Reply as _};

use super::reply::{self, HandlerResult};
use super::{App, HttpRoutes, RequestParts, asked};
use crate::model::MessageId;
use crate::service::media::{BufferedMedia, MediaLink};

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let all = warp::path!("media" / String / usize).and(asked(app)).then(fetch);
    all.map(reply::settle).boxed()
}

/// `GET /media/<message>/<place>?until=…&signature=…`: whoever has the link may fetch, until it ends.
async fn fetch(message: String, nth: usize, request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    let message = MessageId::from_hex(&message).map_err(|_| reply::not_found())?;
    let until = request.param("until").and_then(|until| until.parse().ok());
    let (Some(until), Some(signature)) = (until, request.param("signature")) else {
        return Err(reply::not_found().into());
    };
    let link = MediaLink { message, nth, until, signature: signature.into_owned() };
    Ok(streamed(app.media.fetch(&link).await?))
}

/// Goes out in pieces: it is held in memory no longer than its receiver needs to take it.
fn streamed(mut media: BufferedMedia) -> Response {
    let kind = media.content_type.take().and_then(|kind| HeaderValue::from_str(&kind).ok());
    let length = media.length();
    let pieces = iter::from_fn(move || media.next_piece().map(Ok::<_, Infallible>));
    let mut response = warp::reply::stream(stream::iter(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // it is somebody else's: a browser runs nothing of it under our name
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

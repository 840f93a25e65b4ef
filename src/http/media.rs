//! `/media/…`: what came with texts in sessions, for the carriers that deliver their copies.

use std::sync::Arc;

use ::http::HeaderValue;
use ::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use warp::Filter;

use super::reply::{self, HandlerResult};
use super::{App, HttpRoutes, RequestParts, asked};
use crate::model::MessageId;
use crate::service::media::MediaLink;

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
    let media = app.media.fetch(&link).await?;
    let mut response = reply::content("application/octet-stream", Vec::from(media.body));
    let headers = response.headers_mut();
    if let Some(kind) = media.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
        headers.insert(CONTENT_TYPE, kind);
    }
    // it is somebody else's: a browser runs nothing of it under our name
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

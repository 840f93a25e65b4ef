//! `/pair/<uid>`: the page on which a person pairs a phone, and its picture and status.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use ::http::{HeaderValue, StatusCode};
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use super::reply::{self, HandlerResult};
use super::{App, HttpRoutes, RequestParts, asked};
use crate::crypto::SyncSessionId;
use crate::model::{UserId, qr};

const HTML: &str = include_str!("page/pair.html");
const SCRIPT: &str = include_str!("page/pair.js");
const STYLE: &str = include_str!("page/pair.css");

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let page = warp::path!("pair" / String).and(asked(app)).map(show);
    let code = warp::path!("pair" / String / String).and(asked(app)).map(draw);
    let status = warp::path!("pair" / String / String / "status").and(asked(app)).then(tell);
    let assets = warp::path!("assets" / String).and(super::request_parts()).map(asset);
    // the policy of the page rules out an icon in its markup; browsers ask here
    let icon = warp::path!("favicon.ico").map(|| reply::empty(StatusCode::NO_CONTENT));
    let all = page.or(code).unify().or(status).unify().or(assets).unify().map(reply::settle);
    all.or(icon).unify().boxed()
}

/// `GET /pair/<uid>`: for any user id, so that it tells nothing about who exists.
fn show(uid: String, request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    let user = UserId::from_segment(&uid).map_err(|_| reply::not_found())?;
    let settings = &app.sync;
    let html = HTML
        .replace("{{rotate_ms}}", &settings.rotate_every.as_ms().to_string())
        .replace("{{pause_ms}}", &settings.pause_for.as_ms().to_string())
        .replace("{{ttl_ms}}", &settings.session_ttl.as_ms().to_string())
        .replace("{{segment}}", &user.segment())
        // last: what a user id holds is not looked at again
        .replace("{{uid}}", &escape(user.as_str()));
    let mut response = guarded("text/html; charset=utf-8", html.into_bytes());
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        app.links(&request).origin.socket()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// `GET /pair/<uid>/<sid>.svg`: the code of one session, while it holds.
fn draw(uid: String, file: String, request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    let user = UserId::from_segment(&uid).map_err(|_| reply::not_found())?;
    let sid =
        file.strip_suffix(".svg").and_then(|sid| sid.parse::<SyncSessionId>().ok()).ok_or_else(reply::not_found)?;
    if !app.session_ids.holds(&user, sid) {
        return Err(reply::not_found().into());
    }
    let drawn = qr::svg(&app.links(&request).session(&user, sid).qr_url);
    let svg = drawn.map_err(|error| reply::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))?;
    Ok(guarded("image/svg+xml", svg.into_bytes()))
}

/// `GET /pair/<uid>/<sid>/status`: what became of a session whose socket is gone.
async fn tell(uid: String, sid: String, request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    let user = UserId::from_segment(&uid).map_err(|_| reply::not_found())?;
    let state = app.sockets.status(&user, &sid).await?;
    Ok(reply::json(StatusCode::OK, &json!({"state": state})))
}

fn asset(name: String, request: RequestParts) -> HandlerResult {
    let (content_type, text) = match name.as_str() {
        "pair.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "pair.css" => ("text/css; charset=utf-8", STYLE),
        _ => return Err(reply::not_found().into()),
    };
    request.only("GET")?;
    Ok(guarded(content_type, text.as_bytes()))
}

/// What a page consists of: no browser makes anything else of it, or tells where it was read.
pub(super) fn guarded(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Response {
    let mut response = reply::content(content_type, body);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_cannot_become_markup() {
        assert_eq!(escape(r#"<a href="x">&'"#), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}

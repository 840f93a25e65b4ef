//! `POST /` and `GET /?auth_id=&code=`: codes that prove phones, as the older service of one-time codes has them. Carriers
//! post the number proxy's texts to `/` too: what a post holds says whose it is.

mod check;
mod order;
mod refusal;

use std::sync::Arc;

use ::http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use warp::Filter;
use warp::reply::Response;

use self::refusal::{CodesRefusal, invalid};
use super::number_proxy;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::reply::{self, Refusal};
use crate::http::{App, HttpRoutes, RequestParts, asked, auth, object, posted};
use crate::model::{DurationSetting, bom};
use crate::service::client::{ApiConsumer, KeyScope};

/// What a handler of this door comes to.
type CodesResult<T = Response> = Result<T, CodesRefusal>;

const AUTH_ID: &str = "auth_id";
const RECIPIENT: &str = "recipient";
const CODE: &str = "code";

/// Characters of a name of the caller's at most.
const LONGEST_AUTH_ID: usize = 120;

/// `[compat.codes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodesDoorSettings {
    /// Whose codes they are, as the text says.
    pub org_name: String,
    /// With `{code}` in it, and `{name}` for whose it is.
    pub text: String,
    /// Digits.
    pub code_length: u8,
    pub ttl: DurationSetting,
    /// How many codes may be tried.
    pub tries: u8,
    /// The number that texts come from; empty: whichever there is.
    pub from: String,
}

/// Whose a post to `/` is, by what it holds.
#[derive(Debug, PartialEq)]
enum RootPost {
    /// This door's.
    Codes(Map<String, Json>),
    /// The number proxy's.
    Text,
    /// Nobody's: it has fields of both, or of neither.
    Unknown,
}

/// Whether somebody asks something of this door, and nobody fetches `/` for another reason.
pub(in crate::http) fn is_here(method: &Method, uri: &Uri) -> bool {
    uri.path() == "/" && (*method == Method::POST || is_check(uri.query().unwrap_or_default()))
}

/// An answer of all doors in the words of this one.
pub(in crate::http) fn retold(response: Response) -> Response {
    refusal::settle(Err(Refusal::from(response).into()))
}

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let posts = warp::path::end().and(warp::post()).and(posted(app)).then(post);
    let read = warp::get().or(warp::head()).unify();
    let checks = warp::path::end().and(read).and(of_codes()).and(warp::method()).and(asked(app));
    let checks = checks.then(check::answer).map(refusal::settle);
    posts.or(checks).unify().boxed()
}

/// Lets those pass who ask for a code to be looked at.
fn of_codes() -> impl Filter<Extract = (), Error = warp::Rejection> + Copy {
    let pass = |query: String| async move { if is_check(&query) { Ok(()) } else { Err(warp::reject::not_found()) } };
    warp::query::raw().and_then(pass).untuple_one()
}

fn is_check(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == AUTH_ID || name == CODE)
}

/// `POST /`. Who posts is asked before anybody looks at the body.
async fn post(request: RequestParts, posted: UnreadBody, app: Arc<App>) -> Response {
    let (consumer, body) = match known(&request, posted, &app).await {
        Ok(known) => known,
        Err(refusal) => return refusal::settle(Err(refusal.into())),
    };
    match read(&body) {
        RootPost::Codes(fields) => refusal::settle(order::create(&request, &consumer, &fields, &app).await),
        RootPost::Text => number_proxy::take(&request, &body, &app).await,
        RootPost::Unknown => {
            let message = "The body must be a JSON object with auth_id and recipient, or that of a text.";
            refusal::settle(Err(invalid(message)))
        }
    }
}

async fn known(request: &RequestParts, posted: UnreadBody, app: &App) -> Result<(ApiConsumer, ReadBody), Refusal> {
    let consumer = auth::consumer(app, request)?;
    Ok((consumer, object::collect(posted, app).await?))
}

/// Lets those pass whose key is for codes.
fn verifier(consumer: &ApiConsumer) -> Result<(), Refusal> {
    if consumer.may(KeyScope::Verify) { Ok(()) } else { Err(reply::forbidden("this key may not verify phones")) }
}

fn read(body: &[u8]) -> RootPost {
    let Ok(fields) = serde_json::from_slice::<Map<String, Json>>(bom::skip(body)) else { return RootPost::Unknown };
    let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    let is_newer = fields.get("data").is_some_and(|data| data.get("attributes").is_some());
    match (has(&[AUTH_ID, RECIPIENT]), is_newer || has(&["to", "from", "body"])) {
        (true, false) => RootPost::Codes(fields),
        (false, true) => RootPost::Text,
        (true, true) | (false, false) => RootPost::Unknown,
    }
}

/// Whether it can be a name of the caller's.
fn is_auth_id(text: &str) -> bool {
    (1..=LONGEST_AUTH_ID).contains(&text.chars().count()) && text.trim() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_post_holds_says_whose_it_is() {
        let is_codes = |body: &str| matches!(read(body.as_bytes()), RootPost::Codes(_));
        for body in [
            r#"{"auth_id": "a", "recipient": "12065550110"}"#,
            r#"{"auth_id": null}"#,
            r#"{"recipient": 12065550110, "data": {}, "note": 1}"#,
            "\u{feff}{\"auth_id\": 7}",
        ] {
            assert!(is_codes(body), "{body}");
        }
        for body in [
            r#"{"to": "1", "from": "2", "body": "x"}"#,
            r#"{"body": null}"#,
            r#"{"data": {"id": "1", "attributes": {"to": "1"}}}"#,
        ] {
            assert_eq!(read(body.as_bytes()), RootPost::Text, "{body}");
        }
        for body in [
            r#"{"auth_id": "a", "to": "1"}"#,
            r#"{"recipient": "a", "data": {"attributes": {}}}"#,
            "{}",
            r#"{"data": {}}"#,
            r#"{"data": [1]}"#,
            "[]",
            "\"x\"",
            "",
            "auth_id=a&recipient=b",
        ] {
            assert_eq!(read(body.as_bytes()), RootPost::Unknown, "{body}");
        }
    }

    #[test]
    fn a_page_is_no_question_for_a_code() {
        for (method, uri, is_ours) in [
            (Method::GET, "/?auth_id=a&code=1", true),
            (Method::HEAD, "/?code=1", true),
            (Method::GET, "/?key=k&auth%5Fid=", true),
            (Method::POST, "/", true),
            (Method::GET, "/", false),
            (Method::GET, "/?key=k", false),
            (Method::GET, "/?barcode=1", false),
            (Method::POST, "/tn", false),
            (Method::GET, "/v1?code=1", false),
        ] {
            let read: Option<Uri> = uri.parse().ok();
            assert_eq!(read.map(|uri| is_here(&method, &uri)), Some(is_ours), "{method} {uri}");
        }
    }

    #[test]
    fn names_are_short_and_begin_and_end_with_something() {
        for good in ["a", "user@example.org", "two words", "日本", &"x".repeat(120), &"é".repeat(120)] {
            assert!(is_auth_id(good), "{good}");
        }
        for wrong in ["", " ", " a", "a\n", "\u{a0}a", &"x".repeat(121)] {
            assert!(!is_auth_id(wrong), "{wrong}");
        }
    }
}

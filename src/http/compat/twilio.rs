//! `/2010-04-01/Accounts/<sid>/…`: Twilio's REST API for messages and calls, over a client's own account, and below
//! `v1` and `v2` what is served of its newer APIs.
//!
//! A change of the base URL brings Twilio's own libraries here: forms in, Twilio's JSON, states, dates and error
//! codes out. Twilio's OpenAPI description of these paths is the contract.

mod account;
mod call;
mod date;
mod error;
mod form;
mod incoming_phone_number;
mod media;
mod message;
mod meta_page;
mod page;
mod plan;
mod refusal;
mod reply_base_url;
mod shape;
mod sid;
mod v1;
mod v2;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use warp::Filter;
use warp::path::Tail;
use warp::reply::Response;

use self::error::{Result, TwilioCompatResult};
use self::reply_base_url::ReplyBaseUrl;
use crate::http::body::UnreadBody;
use crate::http::{App, HttpRoutes, RequestParts, auth, posted, reply};
use crate::model::Country;
use crate::service::client::{ApiConsumer, KeyScope};
use crate::service::message::Message;

pub(in crate::http) use self::error::retold;
pub(in crate::http) use self::v1::{answer as answer_v1, is_of_v1};
pub(in crate::http::compat) use self::v1::{conversation_id, made_conversation};
pub(in crate::http) use self::v2::routes as routes_v2;

/// Twilio's name for this API, and the first segment of its paths.
pub(in crate::http) const VERSION: &str = "2010-04-01";

/// What stands behind `/2010-04-01`; nothing falls through.
pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    warp::path::tail().and(posted(app)).then(answer).map(error::settle).boxed()
}

/// Whether a path is one of these.
pub(in crate::http) fn is_here(path: &str) -> bool {
    if let Some(rest) = path.strip_prefix("/v1/") {
        return is_of_v1(rest);
    }
    if let Some(rest) = path.strip_prefix("/v2/") {
        return v2::is_of_v2(rest);
    }
    let path = path.strip_prefix("/relay").unwrap_or(path);
    path.strip_prefix('/').and_then(|path| path.strip_prefix(VERSION)).is_some_and(|rest| rest.starts_with('/'))
}

/// Who asks for what.
struct TwilioCompatRequest<'a> {
    app: &'a Arc<App>,
    request: &'a RequestParts,
    consumer: ApiConsumer,
}

impl TwilioCompatRequest<'_> {
    /// Where numbers are that its client writes without a country code.
    fn country(&self) -> Option<Country> {
        self.app.country(self.consumer.client)
    }

    /// Where the URLs of its answer stand.
    fn base(&self) -> ReplyBaseUrl {
        ReplyBaseUrl::of(self.app, self.request)
    }

    /// Whether it may change this message, or end this call.
    fn may_change(&self, message: &Message) -> Result<()> {
        self.consumer.may_change(message).map_err(|reason| error::FORBIDDEN.because(reason))
    }

    /// An item in its whole shape; what was changed says to who may not read only how it stands.
    fn shown(&self, item: &impl Serialize) -> Response {
        if self.consumer.may(KeyScope::Read) {
            return reply::json(StatusCode::OK, item);
        }
        let mut item = serde_json::to_value(item).unwrap_or_default();
        for (name, value) in item.as_object_mut().into_iter().flatten() {
            if !["sid", "status"].contains(&name.as_str()) {
                *value = Value::Null;
            }
        }
        reply::json(StatusCode::OK, &item)
    }

    fn may(&self, scope: KeyScope) -> Result<()> {
        if self.consumer.may(scope) { Ok(()) } else { Err(error::FORBIDDEN.into()) }
    }
}

/// Credentials come before any look at the path or the body, as at Twilio.
async fn answer(tail: Tail, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> TwilioCompatResult {
    let consumer = auth::consumer(&app, &request)?;
    let visit = TwilioCompatRequest { app: &app, request: &request, consumer };
    let path = tail.as_str();
    let segments: Vec<&str> = path.strip_suffix(".json").unwrap_or(path).split('/').collect();
    let ["Accounts", account, rest @ ..] = segments.as_slice() else { return Err(error::NOT_FOUND.into()) };
    if *account != sid::account(visit.consumer.client) {
        return Err(error::NOT_THEIRS.into());
    }
    match (rest, &request.method) {
        ([], &Method::GET) => Ok(account::fetch(&visit)),
        (["Messages"], &Method::POST) => message::create(&visit, posted).await,
        (["Messages"], &Method::GET) => message::list(&visit).await,
        (["Messages", sid], &Method::GET) => message::fetch(&visit, sid).await,
        (["Messages", sid], &Method::POST) => message::update(&visit, sid, posted).await,
        (["Messages", sid], &Method::DELETE) => message::delete(&visit, sid).await,
        (["Messages", sid, "Media"], &Method::GET) => media::list(&visit, sid).await,
        (["Calls"], &Method::POST) => call::create(&visit, posted).await,
        (["Calls"], &Method::GET) => call::list(&visit).await,
        (["Calls", sid], &Method::GET) => call::fetch(&visit, sid).await,
        (["Calls", sid], &Method::POST) => call::update(&visit, sid, posted).await,
        (["Calls", sid], &Method::DELETE) => call::delete(&visit, sid).await,
        (["IncomingPhoneNumbers"], &Method::GET) => incoming_phone_number::list(&visit).await,
        (["IncomingPhoneNumbers", sid], &Method::GET) => incoming_phone_number::fetch(&visit, sid).await,
        ([] | ["Messages", _, "Media"] | ["IncomingPhoneNumbers"] | ["IncomingPhoneNumbers", _], _) => {
            Err(error::method_not_allowed("GET"))
        }
        (["Messages" | "Calls"], _) => Err(error::method_not_allowed("GET, POST")),
        (["Messages" | "Calls", _], _) => Err(error::method_not_allowed("GET, POST, DELETE")),
        _ => Err(error::NOT_FOUND.into()),
    }
}

//! Masked conversations as an older system has them: two to fifty people, numbers chosen from a pool, texts and calls.
//! What the answer to `POST /sessions` links to stands at Twilio's door (`twilio/v1/conversation.rs`).

mod call;
pub(super) mod field;
mod order;
pub(super) mod signature;

use std::sync::Arc;

use ::http::header::WWW_AUTHENTICATE;
use ::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use warp::Filter;

use self::order::MaskedSessionIn;
use self::signature::SignedFields;
use super::twilio;
use crate::http::auth::{self, Requester, UnknownRequester};
use crate::http::body::UnreadBody;
use crate::http::reply::{self, HandlerResult, Refusal};
use crate::http::{App, HttpRoutes, RequestParts, idempotency, object, posted, session, webhook};
use crate::model::{AccountId, ClientId, Secret, SessionDoor, SessionId};
use crate::service::account::CarrierKind;
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::session::{DELETED, SessionResult, SessionWithParticipants};
use crate::service::{Error, ErrorKind};

const SESSIONS: &str = "/sessions";

/// `[compat.masked]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedDoorSettings {
    /// The client that has the conversations made with the login.
    pub client: String,
    /// The pool that people get their numbers of, by its name.
    pub pool: String,
    pub username: String,
    pub password: Secret,
    /// An account at Twilio, and its token.
    pub account_sid: String,
    pub auth_token: Secret,
}

impl MaskedDoorSettings {
    /// Whether anybody uses this door.
    pub fn is_on(&self) -> bool {
        !self.username.is_empty() || !self.account_sid.is_empty()
    }
}

/// What the door knows of its users.
#[derive(Clone, Debug)]
pub struct MaskedDoor {
    pub settings: MaskedDoorSettings,
    /// The client of the settings, where anybody uses this door.
    pub client: Option<ClientId>,
}

/// Whether Twilio posts to a path: it comes from few addresses, and proves itself.
pub(super) fn is_carriers(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "/conversations-post-event" | "/inbound-call")
}

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let sessions = warp::path!("sessions").and(posted(app)).then(create);
    let event = warp::path!("conversations-post-event").and(webhook::target()).and(posted(app)).then(post_event);
    let own = sessions.or(event).unify().map(reply::settle);
    own.or(call::routes(app)).unify().boxed()
}

/// Who makes a request by the door's own login, which opens nothing else.
pub(super) fn requester(app: &App, path: &str, headers: &HeaderMap) -> Option<Requester> {
    let MaskedDoor { settings, client } = &app.masked;
    let is_here = path.trim_end_matches('/') == SESSIONS && !settings.username.is_empty();
    let client = client.filter(|_| is_here)?;
    let (user, password) = auth::login(headers)?;
    let fits = user.as_bytes().ct_eq(settings.username.as_bytes())
        & password.as_bytes().ct_eq(settings.password.expose().as_bytes());
    bool::from(fits).then(|| Requester::Client(ApiConsumer::of(client)))
}

/// Whose the conversation is to be; a development server asks nobody.
fn host(app: &App, request: &RequestParts) -> Result<ApiConsumer, Refusal> {
    match request.caller.known.who {
        Err(UnknownRequester::Missing) if app.is_dev => Ok(ApiConsumer::of(ClientId::DEMO)),
        Err(_) => {
            let mut response = reply::empty(StatusCode::UNAUTHORIZED);
            let asked = HeaderValue::from_static("Basic realm=\"Switchboard\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, asked);
            Err(response.into())
        }
        Ok(_) => Ok(auth::active(app, auth::host(app, request)?)?.consumer),
    }
}

/// `POST /sessions` `{"addresses": […]}`: a conversation, in Twilio's words but in camel case.
async fn create(request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    request.only("POST")?;
    let consumer = host(&app, &request)?;
    let body = object::collect(posted, &app).await?;
    let key = idempotency::key(&request, SESSIONS)?;
    let bad = |reason: String| Refusal::from(reply::text(StatusCode::BAD_REQUEST, reason));
    let posted = MaskedSessionIn::read(&body).map_err(bad)?;
    let pool = app.numbers.masked_pool(consumer.client, &app.masked.settings.pool).await?;
    let order = posted.order(pool, app.country(consumer.client)).map_err(bad)?;
    let people: Vec<String> = order.participants.iter().map(|one| one.address.as_str().to_owned()).collect();
    let answer = |made: &SessionWithParticipants| twilio::made_conversation(&app, &request, made);
    let text = |made: &SessionWithParticipants| answer(made).to_string();
    let context = session::context(&request, "session.create");
    let created = app.sessions.create(&consumer, order, key, &text, &context).await;
    Ok(match created.map_err(|error| refused(error, &people))? {
        SessionResult::Made(made) => reply::json(StatusCode::OK, &answer(&made)),
        SessionResult::Again(kept) => reply::replayed(StatusCode::OK, kept.text),
    })
}

/// The older system's words, which programs look for.
fn short_for(address: &str) -> Refusal {
    let reason = format!("Not enough numbers available in pool for {address}");
    reply::text(StatusCode::INTERNAL_SERVER_ERROR, reason).into()
}

/// A field of ours by its name here.
fn named(field: &str) -> &str {
    match field {
        "participants" => "addresses",
        "name" => "friendlyName",
        "unique_name" => "uniqueName",
        "metadata" => "attributes",
        "ttl" => "timers.closed",
        "rest_after" => "timers.inactive",
        other => other,
    }
}

/// Why there is no conversation. `people`: for whom it was to be.
fn refused(error: Error, people: &[String]) -> Refusal {
    let (detail, bad) = (&*error.detail, StatusCode::BAD_REQUEST);
    match (&error.kind, error.field) {
        (ErrorKind::NoNumber(_), _) => {
            // of a pool without numbers it names nobody
            let whom = people.iter().find(|one| detail.contains(&format!("for {one}:")));
            short_for(whom.or(people.first()).map_or("", String::as_str))
        }
        (ErrorKind::Invalid | ErrorKind::Conflict, Some(field)) => {
            reply::text(bad, format!("{}: {detail}", named(field))).into()
        }
        (ErrorKind::Invalid | ErrorKind::Conflict, None) => reply::text(bad, detail).into(),
        _ => error.into(),
    }
}

/// `POST /conversations-post-event`: Twilio says that a conversation is in another state; one that is closed goes.
async fn post_event(target: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    let fields = SignedFields::posted(&app, &request, &target, posted).await?;
    let state = match fields.one("EventType") {
        Some("onConversationUpdated") => fields.one("State"),
        Some("onConversationStateUpdated") => fields.one("StateTo"),
        _ => None,
    };
    if state != Some("closed") {
        return Ok(reply::text(StatusCode::OK, "not processed"));
    }
    let sid = fields.one("ConversationSid").unwrap_or_default();
    match remove(&app, twilio::conversation_id(sid), fields.accounts()).await {
        Ok(()) => Ok(reply::text(StatusCode::OK, format!("{sid} deleted"))),
        Err(error) if error.kind == ErrorKind::NotFound => {
            let reason = format!("{sid} failed to delete: {}", error.detail);
            Ok(reply::text(StatusCode::INTERNAL_SERVER_ERROR, reason))
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes a conversation of this door, whosever it is. `accounts`: who says that it is closed. To others than that of
/// the settings, and those that the conversation's numbers are on, it is as though it were not there.
async fn remove(app: &App, id: Option<SessionId>, accounts: &[AccountId]) -> Result<(), Error> {
    let unknown = || Error::not_found("conversation");
    let id = id.ok_or_else(unknown)?;
    let client = app.sessions.client_of(id).await?.ok_or_else(unknown)?;
    let found = app.sessions.find(client, id).await?;
    if found.session.door != SessionDoor::Masked || found.session.reason.as_deref() == Some(DELETED) {
        return Err(unknown());
    }
    let own = app.accounts.named(CarrierKind::Twilio, &app.masked.settings.account_sid);
    let may_end = own.is_some_and(|own| accounts.contains(&own)) || app.sessions.is_on(&found, accounts).await?;
    if !may_end {
        tracing::warn!(session = %id, "an account says that a conversation is closed which is not on its numbers");
        return Err(unknown());
    }
    app.sessions.delete(client, id, &AuditContext::unwritten()).await
}

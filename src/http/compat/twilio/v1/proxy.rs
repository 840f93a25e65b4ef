//! `/v1/Services…`: Twilio's Proxy. A service is a pool with its settings, a session what it is everywhere here.
//!
//! Pools that give each number to one session are no services; neither are Messaging's or Conversations', whose SIDs
//! begin with other letters.

mod interaction;
mod message_interaction;
mod participant;
mod participant_order;
mod phone_number;
mod refusal;
mod service;
mod session;
mod session_order;

use ::http::Method;

use crate::http::body::UnreadBody;
use crate::http::compat::twilio::TwilioCompatRequest;
use crate::http::compat::twilio::error::{
    FORBIDDEN, NOT_FOUND, PARAMETER, Result, TwilioCompatResult, method_not_allowed,
};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::sid;
use crate::model::{DurationSetting, PoolId};
use crate::service::client::KeyScope;
use crate::service::number::Pool;
use crate::service::session::SessionWithParticipants;

/// `path`: what stands behind `Services`.
pub(super) async fn answer(visit: &TwilioCompatRequest<'_>, path: &[&str], posted: UnreadBody) -> TwilioCompatResult {
    let [service, rest @ ..] = path else {
        return match visit.request.method {
            Method::GET => service::list(visit).await,
            Method::POST => service::create(visit, posted).await,
            _ => Err(method_not_allowed("GET, POST")),
        };
    };
    let service = service::find(visit, service).await?;
    match (rest, &visit.request.method) {
        ([], &Method::GET) => service::fetch(visit, &service),
        ([], &Method::POST) => service::update(visit, &service, posted).await,
        ([], &Method::DELETE) => service::delete(visit, &service).await,
        (["PhoneNumbers"], &Method::GET) => phone_number::list(visit, &service).await,
        (["PhoneNumbers"], &Method::POST) => phone_number::add(visit, &service, posted).await,
        (["PhoneNumbers", sid], &Method::GET) => phone_number::fetch(visit, &service, sid).await,
        (["PhoneNumbers", sid], &Method::POST) => phone_number::update(visit, &service, sid, posted).await,
        (["PhoneNumbers", sid], &Method::DELETE) => phone_number::delete(visit, &service, sid).await,
        (["Sessions"], &Method::GET) => session::list(visit, &service).await,
        (["Sessions"], &Method::POST) => session::create(visit, &service, posted).await,
        (["Sessions", session, below @ ..], _) => of_session(visit, &service, (*session, below), posted).await,
        (["PhoneNumbers" | "Sessions"], _) => Err(method_not_allowed("GET, POST")),
        ([] | ["PhoneNumbers", _], _) => Err(method_not_allowed("GET, POST, DELETE")),
        _ => Err(NOT_FOUND.into()),
    }
}

/// `below`: what stands behind the session.
async fn of_session(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    (session, below): (&str, &[&str]),
    posted: UnreadBody,
) -> TwilioCompatResult {
    let session = session::find(visit, service, session).await?;
    match (below, &visit.request.method) {
        ([], &Method::GET) => session::fetch(visit, &session),
        ([], &Method::POST) => session::update(visit, service, &session, posted).await,
        ([], &Method::DELETE) => session::delete(visit, &session).await,
        (["Participants"], &Method::GET) => participant::list(visit, &session),
        (["Participants"], &Method::POST) => participant::create(visit, service, &session, posted).await,
        (["Participants", sid], &Method::GET) => participant::fetch(visit, &session, sid),
        (["Participants", sid], &Method::DELETE) => participant::delete(visit, &session, sid).await,
        (["Interactions", ..] | ["Participants", _, "MessageInteractions", ..], _) => {
            interaction::answer(visit, &session, below, posted).await
        }
        ([], _) => Err(method_not_allowed("GET, POST, DELETE")),
        (["Participants"], _) => Err(method_not_allowed("GET, POST")),
        (["Participants", _], _) => Err(method_not_allowed("GET, DELETE")),
        _ => Err(NOT_FOUND.into()),
    }
}

/// The path of a service.
fn service_path(id: PoolId) -> String {
    format!("/v1/Services/{}", sid::service(id))
}

/// The path of a session, which has its numbers of a service.
fn session_path(session: &SessionWithParticipants) -> String {
    let service = session.session.pool.map(service_path).unwrap_or_default();
    format!("{service}/Sessions/{}", sid::session(session.session.id))
}

/// A time that a parameter says; 0 is none.
fn seconds(form: &TwilioForm, name: &str) -> Result<Option<DurationSetting>> {
    let secs = form.one(name).map(str::parse::<u32>).transpose();
    let secs = secs.map_err(|_| PARAMETER.because(&format!("{name} must be in seconds, and 0 for none")))?;
    Ok(secs.map(|secs| DurationSetting::from_millis(u64::from(secs) * 1000)))
}

/// Lets whoever changes services and their numbers pass: the client by its auth token, or an administrator.
fn may_own(visit: &TwilioCompatRequest<'_>) -> Result<()> {
    let refused = || FORBIDDEN.because("services and their numbers are changed with the account's auth token");
    if visit.consumer.key.is_none() { Ok(()) } else { Err(refused()) }
}

/// Whether a session may be changed: by a key only where it may text all of its people.
fn may_change(visit: &TwilioCompatRequest<'_>, session: &SessionWithParticipants) -> Result<()> {
    visit.may(KeyScope::Sessions)?;
    if visit.consumer.may_send_in(session) {
        return Ok(());
    }
    Err(FORBIDDEN.because("it may not send to all in this session"))
}

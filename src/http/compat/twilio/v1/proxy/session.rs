//! `Sessions` of a service.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::session_order::{SessionEnding, modes, order};
use super::{may_change, refusal, service_path, session_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, PARAMETER, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::v1::error::{CLOSED, SESSION_SID, STATUS};
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::{idempotency, reply, segment, session as native};
use crate::model::SessionState;
use crate::service::client::KeyScope;
use crate::service::number::Pool;
use crate::service::session::{DELETED, Filter, SessionChange, SessionMove, SessionResult, SessionWithParticipants};
use crate::service::{Error, ErrorKind};

/// Sessions that have had one name, of which the open one is wanted.
const NAMESAKES: usize = 100;

/// One that rests goes on with the next word: in progress.
fn status(state: SessionState) -> &'static str {
    match state {
        SessionState::Open => "open",
        SessionState::InProgress | SessionState::Inactive => "in-progress",
        SessionState::Closed => "closed",
        SessionState::Failed => "failed",
    }
}

pub(super) fn out(base: &ReplyBaseUrl, found: &SessionWithParticipants) -> Value {
    let session = &found.session;
    let (url, at) = (base.join(&session_path(found)), |at_ms: Option<_>| at_ms.map(date::iso8601));
    let created = date::iso8601(session.created_ms);
    // nobody gives a reason who closes it
    let closed = session.state.is_over().then(|| session.reason.as_deref().unwrap_or("closed"));
    json!({
        "account_sid": sid::account(session.client),
        "closed_reason": closed,
        "date_created": created,
        "date_ended": at(session.closed_ms),
        "date_expiry": at(session.expires_ms.or(session.ends_ms)),
        "date_last_interaction": at(session.last_said_ms()),
        "date_started": created,
        "date_updated": date::iso8601(session.changed_ms),
        "links": { "interactions": format!("{url}/Interactions"), "participants": format!("{url}/Participants") },
        "mode": modes(session.mode),
        "service_sid": session.pool.map(sid::service),
        "sid": sid::session(session.id),
        "status": status(session.state),
        "ttl": session.ttl_ms.map_or(0, |ttl_ms| ttl_ms / 1000),
        "unique_name": session.unique_name,
        "url": url,
    })
}

/// The session of this SID, or this unique name: of several the open one, else the last.
pub(super) async fn find(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    name: &str,
) -> Result<SessionWithParticipants> {
    let found = match sid::parse_session(name) {
        Some(id) => match visit.app.sessions.find(service.client, id).await {
            Err(Error { kind: ErrorKind::NotFound, .. }) => None,
            found => Some(found?),
        },
        None => by_name(visit, service, name).await?,
    };
    let is_here = |found: &SessionWithParticipants| {
        found.session.pool == Some(service.id) && found.session.reason.as_deref() != Some(DELETED)
    };
    let wrong = if name.starts_with("KC") && sid::parse_session(name).is_none() { SESSION_SID } else { NOT_FOUND };
    Ok(found.filter(is_here).ok_or(wrong)?)
}

async fn by_name(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    name: &str,
) -> Result<Option<SessionWithParticipants>> {
    let Some(name) = segment(name) else { return Ok(None) };
    let filter =
        Filter { pool: Some(service.id), unique_name: Some(name), without_reason: Some(DELETED), ..Filter::default() };
    let (mut found, _) = visit.app.sessions.list(service.client, filter, NAMESAKES).await?;
    let open = found.iter().position(|one| !one.session.state.is_over()).unwrap_or(0);
    Ok(if found.is_empty() { None } else { Some(found.swap_remove(open)) })
}

/// `GET …/Sessions`
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, service: &Pool) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let filter = Filter {
        pool: Some(service.id),
        after: page.after(),
        before: page.before(),
        without_reason: Some(DELETED),
        ..Filter::default()
    };
    let (sessions, more) = visit.app.sessions.list(service.client, filter, page.size).await?;
    let edges = MetaPageEdges::of(&sessions, |one| one.session.id, more);
    let items: Vec<Value> = sessions.iter().map(|one| out(&base, one)).collect();
    let path = format!("{}/Sessions", service_path(service.id));
    Ok(page.reply(&form, (&base, path.as_str()), "sessions", &items, edges))
}

/// `POST …/Sessions`: with all of its participants, or not at all.
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, service: &Pool, posted: UnreadBody) -> TwilioCompatResult {
    visit.may(KeyScope::Sessions)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let key = idempotency::twilio_key(visit.request, "/v1/Services/Sessions")?;
    let (order, base) = (order(visit, service, &form).await?, visit.base());
    let text = |made: &SessionWithParticipants| out(&base, made).to_string();
    let context = native::context(visit.request, "session.create");
    let told = visit.app.sessions.create(&visit.consumer, order, key, &text, &context).await;
    match told.map_err(|error| refusal::of(error, service.settings.bound))? {
        SessionResult::Made(made) => Ok(reply::json(StatusCode::CREATED, &out(&base, &made))),
        SessionResult::Again(kept) => Ok(reply::replayed(StatusCode::CREATED, kept.text)),
    }
}

/// `GET …/Sessions/<sid>`
pub(super) fn fetch(visit: &TwilioCompatRequest<'_>, session: &SessionWithParticipants) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), session)))
}

/// Where a session goes by its `Status`; what is so already stays.
fn moved(form: &TwilioForm, state: SessionState) -> Result<Option<SessionMove>> {
    let Some(wanted) = form.one("Status") else { return Ok(None) };
    match (state, wanted) {
        (SessionState::Closed | SessionState::InProgress | SessionState::Inactive, "in-progress") => {
            Ok(Some(SessionMove::Resume))
        }
        (SessionState::Failed, "failed") | (SessionState::Open, "open") => Ok(None),
        (SessionState::Failed, "closed") => Err(STATUS.because("it has failed")),
        (_, "closed") => Ok(Some(SessionMove::Close)),
        (_, "open" | "in-progress" | "failed" | "unknown") => {
            Err(STATUS.because(&format!("it is {}, and becomes closed, or in-progress again", status(state))))
        }
        _ => Err(PARAMETER.because("Status must be in-progress or closed")),
    }
}

/// `POST …/Sessions/<sid>`: when it ends, and whether it goes on.
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    session: &SessionWithParticipants,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_change(visit, session)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let (ending, to) = (SessionEnding::of(&form)?, moved(&form, session.session.state)?);
    let reopens = to == Some(SessionMove::Resume) && session.session.state.is_over();
    if session.session.state.is_over() && !reopens && ending.is_any() {
        return Err(CLOSED.into());
    }
    // an end that has passed counts no more for one that goes on
    let now_ms = visit.app.clients.clock.now_ms();
    let ends_ms = session.session.ends_ms.filter(|ends_ms| !reopens || *ends_ms > now_ms);
    let change = SessionChange { state: to, ..ending.change(ends_ms) };
    let is_any = change.ttl.is_some() || change.ends_ms.is_some() || change.state.is_some();
    let now = if is_any {
        let context = native::context(visit.request, "session.change");
        let changed = visit.app.sessions.change(session.session.client, session.session.id, change, &context).await;
        changed.map_err(|error| refusal::of(error, service.settings.bound))?
    } else {
        session.clone()
    };
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), &now)))
}

/// `DELETE …/Sessions/<sid>`: it ends, and is not found here any more.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, session: &SessionWithParticipants) -> TwilioCompatResult {
    may_change(visit, session)?;
    let (client, id) = (session.session.client, session.session.id);
    visit.app.sessions.delete(client, id, &native::context(visit.request, "session.close")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_rests_is_in_progress() {
        let shown = SessionState::ALL.map(status);
        assert_eq!(shown, ["open", "in-progress", "in-progress", "closed", "failed"]);
    }
}

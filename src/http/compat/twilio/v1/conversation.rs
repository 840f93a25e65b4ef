//! `/v1/Conversations…`: sessions as Twilio's Conversations has them, whichever door has made them.

mod message;
mod participant;
mod shape;

use ::http::{Method, StatusCode};

use super::super::meta_page::{MetaPage, MetaPageEdges};
use crate::http::body::UnreadBody;
use crate::http::compat::masked::field;
use crate::http::compat::twilio::error::{self, Result, TwilioCompatRefusal, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::{reply, session};
use crate::model::{SessionId, SessionState};
use crate::service::client::KeyScope;
use crate::service::session::{DELETED, Filter, Session, SessionChange, SessionMove, SessionWithParticipants};
use crate::service::{Error, ErrorKind};

pub(in crate::http::compat) use self::shape::made;

/// The session that a conversation is.
pub(in crate::http::compat) fn id(sid: &str) -> Option<SessionId> {
    sid::parse_conversation(sid)
}

/// `path`: what stands behind `Conversations`.
pub(super) async fn answer(visit: &TwilioCompatRequest<'_>, path: &[&str], posted: UnreadBody) -> TwilioCompatResult {
    let method = &visit.request.method;
    let [sid, rest @ ..] = path else {
        return if *method == Method::GET { list(visit).await } else { Err(error::method_not_allowed("GET")) };
    };
    let id = sid::parse_conversation(sid).ok_or(error::NOT_FOUND)?;
    match (rest, method) {
        ([], &Method::GET) => fetch(visit, id).await,
        ([], &Method::POST) => update(visit, id, posted).await,
        ([], &Method::DELETE) => delete(visit, id).await,
        (["Participants"], &Method::GET) => participant::list(visit, id).await,
        (["Participants"], &Method::POST) => participant::create(visit, id, posted).await,
        (["Participants", one], &Method::GET) => participant::fetch(visit, id, one).await,
        (["Participants", one], &Method::DELETE) => participant::delete(visit, id, one).await,
        (["Messages"], &Method::GET) => message::list(visit, id).await,
        (["Messages"], &Method::POST) => message::create(visit, id, posted).await,
        (["Messages", one], &Method::GET) => message::fetch(visit, id, one).await,
        (["Webhooks"], &Method::GET) => webhooks(visit, id).await,
        ([], _) => Err(error::method_not_allowed("GET, POST, DELETE")),
        (["Participants", _], _) => Err(error::method_not_allowed("GET, DELETE")),
        (["Messages", _], _) => Err(error::method_not_allowed("GET")),
        (["Participants" | "Messages"], _) => Err(error::method_not_allowed("GET, POST")),
        _ => Err(error::NOT_FOUND.into()),
    }
}

/// A conversation that is there.
async fn found(visit: &TwilioCompatRequest<'_>, id: SessionId) -> Result<SessionWithParticipants> {
    let found = visit.app.sessions.find(visit.consumer.client, id).await?;
    if found.session.reason.as_deref() == Some(DELETED) {
        return Err(error::NOT_FOUND.into());
    }
    Ok(found)
}

/// The same for whoever reads.
async fn readable(visit: &TwilioCompatRequest<'_>, id: SessionId) -> Result<SessionWithParticipants> {
    visit.may(KeyScope::Read)?;
    found(visit, id).await
}

/// The same for whoever changes it: by a key only where it may text all of its people.
async fn changeable(visit: &TwilioCompatRequest<'_>, id: SessionId) -> Result<SessionWithParticipants> {
    visit.may(KeyScope::Sessions)?;
    let found = found(visit, id).await?;
    if !visit.consumer.may_send_in(&found) {
        return Err(error::FORBIDDEN.because("not to all in this conversation"));
    }
    Ok(found)
}

/// A refusal of our services: what stands in the way, or what is wrong with what is named as it is here.
fn refused(error: Error) -> TwilioCompatRefusal {
    if matches!(error.kind, ErrorKind::Conflict | ErrorKind::NoNumber(_)) {
        return error::of(StatusCode::CONFLICT).because(&error.detail);
    }
    let field = error.field.map(|field| match field {
        "name" => "FriendlyName",
        "metadata" => "Attributes",
        "ttl" => "Timers.Closed",
        "rest_after" => "Timers.Inactive",
        "participants" => "MessagingBinding.Address",
        "number" => "MessagingBinding.ProxyAddress",
        other => other,
    });
    Error { field, ..error }.into()
}

/// `GET Conversations`: newest first.
async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let page = MetaPage::of(&form)?;
    let filter =
        Filter { after: page.after(), before: page.before(), without_reason: Some(DELETED), ..Filter::default() };
    let (sessions, is_more) = visit.app.sessions.list(visit.consumer.client, filter, page.size).await?;
    let held = MetaPageEdges::of(&sessions, |one: &SessionWithParticipants| one.session.id, is_more);
    let base = visit.base();
    let items: Vec<_> = sessions.iter().map(|one| shape::conversation(&base, &one.session)).collect();
    Ok(page.reply(&form, (&base, shape::CONVERSATIONS), "conversations", &items, held))
}

/// `GET Conversations/<sid>`
async fn fetch(visit: &TwilioCompatRequest<'_>, id: SessionId) -> TwilioCompatResult {
    let found = readable(visit, id).await?;
    Ok(reply::json(StatusCode::OK, &shape::conversation(&visit.base(), &found.session)))
}

/// `POST Conversations/<sid>`: `State`, `FriendlyName`, `Attributes`, `Timers.Inactive` and `Timers.Closed`.
async fn update(visit: &TwilioCompatRequest<'_>, id: SessionId, posted: UnreadBody) -> TwilioCompatResult {
    let form = TwilioForm::posted(visit, posted).await?;
    let found = changeable(visit, id).await?;
    let change = change(&form, &found.session)?;
    let context = session::context(visit.request, "session.change");
    let changed = visit.app.sessions.change(visit.consumer.client, id, change, &context).await.map_err(refused)?;
    Ok(visit.shown(&shape::conversation(&visit.base(), &changed.session)))
}

fn change(form: &TwilioForm, session: &Session) -> Result<SessionChange> {
    let wrong = |name: &str, reason: &str| error::PARAMETER.because(&format!("{name} {reason}"));
    if form.given("UniqueName").is_some_and(|name| name != session.unique_name.as_deref().unwrap_or_default()) {
        return Err(wrong("UniqueName", "cannot be changed"));
    }
    let timer = |name: &str| {
        let read = form.given(name).map(field::timer).transpose();
        read.map_err(|reason| wrong(name, reason))
    };
    let metadata = form.given("Attributes").filter(|text| !text.is_empty()).map(field::metadata).transpose();
    Ok(SessionChange {
        name: form.given("FriendlyName").map(|name| Some(name.to_owned()).filter(|name| !name.is_empty())),
        metadata: metadata.map_err(|reason| wrong("Attributes", reason))?.map(Some),
        ttl: timer("Timers.Closed")?,
        rest_after: timer("Timers.Inactive")?,
        state: form.one("State").map(|name| step(name, session.state)).transpose()?.flatten(),
        ..SessionChange::default()
    })
}

/// Where it is to go from where it is; `None`: nowhere.
fn step(name: &str, state: SessionState) -> Result<Option<SessionMove>> {
    match (name, state) {
        ("active", SessionState::Closed | SessionState::Failed) => {
            Err(error::of(StatusCode::CONFLICT).because("the conversation is closed"))
        }
        ("active", SessionState::Inactive) => Ok(Some(SessionMove::Wake)),
        ("active", SessionState::Open | SessionState::InProgress) | ("inactive", SessionState::Inactive) => Ok(None),
        ("inactive", _) => Ok(Some(SessionMove::Pause)),
        ("closed", _) => Ok(Some(SessionMove::Close)),
        _ => Err(error::PARAMETER.because("State must be active, inactive or closed")),
    }
}

/// `DELETE Conversations/<sid>`: it ends, and is shown no more.
async fn delete(visit: &TwilioCompatRequest<'_>, id: SessionId) -> TwilioCompatResult {
    changeable(visit, id).await?;
    let context = session::context(visit.request, "session.close");
    visit.app.sessions.delete(visit.consumer.client, id, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET Conversations/<sid>/Webhooks`: there are none; a client's endpoints hear of all of its sessions.
async fn webhooks(visit: &TwilioCompatRequest<'_>, id: SessionId) -> TwilioCompatResult {
    readable(visit, id).await?;
    let form = TwilioForm::query(visit)?;
    let (page, base, path) = (MetaPage::of(&form)?, visit.base(), shape::below(id, "Webhooks"));
    let (none, held) = page.cut(Vec::<SessionId>::new(), |id| *id);
    let items: Vec<String> = none.into_iter().map(sid::conversation).collect();
    Ok(page.reply(&form, (&base, &path), "webhooks", &items, held))
}

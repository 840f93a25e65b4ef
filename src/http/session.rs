//! `/v1/sessions`: conversations in which nobody learns a number.

mod filter;
mod import;
pub(super) mod interaction;
mod shape;

use ::http::{Method, StatusCode};

use self::shape::{ParticipantIn, ParticipantOut, SessionChangeIn, SessionIn, SessionOut, participant_out};
use super::auth::ActingClient;
use super::reply::Refusal;
use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, idempotency, list, object, openapi, reply};
use crate::model::SessionId;
use crate::service::audit::AuditContext;
use crate::service::session::{SessionResult, SessionWithParticipants};

const SESSIONS: &str = "/v1/sessions";

pub(super) fn resource() -> Resource {
    let description = openapi::described!(
        create,
        import::import_session,
        list,
        fetch,
        change,
        close,
        add_participant,
        remove_participant
    );
    Resource::new(description, ("sessions", "ses"))
        .at("sessions", [on(Method::GET, list).asking(filter::filters), with_body(Method::POST, create)])
        // before what would take the word for an id
        .at("sessions/import", [with_body(Method::POST, import::import_session)])
        .at("sessions/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, close)])
        .at("sessions/{id}/participants", [with_body(Method::POST, add_participant)])
        .at("sessions/{id}/participants/{participant_id}", [on(Method::DELETE, remove_participant)])
}

pub(super) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, SessionWithParticipants> {
    audit::context_for_client(request, action, |session: &SessionWithParticipants| {
        audit::json(&SessionOut::of(session))
    })
}

/// For whom a session is changed, and which: by a key only where it may text all of its people.
async fn changed(request: &ResourceRequest) -> Result<(ActingClient, SessionId), Refusal> {
    let acting = auth::host(&request.app, request)?;
    let id = request.id("session")?;
    if acting.consumer.key.is_some() {
        let found = request.app.sessions.find(acting.client, id).await?;
        if !acting.consumer.may_send_in(&found) {
            return Err(reply::forbidden("this key may not send to all in this session, nor change it"));
        }
    }
    Ok((acting, id))
}

/// `POST /v1/sessions`: makes a session. Each participant gets a number of the pool by which they know all others; all
/// of them, and the texts with which it begins, or nothing is made.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", operation_id = "create_session", request_body = SessionIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request to this path: for 24 hours the same request under it, \
                           however it is written, gets the same answer, and makes nothing more.")),
    responses(
        (status = 201, description = "Made.", body = SessionOut),
        (status = 402, description = "The balance is too low for the texts with which it begins."),
        (status = 403, description = "The key may not do this, or a participant has opted out of texts from the \
                                      number."),
        (status = 409, description = "No number of the pool is free for a participant, or an open session has the \
                                      unique name, or another request came under this `Idempotency-Key`."),
    ),
)]
async fn create(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::active(&request.app, auth::host(&request.app, &request)?)?.consumer;
    let posted: SessionIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, SESSIONS)?;
    let order = posted.read(request.app.country(consumer.client))?;
    let text = |made: &SessionWithParticipants| serde_json::to_string(&SessionOut::of(made)).unwrap_or_default();
    let context = context(&request, "session.create");
    Ok(match request.app.sessions.create(&consumer, order, key, &text, &context).await? {
        SessionResult::Made(made) => reply::json(StatusCode::CREATED, &SessionOut::of(&made)),
        SessionResult::Again(kept) => reply::replayed(StatusCode::CREATED, kept.text),
    })
}

/// `GET /v1/sessions`: sessions with their participants, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", operation_id = "list_sessions", params(PageIn),
    responses((status = 200, description = "A page of sessions.", body = ListOut<SessionOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let Some(filter) = filter::wanted(&request, client, after)? else {
        return Ok(list::reply(Vec::<SessionOut<'_>>::new(), None::<String>, false));
    };
    let (sessions, more) = request.app.sessions.list(client, filter, limit).await?;
    let last = sessions.last().map(|last| last.session.id);
    Ok(list::reply(sessions.iter().map(SessionOut::of).collect(), last, more))
}

/// `GET /v1/sessions/<id>`: one session with its participants, those who have left among them.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "fetch_session",
    responses((status = 200, description = "The session.", body = SessionOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let session = request.app.sessions.find(client, request.id("session")?).await?;
    Ok(reply::json(StatusCode::OK, &SessionOut::of(&session)))
}

/// `PATCH /v1/sessions/<id>`: changes what it is called, when it ends, and whether it goes on: `state` is `closed`,
/// `inactive` or `in_progress`, which opens one again that was over, for those who were in it to the end.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "change_session",
    request_body = SessionChangeIn,
    responses(
        (status = 200, description = "The session as it now is.", body = SessionOut),
        (status = 409, description = "It is over; or what it needs to be opened again is another session's by now."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let (acting, id) = changed(&request).await?;
    let posted: SessionChangeIn = object::read(&request, posted).await?;
    let context = context(&request, "session.change");
    let session = request.app.sessions.change(acting.client, id, posted.read()?, &context).await?;
    Ok(reply::json(StatusCode::OK, &SessionOut::of(&session)))
}

/// `DELETE /v1/sessions/<id>`: ends it. Its numbers are free again; it stays to be looked at.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "close_session",
    responses((status = 204, description = "It is over.")),
)]
async fn close(request: ResourceRequest) -> HandlerResult {
    let (acting, id) = changed(&request).await?;
    request.app.sessions.close(acting.client, id, &context(&request, "session.close")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/sessions/<id>/participants`: somebody comes into an open session, and is told what those were told with
/// whom it began.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/participants", tag = "sessions", operation_id = "add_participant",
    request_body = ParticipantIn,
    responses(
        (status = 201, description = "In the session from now on.", body = ParticipantOut),
        (status = 402, description = "The balance is too low for the text with which it begins."),
        (status = 403, description = "The key may not do this, or the participant has opted out of texts from the \
                                      number."),
        (status = 409, description = "The session is over, the participant is in it, or no number is free for them."),
    ),
)]
async fn add_participant(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let (acting, id) = changed(&request).await?;
    let consumer = auth::active(&request.app, acting)?.consumer;
    let posted: ParticipantIn = object::read(&request, posted).await?;
    let order = posted.read("address", "number", request.app.country(consumer.client))?;
    let context = context(&request, "session.add_participant");
    let (_, added) = request.app.sessions.add_participant(&consumer, id, order, &context).await?;
    Ok(reply::json(StatusCode::CREATED, &participant_out(&added)))
}

/// `DELETE /v1/sessions/<id>/participants/<participant_id>`: somebody leaves a session.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/participants/{participant_id}", tag = "sessions",
    operation_id = "remove_participant",
    params(("participant_id" = String, Path, description = "`par_` and 32 hex digits")),
    responses((status = 204, description = "Out of the session from now on.")),
)]
async fn remove_participant(request: ResourceRequest) -> HandlerResult {
    let (acting, id) = changed(&request).await?;
    let participant = request.nth_id(1, "participant")?;
    let context = context(&request, "session.remove_participant");
    request.app.sessions.remove_participant(acting.client, id, participant, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

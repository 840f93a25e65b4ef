//! `/v1/sessions/<id>/interactions` and `…/messages`: what was said in a session, and saying something there.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::message::MessageErrorOut;
use crate::http::reply::Refusal;
use crate::http::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{RequestParts, audit, auth, idempotency, list, object, openapi, reply};
use crate::model::{CallId, ParticipantId, SessionId, carrier, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::session::{Interaction, InteractionFilter, InteractionKind, SpokenText};

const MESSAGES: &str = "/v1/sessions/{id}/messages";

pub(in crate::http) fn resource() -> Resource {
    Resource::new(openapi::described!(list_interactions, speak), ("sessions", "ses"))
        .at("sessions/{id}/interactions", [on(Method::GET, list_interactions)])
        .at("sessions/{id}/messages", [with_body(Method::POST, speak)])
}

/// What a client says in a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSessionMessage)]
struct SessionMessageIn {
    /// For whom it is said, by id: they get no copy, and the others see their label. Left out: you say it yourself.
    from_participant: Option<String>,
    /// To whom, by id. Left out: to all others.
    to: Option<String>,
    /// As of every text; may be empty where there are pictures.
    #[serde(default)]
    #[schema(example = "Your driver is 5 minutes away.")]
    body: String,
    /// Pictures, by http(s) URL; 10 at most.
    #[serde(default)]
    media_urls: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Interaction)]
struct InteractionOut<'a> {
    id: String,
    /// `message` or `voice`.
    kind: &'static str,
    /// Who said it; null: you did, or it is what they are told as the session begins or ends.
    from_participant_id: Option<String>,
    /// To whom; null: there was nobody.
    to_participant_id: Option<String>,
    /// What came in, among `/v1/messages`.
    inbound_message_id: Option<String>,
    /// The copy, the same; null: there is none.
    outbound_message_id: Option<String>,
    /// Of a call: that to whom it was put through, among `/v1/calls`.
    outbound_call_id: Option<String>,
    /// How the copy stands: a state of a message, or the status of a call; null: it is not kept any more.
    #[schema(value_type = Option<String>)]
    status: Option<&'static str>,
    /// How long a call was, in seconds.
    duration: Option<i64>,
    /// Why there is no copy: `mode` (the session is for calls, or for texts), `alone` (nobody else is in it), `opted_out`,
    /// `unpayable`, `loop` (it looks as though programs answered each other), `left` (they are in another session by
    /// that number), `number` (it cannot do that any more), `text` (it is too long, or says nothing) or `blocked` (your
    /// server did not let it pass).
    #[schema(value_type = Option<String>)]
    reason: Option<&'a str>,
    /// Why the copy failed, where it did.
    error: Option<MessageErrorOut<'a>>,
    /// What was said, without labels; null: it is not kept any more.
    #[schema(value_type = Option<String>)]
    body: Option<&'a str>,
    #[schema(value_type = Vec<String>)]
    media_urls: &'a [String],
    created_at: String,
    updated_at: String,
}

const NO_MEDIA: &[String] = &[];

fn out(said: &Interaction) -> InteractionOut<'_> {
    let (body, media_urls) = said.words().map_or((None, NO_MEDIA), |(body, media)| (Some(body), media));
    let has_error = said.error_code.is_some() || said.error_reason.is_some();
    let reason = said.error_reason.as_deref().map(carrier::shown);
    let is_call = said.kind == InteractionKind::Voice;
    InteractionOut {
        id: said.id.to_string(),
        kind: said.kind.name(),
        from_participant_id: said.from.map(|from| from.to_string()),
        to_participant_id: said.to.map(|to| to.to_string()),
        inbound_message_id: said.inbound.map(|message| message.to_string()),
        outbound_message_id: said.outbound.filter(|_| !is_call).map(|message| message.to_string()),
        outbound_call_id: said.outbound.filter(|_| is_call).map(|call| CallId::from(call).to_string()),
        status: said.status().filter(|_| !said.is_copy_gone()),
        duration: said.duration,
        reason: said.reason.as_deref(),
        error: has_error.then_some(MessageErrorOut { code: said.error_code, reason }),
        body,
        media_urls,
        created_at: rfc3339(said.created_ms),
        updated_at: rfc3339(said.changed_ms()),
    }
}

/// `GET /v1/sessions/<id>/interactions`: what was said in a session, to whom, and how each copy stands; newest first.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/interactions", tag = "sessions", operation_id = "list_interactions", params(PageIn),
    responses((status = 200, description = "A page of interactions.", body = ListOut<InteractionOut>)),
)]
async fn list_interactions(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let session: SessionId = request.id("session")?;
    let (after, limit) = list::page(&request)?;
    let filter = InteractionFilter { after, ..InteractionFilter::default() };
    let (said, more) = request.app.session_messages.page(client, session, &filter, limit).await?;
    Ok(list::reply(said.iter().map(out).collect(), said.last().map(|one| one.id), more))
}

/// `POST /v1/sessions/<id>/messages`: says something to those in a session, each from the number that they know.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/messages", tag = "sessions", operation_id = "send_session_message",
    request_body = SessionMessageIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request: for 24 hours the same request under it, however it is \
                           written, says nothing more, and is answered how that stands which it said first.")),
    responses(
        (status = 202, description = "What has become of it for each: a copy is stored and will be sent or accounted \
                                      for, or there is none and `reason` says why.", body = ListOut<InteractionOut>),
        (status = 402, description = "The balance is too low for any of the copies."),
        (status = 403, description = "The key may not hold sessions, or may not text all in this one."),
        (status = 409, description = "The session is over, is for calls, or has nobody else in it, or another request \
                                      came under this `Idempotency-Key`."),
    ),
)]
async fn speak(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::active(&request.app, auth::host(&request.app, &request)?)?.consumer;
    let session: SessionId = request.id("session")?;
    let posted: SessionMessageIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, MESSAGES)?;
    let text = SpokenText {
        from: participant("from_participant", posted.from_participant.as_deref())?,
        to: participant("to", posted.to.as_deref())?,
        body: posted.body,
        media_urls: posted.media_urls,
    };
    let context = speaking(&request);
    let said = request.app.session_messages.speak(&consumer, session, &text, key, &context).await?;
    let mut response = list::reply(said.iter().map(out).collect(), None::<String>, false);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// How it is written down that somebody says something in a session.
pub(in crate::http) fn speaking(request: &RequestParts) -> AuditContext<'static, SpokenText> {
    audit::context_for_client(request, "session.message", shown_unsaid)
}

fn participant(field: &'static str, id: Option<&str>) -> Result<Option<ParticipantId>, Refusal> {
    let wrong = || reply::bad_field(field, "must be the id of somebody in this session, such as par_…");
    id.map(|id| id.parse().map_err(|_| wrong())).transpose()
}

/// What the audit log has of it: not what was said, which nobody could redact there.
fn shown_unsaid(text: &SpokenText) -> Option<String> {
    #[derive(Serialize)]
    struct Unsaid {
        from_participant: Option<String>,
        to: Option<String>,
    }

    let [from_participant, to] = [text.from, text.to].map(|id| id.map(|id| id.to_string()));
    audit::json(&Unsaid { from_participant, to })
}

//! `/v1/sessions/import`: sessions of older systems, taken over as they stand.

use ::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::context;
use super::shape::{SessionIn, SessionOut};
use crate::http::reply::{self, Refusal};
use crate::http::resource::{HandlerResult, ResourceRequest, UnreadBody};
use crate::http::{auth, object, openapi, written};
use crate::model::{Country, ParticipantId, SessionDoor, SessionId};
use crate::service::session::{ImportedSession, SessionOrder};

fn doors() -> openapi::SchemaOrRef {
    openapi::one_of(SessionDoor::ALL.map(SessionDoor::name))
}

/// A session that began in an older system.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportedSession)]
pub(super) struct SessionImportIn {
    /// Its id there, 32 hex digits: it keeps it, and is taken over once.
    #[schema(example = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d")]
    id: String,
    /// By which of the doors its client goes on with it.
    #[schema(schema_with = doors)]
    door: String,
    /// RFC 3339; a time to live counts from here where nothing has been said yet.
    #[schema(example = "2030-01-31T09:00:00Z")]
    created_at: String,
    /// When something was said last.
    last_interaction_at: Option<String>,
    /// The ids of its participants there, 32 hex digits each, in their order; left out: they get new ones.
    #[serde(default)]
    participant_ids: Vec<String>,
    /// How its client's programs write the addresses of its participants, in their order: the number proxy's door
    /// answers them so. Left out: their digits.
    #[serde(default)]
    written: Vec<String>,
    /// The session as you would make it, with everybody's `number`. Nobody is texted that it begins, and it ends by
    /// itself only where it says so here, whatever its pool says. Where it has no `end_text`, the number proxy's door
    /// has one for its own.
    session: SessionIn,
}

const HEX: &str = "must be 32 hex digits, in lower case";
/// Characters of an address as it is written, at most.
const WRITTEN: usize = 64;

/// Addresses as somebody writes them: one for each participant, or none.
fn spelt(given: Vec<String>, people: usize) -> Result<Vec<String>, Refusal> {
    let is_good = |one: &String| (1..=WRITTEN).contains(&one.chars().count());
    let must = "must be one for each participant, of 1 to 64 characters";
    let fits = given.is_empty() || (given.len() == people && given.iter().all(is_good));
    if fits { Ok(given) } else { Err(reply::bad_field("written", must)) }
}

impl SessionImportIn {
    fn read(self, country: Option<Country>) -> Result<(SessionOrder, ImportedSession), Refusal> {
        let wrong = || reply::bad_field("door", "must be native, number_proxy, masked or twilio_proxy");
        let door = SessionDoor::parse(&self.door).ok_or_else(wrong)?;
        let participant =
            |id: &String| ParticipantId::from_hex(id).map_err(|_| reply::bad_field("participant_ids", HEX));
        let last = |at: &str| written::time("last_interaction_at", at);
        let past = ImportedSession {
            id: SessionId::from_hex(&self.id).map_err(|_| reply::bad_field("id", HEX))?,
            participants: self.participant_ids.iter().map(participant).collect::<Result<_, _>>()?,
            created_ms: written::time("created_at", &self.created_at)?,
            last_ms: self.last_interaction_at.as_deref().map(last).transpose()?,
        };
        let mut order = SessionOrder { door, ..self.session.read(country)? };
        order.settings.written = spelt(self.written, order.participants.len())?;
        Ok((order, past))
    }
}

/// `POST /v1/sessions/import`: takes a session over from an older system, with its id and everybody's number. Nobody is
/// texted. One that was taken over before is answered as it is by now, and left so.
#[utoipa::path(
    post, path = "/v1/sessions/import", tag = "sessions", operation_id = "import_session",
    request_body = SessionImportIn,
    responses(
        (status = 200, description = "It was taken over before; as it is now.", body = SessionOut),
        (status = 201, description = "It goes on here.", body = SessionOut),
        (status = 409, description = "A number that is named is not free for its participant."),
    ),
)]
pub(super) async fn import_session(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    auth::administrator(&request)?;
    let consumer = auth::consumer(&request.app, &request)?;
    let posted: SessionImportIn = object::read(&request, posted).await?;
    let (mut order, past) = posted.read(request.app.country(consumer.client))?;
    if order.door == SessionDoor::NumberProxy {
        // as those have it that are made there
        order.settings.end_text = order.settings.end_text.or_else(|| request.app.number_proxy.end());
    }
    let context = context(&request, "session.import");
    let (session, is_new) = request.app.sessions.import(&consumer, order, past, &context).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::json(status, &SessionOut::of(&session)))
}

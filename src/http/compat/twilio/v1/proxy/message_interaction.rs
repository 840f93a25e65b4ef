//! `…/Participants/<sid>/MessageInteractions`: what a client itself says to one of a session's people.

use ::http::{Method, StatusCode};

use super::interaction::{find, out, page};
use super::{may_change, session_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{self, Result, TwilioCompatRefusal, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::v1::error::{ALONE, CLOSED, MODE, SIMULTANEOUS, STOPPED};
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::session::interaction::speaking;
use crate::http::{idempotency, reply};
use crate::model::ParticipantId;
use crate::service::client::KeyScope;
use crate::service::session::{Interaction, SessionWithParticipants, SpokenText};
use crate::service::{Error, ErrorKind};

const PATH: &str = "/v1/Services/Sessions/Participants/MessageInteractions";

/// `rest`: what stands behind `MessageInteractions`.
pub(super) async fn answer(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    (participant, rest): (&str, &[&str]),
    posted: UnreadBody,
) -> TwilioCompatResult {
    let to = sid::parse_participant(participant).ok_or(error::NOT_FOUND)?;
    if !session.participants.iter().any(|one| one.id == to) {
        return Err(error::NOT_FOUND.into());
    }
    let path = format!("{}/Participants/{}/MessageInteractions", session_path(session), sid::participant(to));
    match (rest, &visit.request.method) {
        ([], &Method::GET) => page(visit, session, Some(to), &path).await,
        ([], &Method::POST) => create(visit, session, to, posted).await,
        ([name], &Method::GET) => {
            visit.may(KeyScope::Read)?;
            let said = find(visit, session, name).await?;
            if !is_told(&said, to) {
                return Err(error::NOT_FOUND.into());
            }
            Ok(reply::json(StatusCode::OK, &out(&visit.base(), session, &said, Some(to))))
        }
        ([], _) => Err(error::method_not_allowed("GET, POST")),
        ([_], _) => Err(error::method_not_allowed("GET")),
        _ => Err(error::NOT_FOUND.into()),
    }
}

/// Whether the client itself said it to them.
fn is_told(said: &Interaction, to: ParticipantId) -> bool {
    said.from.is_none() && said.inbound.is_none() && said.to == Some(to)
}

/// Refuses what Twilio has codes for, before anything is said.
fn check(session: &SessionWithParticipants, to: ParticipantId) -> Result<()> {
    if session.session.closed_ms.is_some() {
        return Err(CLOSED.into());
    }
    if !session.session.mode.has_texts() {
        return Err(MODE.into());
    }
    if !session.present().any(|one| one.id == to) {
        return Err(error::NOT_FOUND.into());
    }
    if session.present().count() < 2 { Err(ALONE.into()) } else { Ok(()) }
}

/// 200 means that it is stored, and will be sent or accounted for.
async fn create(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    to: ParticipantId,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_change(visit, session)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let key = idempotency::twilio_key(visit.request, PATH)?;
    let (body, media_urls) = (form.one("Body").unwrap_or_default().to_owned(), form.all("MediaUrl"));
    let text = SpokenText { from: None, to: Some(to), body, media_urls };
    let (messages, id) = (&visit.app.session_messages, session.session.id);
    let said = match (check(session, to), key) {
        (Ok(()), key) => {
            let said = messages.speak(&visit.consumer, id, &text, key, &speaking(visit.request)).await;
            said.map_err(|error| refused(error, session, to))?
        }
        // what came before is answered as it was then, whatever has become of the session
        (Err(refusal), Some(key)) => {
            let said = messages.said_before(visit.consumer.client, id, &text, key).await?;
            said.ok_or(refusal)?
        }
        (Err(refusal), None) => return Err(refusal),
    };
    let one = said.first().ok_or(error::NOT_FOUND)?;
    if one.reason.as_deref() == Some("opted_out") {
        return Err(STOPPED.into());
    }
    Ok(visit.shown(&out(&visit.base(), session, one, Some(to))))
}

/// Why nothing was said, in Twilio's words where the session is the reason.
fn refused(error: Error, session: &SessionWithParticipants, to: ParticipantId) -> TwilioCompatRefusal {
    match (&error.kind, error.field) {
        (ErrorKind::Busy, _) => SIMULTANEOUS.into(),
        (ErrorKind::Conflict, _) => check(session, to).err().unwrap_or_else(|| CLOSED.into()),
        (ErrorKind::Invalid, Some("to")) => check(session, to).err().unwrap_or_else(|| error::NOT_FOUND.into()),
        _ => error.into(),
    }
}

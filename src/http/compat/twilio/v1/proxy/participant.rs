//! `Participants` of a session.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::participant_order::{ProxyParticipantIn, know_numbers};
use super::session_order::MOST_PEOPLE;
use super::{may_change, refusal, session_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::MetaPage;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::v1::error::{ALREADY_IN, CLOSED, CROWDED};
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::{reply, session as native};
use crate::model::ParticipantId;
use crate::service::client::KeyScope;
use crate::service::number::Pool;
use crate::service::session::{Participant, SessionWithParticipants};

fn is_present(session: &SessionWithParticipants, id: ParticipantId) -> bool {
    session.present().any(|one| one.id == id)
}

fn out(base: &ReplyBaseUrl, session: &SessionWithParticipants, one: &Participant) -> Value {
    let (sid, gone_ms) = (sid::participant(one.id), one.left_ms.filter(|_| !is_present(session, one.id)));
    let url = base.join(&format!("{}/Participants/{sid}", session_path(session)));
    json!({
        "account_sid": sid::account(one.client),
        "date_created": date::iso8601(one.joined_ms),
        "date_deleted": gone_ms.map(date::iso8601),
        "date_updated": date::iso8601(gone_ms.unwrap_or(one.joined_ms)),
        "friendly_name": one.name,
        "identifier": one.address,
        "links": { "message_interactions": format!("{url}/MessageInteractions") },
        "proxy_identifier": one.number,
        "proxy_identifier_sid": sid::phone_number(one.number_id),
        "service_sid": session.session.pool.map(sid::service),
        "session_sid": sid::session(one.session),
        "sid": sid,
        "url": url,
    })
}

/// The participant of this SID, one who has left too.
pub(super) fn find<'a>(session: &'a SessionWithParticipants, sid: &str) -> Result<&'a Participant> {
    let id = sid::parse_participant(sid);
    Ok(session.participants.iter().find(|one| Some(one.id) == id).ok_or(NOT_FOUND)?)
}

/// `GET …/Participants`: those who are in it; of a session that is over, those who were to the end.
pub(super) fn list(visit: &TwilioCompatRequest<'_>, session: &SessionWithParticipants) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let people: Vec<&Participant> = session.present().collect();
    let (people, edges) = page.cut(people, |one| one.id);
    let items: Vec<Value> = people.into_iter().map(|one| out(&base, session, one)).collect();
    let path = format!("{}/Participants", session_path(session));
    Ok(page.reply(&form, (&base, path.as_str()), "participants", &items, edges))
}

/// `POST …/Participants`
pub(super) async fn create(
    visit: &TwilioCompatRequest<'_>,
    service: &Pool,
    session: &SessionWithParticipants,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_change(visit, session)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let one = ProxyParticipantIn::of_form(&form);
    know_numbers(visit, std::slice::from_ref(&one)).await?;
    let order = one.read(visit, service, session.session.mode)?;
    if session.session.state.is_over() {
        return Err(CLOSED.into());
    }
    if session.present().any(|one| one.person == order.address.folded()) {
        return Err(ALREADY_IN.into());
    }
    if session.present().count() >= MOST_PEOPLE {
        return Err(CROWDED.into());
    }
    let (sessions, id) = (&visit.app.sessions, session.session.id);
    let context = native::context(visit.request, "session.add_participant");
    let told = sessions.add_participant_up_to(MOST_PEOPLE, &visit.consumer, id, order, &context).await;
    let (session, added) = told.map_err(|error| refusal::of(error, service.settings.bound))?;
    Ok(reply::json(StatusCode::CREATED, &out(&visit.base(), &session, &added)))
}

/// `GET …/Participants/<sid>`
pub(super) fn fetch(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    sid: &str,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), session, find(session, sid)?)))
}

/// `DELETE …/Participants/<sid>`: 200, as Twilio's description has it.
pub(super) async fn delete(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    sid: &str,
) -> TwilioCompatResult {
    may_change(visit, session)?;
    let one = find(session, sid)?;
    if !is_present(session, one.id) {
        return Err(NOT_FOUND.into());
    }
    if session.session.state.is_over() {
        return Err(CLOSED.into());
    }
    let context = native::context(visit.request, "session.remove_participant");
    visit.app.sessions.remove_participant(session.session.client, one.session, one.id, &context).await?;
    Ok(reply::empty(StatusCode::OK))
}

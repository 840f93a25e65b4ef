//! Who is in a conversation.

use ::http::StatusCode;

use super::shape;
use crate::http::body::UnreadBody;
use crate::http::compat::carried::IgnoredParameter;
use crate::http::compat::twilio::error::{self, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::MetaPage;
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::http::{reply, session};
use crate::model::address::AddressRole;
use crate::model::{Address, Channel, SessionId};
use crate::service::session::{Participant, ParticipantOrder, SessionWithParticipants};

/// What participants do not have here: they are phone numbers, and nothing else.
const NOT_CARRIED: [IgnoredParameter; 4] =
    [("Attributes", &["{}"]), ("Identity", &[]), ("MessagingBinding.ProjectedAddress", &[]), ("RoleSid", &[])];

/// `GET …/Participants`: those who are in it; of one that is closed, those who were to the end.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, id: SessionId) -> TwilioCompatResult {
    let found = super::readable(visit, id).await?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let present: Vec<&Participant> = found.present().collect();
    let (people, held) = page.cut(present, |one| one.id);
    let items: Vec<_> = people.into_iter().map(|one| shape::participant(&base, one)).collect();
    Ok(page.reply(&form, (&base, &shape::below(id, "Participants")), "participants", &items, held))
}

/// Somebody who is in it, by their SID.
fn who<'a>(found: &'a SessionWithParticipants, sid: &str) -> Result<&'a Participant> {
    let id = sid::parse_conversation_participant(sid).ok_or(error::NOT_FOUND)?;
    Ok(found.present().find(|one| one.id == id).ok_or(error::NOT_FOUND)?)
}

/// `GET …/Participants/<sid>`
pub(super) async fn fetch(visit: &TwilioCompatRequest<'_>, id: SessionId, sid: &str) -> TwilioCompatResult {
    let found = super::readable(visit, id).await?;
    Ok(reply::json(StatusCode::OK, &shape::participant(&visit.base(), who(&found, sid)?)))
}

/// `POST …/Participants`: `MessagingBinding.Address`, and `MessagingBinding.ProxyAddress` where a number is wanted.
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, id: SessionId, posted: UnreadBody) -> TwilioCompatResult {
    let form = TwilioForm::posted(visit, posted).await?;
    super::changeable(visit, id).await?;
    form.carries(&NOT_CARRIED)?;
    let address = address(visit, &form, "MessagingBinding.Address", AddressRole::Recipient)?;
    let missing = || error::PARAMETER.because("MessagingBinding.Address is missing");
    let number = self::address(visit, &form, "MessagingBinding.ProxyAddress", AddressRole::Sender)?;
    let order = ParticipantOrder { address: address.ok_or_else(missing)?, name: None, number };
    let context = session::context(visit.request, "session.add_participant");
    let added = visit.app.sessions.add_participant(&visit.consumer, id, order, &context).await;
    let (_, one) = added.map_err(super::refused)?;
    Ok(reply::json(StatusCode::CREATED, &shape::participant(&visit.base(), &one)))
}

fn address(
    visit: &TwilioCompatRequest<'_>,
    form: &TwilioForm,
    name: &str,
    role: AddressRole,
) -> Result<Option<Address>> {
    let wrong = |reason: &str| error::PARAMETER.because(&format!("{name} {reason}"));
    match form.address(name, role, visit.country()) {
        None => Ok(None),
        Some(Ok((Channel::Sms, address))) => Ok(Some(address)),
        Some(Ok(_)) => Err(wrong("must not name a channel")),
        Some(Err(reason)) => Err(wrong(&reason.to_string())),
    }
}

/// `DELETE …/Participants/<sid>`
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, id: SessionId, sid: &str) -> TwilioCompatResult {
    let found = super::changeable(visit, id).await?;
    let one = who(&found, sid)?.id;
    let context = session::context(visit.request, "session.remove_participant");
    visit.app.sessions.remove_participant(visit.consumer.client, id, one, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

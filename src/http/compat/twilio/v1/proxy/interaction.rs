//! `…/Interactions`: what was said in a session, to whom, and how that stands.

use ::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::{may_change, message_interaction, session_path};
use crate::http::audit;
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{self, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, shape, sid};
use crate::http::reply;
use crate::model::message::MessageState;
use crate::model::{InteractionId, MessageId, ParticipantId};
use crate::service::client::KeyScope;
use crate::service::session::{Interaction, InteractionFilter, InteractionKind, SessionWithParticipants};

/// Under which Twilio has them in lists, those of a participant too.
const KEY: &str = "interactions";

/// All that Twilio's description of an interaction names; null where there is none.
#[derive(Serialize)]
pub(super) struct ProxyInteractionOut {
    account_sid: String,
    data: String,
    date_created: String,
    date_updated: String,
    inbound_participant_sid: Option<String>,
    inbound_resource_sid: Option<String>,
    inbound_resource_status: Option<&'static str>,
    inbound_resource_type: Option<&'static str>,
    inbound_resource_url: Option<String>,
    outbound_participant_sid: Option<String>,
    outbound_resource_sid: Option<String>,
    outbound_resource_status: Option<&'static str>,
    outbound_resource_type: Option<&'static str>,
    outbound_resource_url: Option<String>,
    /// To whom a client itself said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_sid: Option<String>,
    service_sid: Option<String>,
    session_sid: String,
    sid: String,
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

/// How the copy, or the call, stands in Twilio's words; what nobody got has failed.
fn outbound_status(said: &Interaction) -> Option<&'static str> {
    if said.is_copy_gone() {
        return Some("unknown");
    }
    if said.kind == InteractionKind::Voice {
        return said.status();
    }
    Some(match said.state()? {
        // it leaves from a number that is known
        MessageState::Accepted => MessageState::Queued.name(),
        MessageState::Expired => MessageState::Failed.name(),
        state => state.name(),
    })
}

/// An interaction as Twilio writes it. `told`: it is one of those that a client said to somebody.
pub(super) fn out(
    base: &ReplyBaseUrl,
    session: &SessionWithParticipants,
    said: &Interaction,
    told: Option<ParticipantId>,
) -> ProxyInteractionOut {
    let client = session.session.client;
    let is_call = said.kind == InteractionKind::Voice;
    let (kind, resource, path) = if is_call { ("voice", "Call", "Calls") } else { ("message", "Message", "Messages") };
    let name = |id: MessageId| if is_call { sid::call(id) } else { format!("SM{}", id.hex()) };
    let place = |id: MessageId| base.join(&shape::path(client, &format!("/{path}/{}.json", name(id))));
    let below = told.map_or_else(
        || "/Interactions".to_owned(),
        |told| format!("/Participants/{}/MessageInteractions", sid::participant(told)),
    );
    let body = said.words().map_or("", |(body, _)| body);
    let data = match said.duration {
        _ if !is_call => json!({ "body": body }),
        Some(duration) => json!({ "duration": duration.to_string() }),
        None => json!({}),
    };
    // a call that came in is no message
    let has_come_in = said.inbound.is_some() || (is_call && said.from.is_some());
    let inbound_status = if is_call { "in-progress" } else { "delivered" };
    ProxyInteractionOut {
        account_sid: sid::account(client),
        data: data.to_string(),
        date_created: date::iso8601(said.created_ms),
        date_updated: date::iso8601(said.changed_ms()),
        inbound_participant_sid: said.from.map(sid::participant),
        inbound_resource_sid: said.inbound.map(name),
        inbound_resource_status: has_come_in.then_some(inbound_status),
        inbound_resource_type: has_come_in.then_some(resource),
        inbound_resource_url: said.inbound.map(place),
        outbound_participant_sid: said.to.map(sid::participant),
        outbound_resource_sid: said.outbound.map(name),
        outbound_resource_status: outbound_status(said),
        outbound_resource_type: said.to.map(|_| resource),
        outbound_resource_url: said.outbound.map(place),
        participant_sid: told.map(sid::participant),
        service_sid: session.session.pool.map(sid::service),
        session_sid: sid::session(session.session.id),
        sid: sid::interaction(said.id),
        kind,
        url: base.join(&format!("{}{below}/{}", session_path(session), sid::interaction(said.id))),
    }
}

/// A page of what was said. `told`: to whom, where it is what the client itself said; `path`: of the list.
pub(super) async fn page(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    told: Option<ParticipantId>,
    path: &str,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let asked = MetaPage::of(&form)?;
    let filter =
        InteractionFilter { after: asked.after(), before: asked.before(), told, ..InteractionFilter::default() };
    let client = visit.consumer.client;
    let (said, more) = visit.app.session_messages.page(client, session.session.id, &filter, asked.size).await?;
    let base = visit.base();
    let items: Vec<_> = said.iter().map(|one| out(&base, session, one, told)).collect();
    let held = MetaPageEdges::of(&said, |one| one.id, more);
    Ok(asked.reply(&form, (&base, path), KEY, &items, held))
}

/// One of a session's.
pub(super) async fn find(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    sid: &str,
) -> Result<Interaction> {
    let id: InteractionId = sid::parse_interaction(sid).ok_or(error::NOT_FOUND)?;
    Ok(visit.app.session_messages.interaction(visit.consumer.client, session.session.id, id).await?)
}

/// `below`: what stands behind the session.
pub(super) async fn answer(
    visit: &TwilioCompatRequest<'_>,
    session: &SessionWithParticipants,
    below: &[&str],
    posted: UnreadBody,
) -> TwilioCompatResult {
    match (below, &visit.request.method) {
        (["Interactions"], &Method::GET) => {
            page(visit, session, None, &format!("{}/Interactions", session_path(session))).await
        }
        (["Interactions", name], &Method::GET) => {
            visit.may(KeyScope::Read)?;
            let said = find(visit, session, name).await?;
            Ok(reply::json(StatusCode::OK, &out(&visit.base(), session, &said, None)))
        }
        (["Interactions", name], &Method::DELETE) => delete(visit, session, name).await,
        (["Interactions"], _) => Err(error::method_not_allowed("GET")),
        (["Interactions", _], _) => Err(error::method_not_allowed("GET, DELETE")),
        (["Participants", participant, "MessageInteractions", rest @ ..], _) => {
            message_interaction::answer(visit, session, (*participant, rest), posted).await
        }
        _ => Err(error::NOT_FOUND.into()),
    }
}

/// It goes with its words, once its copy has been sent or is over.
async fn delete(visit: &TwilioCompatRequest<'_>, session: &SessionWithParticipants, name: &str) -> TwilioCompatResult {
    may_change(visit, session)?;
    let said = find(visit, session, name).await?;
    let context = audit::context_for_client(visit.request, "session.forget", |said: &Interaction| {
        audit::json(&json!({ "id": said.id.to_string() }))
    });
    visit.app.session_messages.forget(visit.consumer.client, session.session.id, said.id, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

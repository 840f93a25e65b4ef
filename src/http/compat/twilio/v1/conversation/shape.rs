//! Conversations, their people and their messages as Twilio writes them; and a new one as the masked door does.

use serde_json::{Value, json};

use crate::http::compat::masked::field;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{date, sid};
use crate::http::{App, RequestParts};
use crate::model::{Millis, ParticipantId, SessionId, SessionState, rfc3339};
use crate::service::session::{Interaction, Participant, Session, SessionWithParticipants};

pub(super) const CONVERSATIONS: &str = "/v1/Conversations";

fn path(id: SessionId) -> String {
    format!("{CONVERSATIONS}/{}", sid::conversation(id))
}

/// The path of something that belongs to a conversation.
pub(super) fn below(id: SessionId, name: &str) -> String {
    format!("{}/{name}", path(id))
}

fn state(session: &Session) -> &'static str {
    match session.state {
        SessionState::Open | SessionState::InProgress => "active",
        SessionState::Inactive => "inactive",
        SessionState::Closed | SessionState::Failed => "closed",
    }
}

/// When it comes to another state by itself, as far as that is set.
fn timers(session: &Session, [inactive, closed]: [&str; 2], written: fn(Millis) -> String) -> Value {
    let times = [(inactive, session.rest()), (closed, session.expires_ms)];
    let set = times.into_iter().filter_map(|(name, at_ms)| Some((name.to_owned(), written(at_ms?).into())));
    Value::Object(set.collect())
}

fn links(base: &ReplyBaseUrl, id: SessionId) -> Value {
    let to = |name: &str| base.join(&below(id, name));
    json!({"participants": to("Participants"), "messages": to("Messages"), "webhooks": to("Webhooks")})
}

/// There is one service of conversations for a client here.
fn service(session: &Session) -> String {
    format!("IS{}", session.client.hex())
}

/// A pool is a messaging service here.
fn messaging_service(session: &Session) -> Option<String> {
    session.pool.map(|pool| format!("MG{}", pool.hex()))
}

pub(super) fn conversation(base: &ReplyBaseUrl, session: &Session) -> Value {
    json!({
        "sid": sid::conversation(session.id),
        "account_sid": sid::account(session.client),
        "chat_service_sid": service(session),
        "messaging_service_sid": messaging_service(session),
        "friendly_name": session.name,
        "unique_name": session.unique_name,
        "attributes": field::attributes(session),
        "state": state(session),
        "date_created": date::iso8601(session.created_ms),
        "date_updated": date::iso8601(session.changed_ms),
        "timers": timers(session, ["date_inactive", "date_closed"], date::iso8601),
        "url": base.join(&path(session.id)),
        "links": links(base, session.id),
        "bindings": null,
    })
}

/// A new one as the masked door answers: as Twilio's library for Node writes what it was given.
pub(in crate::http::compat) fn made(app: &App, request: &RequestParts, made: &SessionWithParticipants) -> Value {
    let (base, session) = (ReplyBaseUrl::of(app, request), &made.session);
    json!({
        "sid": sid::conversation(session.id),
        "accountSid": sid::account(session.client),
        "chatServiceSid": service(session),
        "messagingServiceSid": messaging_service(session),
        "friendlyName": session.name,
        "uniqueName": session.unique_name,
        "attributes": field::attributes(session),
        "state": state(session),
        "dateCreated": rfc3339(session.created_ms),
        "dateUpdated": rfc3339(session.changed_ms),
        "timers": timers(session, ["dateInactive", "dateClosed"], rfc3339),
        "url": base.join(&path(session.id)),
        "links": links(&base, session.id),
        "bindings": null,
    })
}

pub(super) fn participant(base: &ReplyBaseUrl, one: &Participant) -> Value {
    let sid = sid::conversation_participant(one.id);
    json!({
        "sid": sid,
        "account_sid": sid::account(one.client),
        "conversation_sid": sid::conversation(one.session),
        "identity": null,
        "attributes": "{}",
        "messaging_binding": { "type": "sms", "address": one.address, "proxy_address": one.number },
        "role_sid": null,
        "last_read_message_index": null,
        "last_read_timestamp": null,
        "date_created": date::iso8601(one.joined_ms),
        "date_updated": date::iso8601(one.left_ms.unwrap_or(one.joined_ms)),
        "url": base.join(&below(one.session, &format!("Participants/{sid}"))),
    })
}

/// What was said, and by whom; what the client has said itself is the system's.
pub(super) fn message(base: &ReplyBaseUrl, found: &SessionWithParticipants, one: &Interaction) -> Value {
    let session = &found.session;
    let whose = |from: ParticipantId| found.participants.iter().find(|person| person.id == from);
    let author = one.from.and_then(whose).map_or("system", |from| from.address.as_str());
    let sid = sid::conversation_message(one.id);
    json!({
        "sid": sid,
        "account_sid": sid::account(session.client),
        "conversation_sid": sid::conversation(session.id),
        "index": null,
        "author": author,
        "body": one.words().map(|(body, _)| body),
        "media": null,
        "attributes": "{}",
        "participant_sid": one.from.map(sid::conversation_participant),
        "delivery": null,
        "content_sid": null,
        "date_created": date::iso8601(one.created_ms),
        "date_updated": date::iso8601(one.changed_ms()),
        "url": base.join(&below(session.id, &format!("Messages/{sid}"))),
        "links": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_conversation_stands_below_it() {
        let id = SessionId::first_of(1);
        assert_eq!(below(id, "Messages"), format!("/v1/Conversations/CH{}/Messages", id.hex()));
    }
}

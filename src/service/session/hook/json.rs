//! What is asked in JSON, with the words of the API.

use serde_json::{Value as Json, json};

use super::{InterceptRequest, OutOfSessionRequest};
use crate::model::{Millis, rfc3339};
use crate::store::session::{Participant, Session, SessionWithParticipants};

fn participant(one: &Participant) -> Json {
    json!({"id": one.id.to_string(), "address": one.address, "name": one.name, "number": one.number})
}

fn session(of: &Session) -> Json {
    json!({
        "id": of.id.to_string(),
        "state": of.state.name(),
        "mode": of.mode.name(),
        "name": of.name,
        "unique_name": of.unique_name,
        "pool_id": of.pool.map(|pool| pool.to_string()),
        "metadata": of.metadata,
        "created_at": rfc3339(of.created_ms),
        "closed_at": of.closed_ms.map(rfc3339),
    })
}

fn question(kind: &str, at_ms: Millis, data: &Json) -> String {
    json!({"type": kind, "timestamp": rfc3339(at_ms), "data": data}).to_string()
}

pub(super) fn intercept(asked: &InterceptRequest<'_>) -> String {
    let SessionWithParticipants { session: of, .. } = asked.session;
    let others = asked.session.participants.iter().filter(|one| one.id != asked.from.id && one.left_ms.is_none());
    let data = json!({
        "kind": asked.kind.name(),
        "session": session(of),
        "from": participant(asked.from),
        "to": others.map(participant).collect::<Vec<_>>(),
        "inbound_id": asked.inbound.to_string(),
        "body": asked.body,
        "media_urls": asked.media_urls,
    });
    question("session.intercept", asked.at_ms, &data)
}

pub(super) fn out_of_session(asked: &OutOfSessionRequest<'_>) -> String {
    let last = asked.last.map(|last| {
        let people: Vec<Json> = last.participants.iter().map(participant).collect();
        let mut all = session(&last.session);
        all["participants"] = people.into();
        all
    });
    let data = json!({
        "kind": asked.kind.name(),
        "pool_id": asked.pool.to_string(),
        "from": asked.from,
        "to": asked.to,
        "inbound_id": asked.inbound.to_string(),
        "body": asked.body,
        "media_urls": asked.media_urls,
        "last_session": last,
    });
    question("session.out_of_session", asked.at_ms, &data)
}

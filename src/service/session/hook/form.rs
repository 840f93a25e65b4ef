//! What is asked as Twilio Proxy asks (<https://www.twilio.com/docs/proxy/api/webhooks>).

use serde_json::json;

use super::{InterceptRequest, OutOfSessionRequest};
use crate::model::{CallId, ClientId, Millis, PublicOrigin, Segments, SessionMode, SessionState, rfc3339_seconds};
use crate::store::session::interaction::InteractionKind;
use crate::store::session::{Participant, SessionWithParticipants};

type HookFields = Vec<(String, String)>;

fn account(client: ClientId) -> String {
    format!("AC{}", client.hex())
}

fn mode(mode: SessionMode) -> &'static str {
    match mode {
        SessionMode::Message => "message-only",
        SessionMode::Voice => "voice-only",
        SessionMode::Both => "voice-and-message",
    }
}

fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Open => "open",
        SessionState::InProgress | SessionState::Inactive => "in-progress",
        SessionState::Closed => "closed",
        SessionState::Failed => "failed",
    }
}

/// Adds fields whose names begin alike.
fn add<const N: usize>(fields: &mut HookFields, head: &str, more: [(&str, String); N]) {
    fields.extend(more.into_iter().map(|(name, value)| (format!("{head}{name}"), value)));
}

/// The sid of what came in, its path, and what it is.
fn resource(asked: &InterceptRequest<'_>) -> (String, &'static str, &'static str) {
    match asked.kind {
        // named as where it is listed, pictures or not
        InteractionKind::Message => (format!("SM{}", asked.inbound.hex()), "Messages", "Message"),
        InteractionKind::Voice => (format!("CA{}", CallId::from(asked.inbound).hex()), "Calls", "Call"),
    }
}

pub(super) fn intercept(asked: &InterceptRequest<'_>, origin: &PublicOrigin) -> HookFields {
    let session = &asked.session.session;
    let (sid, path, resource) = resource(asked);
    let kind = if asked.kind == InteractionKind::Message { "Message" } else { "Voice" };
    let account = account(session.client);
    let url = format!("{origin}/2010-04-01/Accounts/{account}/{path}/{sid}.json");
    let status = if asked.kind == InteractionKind::Message { "delivered" } else { "ringing" };
    let data = if asked.kind == InteractionKind::Message { json!({"body": asked.body}) } else { json!({}) };
    let mut fields = Vec::new();
    add(
        &mut fields,
        "inbound",
        [
            ("ParticipantSid", format!("KP{}", asked.from.id.hex())),
            ("ResourceSid", sid),
            ("ResourceStatus", status.to_owned()),
            ("ResourceType", resource.to_owned()),
            ("ResourceUrl", url),
        ],
    );
    add(
        &mut fields,
        "interaction",
        [
            ("AccountSid", account),
            ("Data", data.to_string()),
            ("DateCreated", rfc3339_seconds(asked.at_ms)),
            ("DateUpdated", rfc3339_seconds(asked.at_ms)),
            ("ServiceSid", session.pool.map(|pool| format!("KS{}", pool.hex())).unwrap_or_default()),
            ("SessionSid", format!("KC{}", session.id.hex())),
            ("Sid", format!("KI{}", asked.interaction.hex())),
            ("Type", kind.to_owned()),
        ],
    );
    fields
}

fn participant(fields: &mut HookFields, head: &str, one: &Participant, service: &str) {
    add(
        fields,
        head,
        [
            ("AccountSid", account(one.client)),
            ("DateCreated", rfc3339_seconds(one.joined_ms)),
            ("DateUpdated", rfc3339_seconds(one.left_ms.unwrap_or(one.joined_ms))),
            ("FriendlyName", one.name.clone().unwrap_or_default()),
            ("Identifier", one.address.clone()),
            ("ProxyIdentifier", one.number.clone()),
            ("ProxyIdentifierSid", format!("PN{}", one.number_id.hex())),
            ("ServiceSid", service.to_owned()),
            ("SessionSid", format!("KC{}", one.session.hex())),
            ("Sid", format!("KP{}", one.id.hex())),
        ],
    );
}

fn last_session(fields: &mut HookFields, last: &SessionWithParticipants, asked: &OutOfSessionRequest<'_>) {
    let SessionWithParticipants { session, participants } = last;
    let (service, some) = (format!("KS{}", asked.pool.hex()), |at_ms: Option<Millis>| at_ms.map(rfc3339_seconds));
    add(
        fields,
        "session",
        [
            ("AccountSid", account(session.client)),
            ("ClosedReason", session.reason.clone().unwrap_or_default()),
            ("DateCreated", rfc3339_seconds(session.created_ms)),
            ("DateEnded", some(session.closed_ms).unwrap_or_default()),
            ("DateExpiry", some(session.ends_ms).unwrap_or_default()),
            ("DateLastInteraction", some(session.last_said_ms()).unwrap_or_default()),
            ("DateStarted", rfc3339_seconds(session.created_ms)),
            ("DateUpdated", rfc3339_seconds(session.changed_ms)),
            ("Mode", mode(session.mode).to_owned()),
            ("ServiceSid", service.clone()),
            ("Sid", format!("KC{}", session.id.hex())),
            ("Status", state(session.state).to_owned()),
            ("Ttl", (session.ttl_ms.unwrap_or(0) / 1000).to_string()),
            ("UniqueName", session.unique_name.clone().unwrap_or_default()),
        ],
    );
    let is_theirs = |one: &&Participant| one.number == asked.to && one.address == asked.from;
    let from = participants.iter().find(is_theirs).or_else(|| participants.first());
    if let Some(from) = from {
        participant(fields, "inboundParticipant", from, &service);
        if let Some(other) = participants.iter().find(|one| one.id != from.id) {
            participant(fields, "outboundParticipant", other, &service);
        }
    }
}

pub(super) fn out_of_session(asked: &OutOfSessionRequest<'_>) -> HookFields {
    let (hex, account) = (asked.inbound.hex(), account(asked.client));
    let mut fields = Vec::new();
    let who = [
        ("AccountSid", account),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("From", asked.from.to_owned()),
        ("To", asked.to.to_owned()),
    ];
    add(&mut fields, "", who);
    match asked.kind {
        InteractionKind::Message => {
            let sid = format!("{}{hex}", if asked.media_urls.is_empty() { "SM" } else { "MM" });
            let text = [
                ("MessageSid", sid.clone()),
                ("SmsSid", sid.clone()),
                ("SmsMessageSid", sid),
                ("SmsStatus", "received".to_owned()),
                ("Body", asked.body.to_owned()),
                ("NumMedia", asked.media_urls.len().to_string()),
                ("NumSegments", Segments::of(asked.body).count.to_string()),
            ];
            add(&mut fields, "", text);
            let numbered = |name: &'static str, values: &[String]| -> HookFields {
                values.iter().zip(0..).map(|(value, nth)| (format!("{name}{nth}"), value.clone())).collect()
            };
            fields.extend(numbered("MediaUrl", asked.media_urls));
            fields.extend(numbered("MediaContentType", asked.media_types));
        }
        InteractionKind::Voice => {
            let call = [
                ("CallSid", format!("CA{hex}")),
                ("CallStatus", "ringing".to_owned()),
                ("Direction", "inbound".to_owned()),
            ];
            add(&mut fields, "", call);
        }
    }
    if let Some(last) = asked.last {
        last_session(&mut fields, last, asked);
    }
    fields
}

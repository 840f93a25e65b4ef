//! What is said in a session as Twilio's Proxy calls back of it, at each status
//! (<https://www.twilio.com/docs/proxy/api/webhooks>).

use std::fmt::Display;

use serde::Deserialize;
use serde_json::json;

use super::form::word;
use crate::model::message::MessageState;
use crate::model::{CallStatus, InteractionCallback, parse_time, rfc3339, rfc3339_seconds};
use crate::store::delivery::LeasedDelivery;

/// What an event says of a copy, of a call, or of a text that somebody did not get.
#[derive(Deserialize)]
struct InteractionCallbackEventIn {
    timestamp: String,
    data: InteractionCallbackDataIn,
}

#[derive(Deserialize)]
struct InteractionCallbackDataIn {
    id: String,
    state: Option<String>,
    status: Option<String>,
    body: Option<String>,
    duration: Option<i64>,
    created_at: String,
    from_participant_id: Option<String>,
    to_participant_id: Option<String>,
    inbound_message_id: Option<String>,
}

type InteractionCallbackFields = Vec<(&'static str, String)>;

/// The fields of a callback. `None`: the event is of nothing that is said in a session. `origin`: where the messages
/// are that it names.
pub(super) fn fields(
    claimed: &LeasedDelivery,
    said: &InteractionCallback,
    origin: impl Display,
) -> Option<Vec<(String, String)>> {
    let event: InteractionCallbackEventIn = serde_json::from_str(&claimed.payload).ok()?;
    let data = &event.data;
    let account = format!("AC{}", claimed.client.hex());
    let (kind, id) = data.id.split_once('_')?;
    let is_call = kind == "call";
    let (kind_word, resource, path, letters) =
        if is_call { ("Voice", "Call", "Calls", "CA") } else { ("Message", "Message", "Messages", "SM") };
    let url = |name: &str| format!("{origin}/2010-04-01/Accounts/{account}/{path}/{name}.json");
    let said = heard(said, data, kind);
    // a copy is made a little after its text came in
    let created = if kind == "int" { data.created_at.clone() } else { rfc3339(said.at_ms) };
    let content = match (&data.body, data.duration) {
        (Some(body), _) => json!({ "body": body }),
        (None, Some(duration)) => json!({ "duration": duration.to_string() }),
        (None, None) => json!({}),
    };
    let mut fields: InteractionCallbackFields = vec![
        ("interactionSid", format!("KI{id}")),
        ("interactionAccountSid", account.clone()),
        ("interactionServiceSid", format!("KS{}", said.pool)),
        ("interactionSessionSid", format!("KC{}", said.session)),
        ("interactionType", kind_word.to_owned()),
        ("interactionData", content.to_string()),
        ("interactionDateCreated", written(&created)),
        ("interactionDateUpdated", written(&event.timestamp)),
    ];
    // what a client says itself did not come in; a call that did is no message
    if said.inbound.is_some() || (is_call && said.from.is_some()) {
        fields.extend([
            ("inboundResourceStatus", if is_call { "in-progress" } else { "delivered" }.to_owned()),
            ("inboundResourceType", resource.to_owned()),
        ]);
    }
    fields.extend(said.from.map(|from| ("inboundParticipantSid", format!("KP{from}"))));
    if let Some(inbound) = said.inbound {
        let name = format!("{letters}{inbound}");
        fields.extend([("inboundResourceUrl", url(&name)), ("inboundResourceSid", name)]);
    }
    fields.push(("outboundResourceStatus", status(data, is_call)?.to_owned()));
    // where there was nobody, nothing would have gone out
    if said.to.is_some() {
        fields.push(("outboundResourceType", resource.to_owned()));
    }
    fields.extend(said.to.map(|to| ("outboundParticipantSid", format!("KP{to}"))));
    // of what nobody got there is no message
    if kind != "int" {
        let name = format!("{letters}{id}");
        fields.extend([("outboundResourceUrl", url(&name)), ("outboundResourceSid", name)]);
    }
    Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Who said it to whom: a copy holds that; what nobody got, its event says it of.
fn heard(said: &InteractionCallback, data: &InteractionCallbackDataIn, kind: &str) -> InteractionCallback {
    if kind != "int" {
        return said.clone();
    }
    let hex = |id: &Option<String>| id.as_deref().and_then(|id| id.split_once('_')).map(|(_, hex)| hex.to_owned());
    InteractionCallback {
        from: hex(&data.from_participant_id),
        to: hex(&data.to_participant_id),
        inbound: hex(&data.inbound_message_id),
        ..said.clone()
    }
}

/// How what went out stands, in Twilio's words.
fn status(data: &InteractionCallbackDataIn, is_call: bool) -> Option<&'static str> {
    if is_call {
        return data.status.as_deref().and_then(CallStatus::parse).map(CallStatus::name);
    }
    match MessageState::parse(data.state.as_deref().or(data.status.as_deref())?)? {
        // it leaves from a number that is known
        MessageState::Accepted => Some(MessageState::Queued.name()),
        state => word(state),
    }
}

/// `2015-07-30T20:00:00Z`
fn written(time: &str) -> String {
    parse_time(time).map_or_else(|| time.to_owned(), rfc3339_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArcMessageContent, ClientId, EndpointId, EventId, MessageContent};
    use crate::store::delivery::DeliveryLease;
    use crate::store::event::EventTarget;

    fn posted(payload: &serde_json::Value, said: InteractionCallback) -> Option<Vec<(String, String)>> {
        let content = MessageContent { interaction: Some(said.clone()), ..MessageContent::default() };
        let claimed = LeasedDelivery {
            held: DeliveryLease {
                event: EventId::first_of(1),
                target: EventTarget::Endpoint(EndpointId::first_of(1)),
                until_ms: 0,
                has_login: false,
                has_turn: false,
            },
            client: ClientId::OPERATOR,
            payload: payload.to_string(),
            tries: 0,
            address: None,
            content: ArcMessageContent::from(content),
            callback: None,
            auth_token: None,
        };
        fields(&claimed, &said, "https://h.example")
    }

    fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn said() -> InteractionCallback {
        let hex = |text: &str| Some(text.to_owned());
        InteractionCallback {
            pool: "0a".to_owned(),
            session: "0b".to_owned(),
            from: hex("0c"),
            to: hex("0d"),
            inbound: hex("0e"),
            at_ms: 1_796_022_000_700,
        }
    }

    #[test]
    fn a_copy_is_told_with_what_came_in_and_what_went_out() {
        let event = json!({"timestamp": "2026-11-30T07:00:01.500Z", "data": {"id": "msg_0f", "state": "accepted",
            "body": "\"hi\"", "created_at": "2026-11-30T07:00:01.000Z"}});
        let fields = posted(&event, said()).unwrap();
        let account = format!("AC{}", ClientId::OPERATOR.hex());
        let url = |sid: &str| format!("https://h.example/2010-04-01/Accounts/{account}/Messages/{sid}.json");
        let (inbound, outbound) = (url("SM0e"), url("SM0f"));
        for (name, value) in [
            ("interactionSid", "KI0f"),
            ("interactionAccountSid", &account),
            ("interactionServiceSid", "KS0a"),
            ("interactionSessionSid", "KC0b"),
            ("interactionType", "Message"),
            ("interactionData", r#"{"body":"\"hi\""}"#),
            ("interactionDateCreated", "2026-11-30T07:00:00Z"),
            ("interactionDateUpdated", "2026-11-30T07:00:01Z"),
            ("inboundParticipantSid", "KP0c"),
            ("inboundResourceSid", "SM0e"),
            ("inboundResourceStatus", "delivered"),
            ("inboundResourceType", "Message"),
            ("inboundResourceUrl", &inbound),
            ("outboundParticipantSid", "KP0d"),
            ("outboundResourceSid", "SM0f"),
            ("outboundResourceStatus", "queued"),
            ("outboundResourceType", "Message"),
            ("outboundResourceUrl", &outbound),
        ] {
            assert_eq!(field(&fields, name), Some(value), "{name}");
        }
        assert_eq!(fields.len(), 18);
    }

    #[test]
    fn what_a_client_says_has_no_inbound_side_and_what_nobody_got_no_outbound_one() {
        let event = json!({"timestamp": "2026-11-30T07:00:01Z", "data": {"id": "msg_0f", "state": "expired",
            "body": "", "created_at": "2026-11-30T07:00:00Z"}});
        let fields = posted(&event, InteractionCallback { from: None, inbound: None, ..said() }).unwrap();
        assert!(fields.iter().all(|(name, _)| !name.starts_with("inbound")), "{fields:?}");
        assert_eq!(field(&fields, "outboundResourceStatus"), Some("failed"));
        let event = json!({"timestamp": "2026-11-30T07:00:01Z", "data": {"id": "int_0f", "status": "failed",
            "from_participant_id": "par_01", "to_participant_id": "par_02", "inbound_message_id": "msg_03",
            "created_at": "2026-11-30T07:00:00Z"}});
        let fields = posted(&event, said()).unwrap();
        for (name, value) in [
            ("inboundParticipantSid", "KP01"),
            ("inboundResourceSid", "SM03"),
            ("outboundParticipantSid", "KP02"),
            ("outboundResourceStatus", "failed"),
            ("interactionData", "{}"),
        ] {
            assert_eq!(field(&fields, name), Some(value), "{name}");
        }
        assert_eq!((field(&fields, "outboundResourceSid"), field(&fields, "outboundResourceUrl")), (None, None));
        assert_eq!(field(&fields, "outboundResourceType"), Some("Message"));
        let event = json!({"timestamp": "2026-11-30T07:00:01Z", "data": {"id": "int_0f", "status": "failed",
            "from_participant_id": "par_01", "created_at": "2026-11-30T07:00:00Z"}});
        let fields = posted(&event, said()).unwrap();
        let outbound: Vec<&str> =
            fields.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("outbound")).collect();
        assert_eq!(outbound, ["outboundResourceStatus"], "there was nobody");
    }

    #[test]
    fn a_call_is_told_as_one() {
        let event = json!({"timestamp": "2026-11-30T07:00:01Z", "data": {"id": "call_0f", "status": "completed",
            "duration": 7, "created_at": "2026-11-30T07:00:00Z"}});
        let fields = posted(&event, said()).unwrap();
        for (name, value) in [
            ("interactionType", "Voice"),
            ("interactionData", r#"{"duration":"7"}"#),
            ("inboundResourceSid", "CA0e"),
            ("inboundResourceStatus", "in-progress"),
            ("outboundResourceSid", "CA0f"),
            ("outboundResourceStatus", "completed"),
            ("outboundResourceType", "Call"),
        ] {
            assert_eq!(field(&fields, name), Some(value), "{name}");
        }
        assert_eq!(posted(&json!({"timestamp": "", "data": {"id": "x"}}), said()), None);
    }
}

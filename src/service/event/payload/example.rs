//! An example of each type of event: made of the payload's own types, so that it has their fields.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    AccountEventData, BalanceEventData, CallEventData, DeviceEventData, EndpointEventData, EventErrorData,
    EventPayload, InteractionEventData, MessageEventData, OptOutEventData, SessionEventData,
    SessionParticipantEventData, VerificationEventData,
};
use crate::model::event::EventType;
use crate::model::message::{Direction, MessageState};
use crate::model::{
    AccountId, CallId, CallStatus, Channel, ClientId, CodeChannel, DeviceId, EndpointId, InteractionId, MessageId,
    Millis, Money, ParticipantId, PoolId, SessionId, SessionMode, SessionState, VerificationId, VerificationStatus,
    rfc3339,
};
use crate::provider::CallNotes;

/// When they happened: 2026-01-01.
const AT_MS: Millis = 1_767_225_600_000;
const OURS: &str = "+15005550006";
const PERSON: &str = "+14155550100";

/// What is posted of an event of this type.
pub fn example(kind: EventType) -> Value {
    let data = match kind {
        EventType::Message(state) => message(state),
        EventType::Call(status) => call(status),
        EventType::DevicePaired => device(false),
        EventType::DeviceRevoked => device(true),
        EventType::OptOutChanged => opt_out(),
        EventType::BalanceLow => balance(),
        EventType::AccountResting | EventType::AccountResumed => account(),
        EventType::SessionCreated => session(SessionState::Open, None),
        EventType::SessionInProgress => session(SessionState::InProgress, None),
        EventType::SessionInactive => session(SessionState::Inactive, None),
        EventType::SessionClosed => session(SessionState::Closed, None),
        EventType::SessionFailed => session(SessionState::Failed, None),
        EventType::SessionParticipantAdded | EventType::SessionParticipantRemoved => {
            session(SessionState::InProgress, Some(participant()))
        }
        EventType::InteractionMessage => interaction(None),
        EventType::InteractionLoop => interaction(Some("loop")),
        EventType::Verification(status) => verification(status, true),
        EventType::VerificationChecksBlocked => verification(VerificationStatus::Pending, false),
        EventType::EndpointTest => value(&EndpointEventData { endpoint_id: EndpointId::first_of(AT_MS).to_string() }),
    };
    json!({"type": kind.name(), "timestamp": rfc3339(AT_MS), "data": data})
}

fn value(data: &impl EventPayload) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

fn message(state: MessageState) -> Value {
    let is_in = state == MessageState::Received;
    let (direction, from, to) = if is_in { (Direction::In, PERSON, OURS) } else { (Direction::Out, OURS, PERSON) };
    let metadata = json!({"order": "17"});
    let media: &[String] = &[];
    let error = match state {
        MessageState::Undelivered | MessageState::Failed => Some(EventErrorData { code: Some(30003), reason: None }),
        MessageState::Expired => Some(EventErrorData { code: None, reason: Some("its validity ended".into()) }),
        _ => None,
    };
    value(&MessageEventData {
        sequence: Some(if is_in { 1 } else { i64::from(state.rank()) + 1 }),
        id: MessageId::first_of(AT_MS).to_string(),
        direction: direction.name(),
        channel: Channel::Sms.name(),
        state: state.name(),
        from,
        to,
        body: "Your table is ready.",
        media_urls: media,
        media_types: is_in.then_some(media),
        segments: 1,
        metadata: metadata.as_object().filter(|_| !is_in),
        error,
        created_at: rfc3339(AT_MS),
        carrier: is_in.then(|| BTreeMap::from([("FromCountry".to_owned(), "US".to_owned())])),
        carrier_omitted: is_in.then_some(0),
    })
}

fn call(status: CallStatus) -> Value {
    let is_completed = status == CallStatus::Completed;
    let notes = CallNotes { answered_by: is_completed.then(|| "human".to_owned()), ..CallNotes::default() };
    let is_failed = status == CallStatus::Failed;
    value(&CallEventData {
        sequence: Some(i64::from(status.rank()) + 1),
        id: CallId::first_of(AT_MS).to_string(),
        status: status.name(),
        from: OURS,
        to: PERSON,
        duration: is_completed.then_some(42),
        notes: &notes,
        metadata: None,
        error: is_failed.then_some(EventErrorData { code: Some(13224), reason: None }),
        created_at: rfc3339(AT_MS),
    })
}

fn device(is_revoked: bool) -> Value {
    value(&DeviceEventData {
        sequence: Some(if is_revoked { 2 } else { 1 }),
        id: DeviceId::first_of(AT_MS).to_string(),
        user_id: "111",
        fingerprint: "0123456789abcdef",
        flavour: "two-step",
        paired_at: rfc3339(AT_MS),
        revoked_at: is_revoked.then(|| rfc3339(AT_MS)),
    })
}

fn opt_out() -> Value {
    value(&OptOutEventData {
        sequence: Some(1),
        number: OURS,
        person: PERSON,
        channel: Channel::Sms.name(),
        is_out: true,
        reason: "keyword",
        changed_at: rfc3339(AT_MS),
    })
}

fn balance() -> Value {
    value(&BalanceEventData {
        client_id: ClientId::first_of(AT_MS).to_string(),
        balance: Money::from_micros(4_992_500),
        low_at: Some(Money::from_micros(5_000_000)),
        credit_limit: Money::ZERO,
    })
}

fn participant() -> SessionParticipantEventData<'static> {
    SessionParticipantEventData {
        id: ParticipantId::first_of(AT_MS).to_string(),
        address: PERSON,
        name: Some("Ann"),
        number: OURS,
        joined_at: rfc3339(AT_MS),
    }
}

fn session(state: SessionState, who: Option<SessionParticipantEventData<'static>>) -> Value {
    value(&SessionEventData {
        sequence: Some(if state == SessionState::Open { 1 } else { 2 }),
        id: SessionId::first_of(AT_MS).to_string(),
        state: state.name(),
        reason: (state == SessionState::Closed).then_some("expired"),
        mode: SessionMode::Both.name(),
        name: Some("order 17"),
        unique_name: None,
        pool_id: Some(PoolId::first_of(AT_MS).to_string()),
        participants: vec![participant()],
        participant: who,
        metadata: None,
        created_at: rfc3339(AT_MS),
    })
}

fn account() -> Value {
    value(&AccountEventData {
        account_id: AccountId::first_of(AT_MS).to_string(),
        provider: "twilio",
        name: "main",
        since: rfc3339(AT_MS),
        code: Some(20003),
        reason: "Authenticate",
    })
}

fn interaction(reason: Option<&'static str>) -> Value {
    let (sender, message) = (ParticipantId::first_of(AT_MS), MessageId::first_of(AT_MS));
    value(&InteractionEventData {
        sequence: Some(2),
        id: InteractionId::first_of(AT_MS).to_string(),
        session_id: SessionId::first_of(AT_MS).to_string(),
        kind: "message",
        from_participant_id: Some(sender.to_string()),
        to_participant_id: Some(ParticipantId::first_of(AT_MS + 1).to_string()),
        inbound_message_id: Some(message.to_string()),
        outbound_message_id: reason.is_none().then(|| MessageId::first_of(AT_MS + 1).to_string()),
        outbound_call_id: None,
        status: if reason.is_none() { "accepted" } else { "failed" },
        reason,
        created_at: rfc3339(AT_MS),
    })
}

fn verification(status: VerificationStatus, is_numbered: bool) -> Value {
    let tries = if status == VerificationStatus::MaxAttemptsReached { 5 } else { 1 };
    let sequence = if status.is_over() { 2 } else { 1 };
    value(&VerificationEventData {
        sequence: is_numbered.then_some(sequence),
        id: VerificationId::first_of(AT_MS).to_string(),
        service_id: None,
        to: PERSON,
        channel: CodeChannel::Sms.name(),
        status: status.name(),
        sends: 1,
        attempts_left: 5 - tries,
        auth_id: None,
        metadata: None,
        tags: None,
        expires_at: rfc3339(AT_MS + 600_000),
        created_at: rfc3339(AT_MS),
    })
}

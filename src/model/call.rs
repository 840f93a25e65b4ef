//! The life of a call at its provider, in Twilio's words, which only moves forward.

use super::message::MessageState;
use super::named;

/// How a call stands (<https://www.twilio.com/docs/voice/api/call-resource#call-status-values>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CallStatus {
    Queued,
    /// Its provider has begun to dial.
    Initiated,
    Ringing,
    InProgress,
    Completed,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
}

/// What a client can ask to be told of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum CallEvent {
    Initiated,
    Ringing,
    Answered,
    /// However it ended.
    Completed,
}

named!(CallStatus, Queued, Initiated, Ringing, InProgress, Completed, Busy, NoAnswer, Failed, Canceled);

impl CallStatus {
    /// How far along; those of the same rank exclude each other.
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Initiated => 1,
            Self::Ringing => 2,
            Self::InProgress => 3,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => 4,
        }
    }

    pub fn is_final(self) -> bool {
        self.rank() == 4
    }

    pub fn may_become(self, next: Self) -> bool {
        self.rank() < next.rank()
    }

    /// What it means for the message that carries the call.
    pub fn state(self) -> MessageState {
        match self {
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress => MessageState::Sent,
            Self::Completed => MessageState::Delivered,
            Self::Busy | Self::NoAnswer => MessageState::Undelivered,
            Self::Failed => MessageState::Failed,
            Self::Canceled => MessageState::Canceled,
        }
    }

    /// The other way about. `None`: as before, or nothing that a call comes to.
    pub fn of(state: MessageState) -> Option<Self> {
        match state {
            MessageState::Accepted | MessageState::Scheduled => Some(Self::Queued),
            MessageState::Queued | MessageState::Sending | MessageState::Received => None,
            MessageState::Sent => Some(Self::Initiated),
            MessageState::Delivered => Some(Self::Completed),
            MessageState::Undelivered => Some(Self::NoAnswer),
            MessageState::Failed | MessageState::Expired => Some(Self::Failed),
            MessageState::Canceled => Some(Self::Canceled),
        }
    }

    /// How a call is shown whose message is in this state, and of which its provider last said `said`.
    pub fn shown(state: MessageState, said: Self) -> Self {
        match Self::of(state) {
            Some(over) if state.is_final() && said.state() != state => over,
            _ if said == Self::Initiated => Self::Queued,
            _ => said,
        }
    }

    /// What is told of it, to whom asks for that.
    pub fn event(self) -> Option<CallEvent> {
        match self {
            Self::Queued => None,
            Self::Initiated => Some(CallEvent::Initiated),
            Self::Ringing => Some(CallEvent::Ringing),
            Self::InProgress => Some(CallEvent::Answered),
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => Some(CallEvent::Completed),
        }
    }
}

named!(CallEvent, Initiated, Ringing, Answered, Completed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_over() {
        for status in CallStatus::ALL {
            assert_eq!(CallStatus::parse(status.name()), Some(status));
            assert_eq!(status.is_final(), !CallStatus::ALL.into_iter().any(|next| status.may_become(next)));
            assert_eq!(status.is_final(), status.state().is_final(), "{status:?}");
        }
    }

    #[test]
    fn a_message_and_what_its_provider_said_make_a_status() {
        for (state, said, shown) in [
            (MessageState::Accepted, CallStatus::Queued, CallStatus::Queued),
            (MessageState::Sent, CallStatus::Initiated, CallStatus::Queued),
            (MessageState::Sent, CallStatus::InProgress, CallStatus::InProgress),
            (MessageState::Undelivered, CallStatus::Busy, CallStatus::Busy),
            (MessageState::Expired, CallStatus::Queued, CallStatus::Failed),
            (MessageState::Canceled, CallStatus::Queued, CallStatus::Canceled),
            // its message failed before the provider's other words came
            (MessageState::Failed, CallStatus::Ringing, CallStatus::Failed),
        ] {
            assert_eq!(CallStatus::shown(state, said), shown, "{state:?} {said:?}");
        }
    }
}

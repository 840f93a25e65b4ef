//! The life of a message: its states, which only move forward, and what came of each attempt to send it.

use super::named;

/// Where a message goes: from a client to a person, or from a person to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
pub enum Direction {
    #[serde(rename = "outbound")]
    #[strum(serialize = "outbound")]
    Out,
    #[serde(rename = "inbound")]
    #[strum(serialize = "inbound")]
    In,
}

named!(Direction, Out, In);

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MessageState {
    /// Stored, with its job.
    Accepted,
    /// Joins its lane at a later time.
    Scheduled,
    /// In its lane, after its time came.
    Queued,
    /// A provider has been called at least once.
    Sending,
    /// A provider has taken it.
    Sent,
    Delivered,
    Undelivered,
    /// No provider took it, or one said so later.
    Failed,
    Canceled,
    /// Its validity ended before a provider took it.
    Expired,
    /// Came in.
    Received,
}

named! {
    MessageState, Accepted, Scheduled, Queued, Sending, Sent, Delivered, Undelivered, Failed, Canceled, Expired,
    Received
}

impl MessageState {
    /// How far along; states of the same rank exclude each other.
    pub fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Scheduled => 1,
            Self::Queued => 2,
            Self::Sending => 3,
            Self::Sent => 4,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled | Self::Expired | Self::Received => 5,
        }
    }

    /// Nothing more can happen to it.
    pub fn is_final(self) -> bool {
        self.rank() == 5
    }

    /// It has come to nothing: whoever paid for it gets that back.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed | Self::Canceled | Self::Expired)
    }

    /// Whether a message in this state may go over to `next`.
    pub fn may_become(self, next: Self) -> bool {
        self.rank() < next.rank()
    }

    /// The states from which `self` may be reached.
    pub fn before(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |earlier| earlier.may_become(self))
    }
}

/// What came of one call of a provider for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AttemptOutcome {
    Accepted,
    /// The message would be refused again.
    Refused,
    /// The account is refused, whatever it sends.
    Denied,
    Throttled,
    /// Nothing was sent.
    Unreachable,
    /// Something may have been sent: no answer came.
    Uncertain,
    /// No answer came, and the provider was found to have the message.
    Adopted,
}

named!(AttemptOutcome, Accepted, Refused, Denied, Throttled, Unreachable, Uncertain, Adopted);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever happens in whatever order, nobody comes back to where they were.
        #[test]
        fn states_only_move_forward(steps in prop::collection::vec(0_usize..11, 0..30)) {
            let mut state = MessageState::Accepted;
            let mut seen = vec![state];
            for next in steps.into_iter().map(|step| MessageState::ALL[step]) {
                if state.may_become(next) {
                    state = next;
                    prop_assert!(!seen.contains(&state));
                    seen.push(state);
                }
            }
            prop_assert!(seen.len() <= 6);
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        for state in MessageState::ALL.into_iter().filter(|state| state.is_final()) {
            assert!(MessageState::ALL.into_iter().all(|next| !state.may_become(next)), "{state:?}");
        }
        assert_eq!(MessageState::Scheduled.before().collect::<Vec<_>>(), [MessageState::Accepted]);
        assert!(MessageState::ALL.into_iter().all(|state| MessageState::parse(state.name()) == Some(state)));
    }

    #[test]
    fn outcomes_are_read_as_they_are_written() {
        let is_read = |outcome: AttemptOutcome| AttemptOutcome::parse(outcome.name()) == Some(outcome);
        assert!(AttemptOutcome::ALL.into_iter().all(is_read));
        assert_eq!(AttemptOutcome::parse("failed"), None);
    }
}

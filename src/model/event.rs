//! What can happen that is told, and what a listener asks for.

use std::fmt;
use std::str::FromStr;

use super::call::CallStatus;
use super::message::State;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A message came into a state: `message.sent`.
    Message(State),
    /// A call has come so far: `call.ringing`.
    Call(CallStatus),
    DevicePaired,
    DeviceRevoked,
    /// A person wants nothing more from a number, or does again.
    OptOutChanged,
    /// A client's balance has fallen below what it wants to be told of.
    BalanceLow,
    /// A carrier refuses an account, whatever is sent through it: it rests.
    AccountResting,
    /// It is in use again.
    AccountResumed,
    /// Somebody tries out their endpoint.
    EndpointTest,
}

#[derive(Debug, thiserror::Error)]
#[error("not an event type")]
pub struct NotAType;

impl EventType {
    pub fn all() -> impl Iterator<Item = Self> {
        let (messages, calls) =
            (State::ALL.into_iter().map(Self::Message), CallStatus::ALL.into_iter().map(Self::Call));
        let others = [
            Self::DevicePaired,
            Self::DeviceRevoked,
            Self::OptOutChanged,
            Self::BalanceLow,
            Self::AccountResting,
            Self::AccountResumed,
            Self::EndpointTest,
        ];
        messages.chain(calls).chain(others)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Message(State::Accepted) => "message.accepted",
            Self::Message(State::Scheduled) => "message.scheduled",
            Self::Message(State::Queued) => "message.queued",
            Self::Message(State::Sending) => "message.sending",
            Self::Message(State::Sent) => "message.sent",
            Self::Message(State::Delivered) => "message.delivered",
            Self::Message(State::Undelivered) => "message.undelivered",
            Self::Message(State::Failed) => "message.failed",
            Self::Message(State::Canceled) => "message.canceled",
            Self::Message(State::Expired) => "message.expired",
            Self::Message(State::Received) => "message.received",
            Self::Call(CallStatus::Queued) => "call.queued",
            Self::Call(CallStatus::Initiated) => "call.initiated",
            Self::Call(CallStatus::Ringing) => "call.ringing",
            Self::Call(CallStatus::InProgress) => "call.in-progress",
            Self::Call(CallStatus::Completed) => "call.completed",
            Self::Call(CallStatus::Busy) => "call.busy",
            Self::Call(CallStatus::NoAnswer) => "call.no-answer",
            Self::Call(CallStatus::Failed) => "call.failed",
            Self::Call(CallStatus::Canceled) => "call.canceled",
            Self::DevicePaired => "device.paired",
            Self::DeviceRevoked => "device.revoked",
            Self::OptOutChanged => "opt_out.changed",
            Self::BalanceLow => "balance.low",
            Self::AccountResting => "account.resting",
            Self::AccountResumed => "account.resumed",
            Self::EndpointTest => "endpoint.test",
        }
    }

    /// What stands before the dot.
    fn group(self) -> Group {
        match self {
            Self::Message(_) => Group::Message,
            Self::Call(_) => Group::Call,
            Self::DevicePaired | Self::DeviceRevoked => Group::Device,
            Self::OptOutChanged => Group::OptOut,
            Self::BalanceLow => Group::Balance,
            Self::AccountResting | Self::AccountResumed => Group::Account,
            Self::EndpointTest => Group::Endpoint,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventType {
    type Err = NotAType;

    fn from_str(name: &str) -> Result<Self, NotAType> {
        Self::all().find(|kind| kind.name() == name).ok_or(NotAType)
    }
}

/// Event types that are spoken of together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    Message,
    Call,
    Device,
    OptOut,
    Balance,
    Account,
    Endpoint,
}

/// What a listener asks for: one type, a group (`message.*`), or all (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    All,
    Group(Group),
    One(EventType),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is neither an event type such as `message.sent` nor a pattern: `*`, `message.*`, `call.*`, `device.*`, \
     `opt_out.*`, `balance.*`, `account.*`, `endpoint.*`"
)]
pub struct NotAPattern(String);

impl Pattern {
    pub fn matches(self, kind: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => group == kind.group(),
            Self::One(one) => one == kind,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "*",
            Self::Group(Group::Message) => "message.*",
            Self::Group(Group::Call) => "call.*",
            Self::Group(Group::Device) => "device.*",
            Self::Group(Group::OptOut) => "opt_out.*",
            Self::Group(Group::Balance) => "balance.*",
            Self::Group(Group::Account) => "account.*",
            Self::Group(Group::Endpoint) => "endpoint.*",
            Self::One(kind) => kind.name(),
        })
    }
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let groups = [
            Group::Message,
            Group::Call,
            Group::Device,
            Group::OptOut,
            Group::Balance,
            Group::Account,
            Group::Endpoint,
        ];
        let groups = groups.map(Self::Group);
        let mut patterns = [Self::All].into_iter().chain(groups).chain(EventType::all().map(Self::One));
        // what was sent is quoted, but not at length
        patterns
            .find(|pattern| pattern.to_string() == text)
            .ok_or_else(|| NotAPattern(text.chars().filter(|c| !c.is_control()).take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_patterns_read_back_as_they_are_written() {
        for kind in EventType::all() {
            assert_eq!(kind.name().parse::<EventType>().ok(), Some(kind));
            assert_eq!(kind.name().parse::<Pattern>().ok(), Some(Pattern::One(kind)));
        }
        for text in ["*", "message.*", "call.*", "device.*", "opt_out.*", "balance.*", "account.*", "endpoint.*"] {
            assert_eq!(text.parse::<Pattern>().map(|pattern| pattern.to_string()).ok().as_deref(), Some(text));
        }
        for bad in ["", "message", "message.", "messages.*", "Message.sent", "message.sent ", "**", "message.s*"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn message_types_bear_the_names_of_the_states() {
        for state in State::ALL {
            assert_eq!(EventType::Message(state).name(), format!("message.{}", state.name()));
        }
        for status in CallStatus::ALL {
            assert_eq!(EventType::Call(status).name(), format!("call.{}", status.name()));
        }
    }

    #[test]
    fn a_pattern_takes_what_it_says() {
        let taken = |text: &str| {
            let pattern = text.parse::<Pattern>().ok();
            EventType::all().filter(|kind| pattern.is_some_and(|pattern| pattern.matches(*kind))).count()
        };
        assert_eq!((taken("*"), taken("message.*"), taken("device.*"), taken("message.sent")), (27, 11, 2, 1));
        assert_eq!((taken("call.*"), taken("call.no-answer")), (9, 1));
    }
}

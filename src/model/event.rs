//! The table of event types: what can happen that is told; and what a listener asks for.

use std::fmt;
use std::str::FromStr;

use super::call::CallStatus;
use super::message::MessageState;
use super::verification::VerificationStatus;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A message came into a state.
    Message(MessageState),
    /// A call has come so far.
    Call(CallStatus),
    DevicePaired,
    DeviceRevoked,
    OptOutChanged,
    BalanceLow,
    AccountResting,
    AccountResumed,
    SessionCreated,
    SessionInProgress,
    SessionInactive,
    SessionClosed,
    SessionFailed,
    SessionParticipantAdded,
    SessionParticipantRemoved,
    InteractionMessage,
    InteractionLoop,
    /// A verification has come so far.
    Verification(VerificationStatus),
    VerificationChecksBlocked,
    EndpointTest,
}

#[derive(Debug, thiserror::Error)]
#[error("not an event type")]
pub struct NotAnEventType;

/// Everything that is listed of event types is read from these rows. A type without a row does not compile, and
/// neither does a row without its type.
macro_rules! event_types {
    ($([$($kind:tt)+] $name:literal $when:literal)+) => {
        impl EventType {
            /// Every type, in the order of the table.
            pub fn all() -> impl Iterator<Item = Self> {
                [$(Self::$($kind)+),+].into_iter()
            }

            pub fn name(self) -> &'static str {
                match self { $(Self::$($kind)+ => $name),+ }
            }

            /// When it happens: a sentence.
            pub fn when(self) -> &'static str {
                match self { $(Self::$($kind)+ => $when),+ }
            }
        }
    };
}

event_types! {
    [Message(MessageState::Accepted)] "message.accepted"
        "A message was accepted and stored."
    [Message(MessageState::Scheduled)] "message.scheduled"
        "A message was accepted and stored, to be sent at a later time."
    [Message(MessageState::Queued)] "message.queued"
        "The time of a scheduled message has come, and it waits for its turn."
    [Message(MessageState::Sending)] "message.sending"
        "A first attempt to send a message has not settled what becomes of it; it is tried again, or looked up."
    [Message(MessageState::Sent)] "message.sent"
        "A carrier has taken a message."
    [Message(MessageState::Delivered)] "message.delivered"
        "A carrier reports that a message has arrived."
    [Message(MessageState::Undelivered)] "message.undelivered"
        "A carrier reports that a message did not arrive."
    [Message(MessageState::Failed)] "message.failed"
        "No carrier took a message, or the one that did reports that it failed."
    [Message(MessageState::Canceled)] "message.canceled"
        "A message was canceled before it was sent."
    [Message(MessageState::Expired)] "message.expired"
        "The validity of a message ended before a carrier took it."
    [Message(MessageState::Received)] "message.received"
        "A person's message to one of your numbers came in."
    [Call(CallStatus::Queued)] "call.queued"
        "A call was accepted and stored."
    [Call(CallStatus::Initiated)] "call.initiated"
        "A carrier has taken a call and begins to dial."
    [Call(CallStatus::Ringing)] "call.ringing"
        "The phone that is called rings."
    [Call(CallStatus::InProgress)] "call.in-progress"
        "A call was answered."
    [Call(CallStatus::Completed)] "call.completed"
        "A call that was answered is over."
    [Call(CallStatus::Busy)] "call.busy"
        "The line that was called was busy."
    [Call(CallStatus::NoAnswer)] "call.no-answer"
        "Nobody answered a call."
    [Call(CallStatus::Failed)] "call.failed"
        "A call could not be placed, or its validity ended before a carrier took it."
    [Call(CallStatus::Canceled)] "call.canceled"
        "A call was canceled before anybody answered it."
    [DevicePaired] "device.paired"
        "A phone was paired with a user."
    [DeviceRevoked] "device.revoked"
        "A paired phone was revoked."
    [OptOutChanged] "opt_out.changed"
        "A person wants no more messages from a number, or wants them again."
    [BalanceLow] "balance.low"
        "A client's balance fell below its `low_at`; told once, and again only after the balance was above it."
    [AccountResting] "account.resting"
        "A carrier refuses an account itself: the account rests, and its messages wait."
    [AccountResumed] "account.resumed"
        "An account that rested is in use again."
    [SessionCreated] "session.created"
        "A session was made: all its people have their numbers."
    [SessionInProgress] "session.in_progress"
        "Something was said in a session for the first time, or it goes on after a rest."
    [SessionInactive] "session.inactive"
        "A session rests: it keeps its numbers, and what is said next takes it up again."
    [SessionClosed] "session.closed"
        "A session has ended; `reason` is `expired` where its time was over."
    [SessionFailed] "session.failed"
        "A session was ended by what went wrong."
    [SessionParticipantAdded] "session.participant_added"
        "Somebody came into a session."
    [SessionParticipantRemoved] "session.participant_removed"
        "Somebody has left a session."
    [InteractionMessage] "interaction.message"
        "A text in a session was passed on to somebody, or could not be: `status` says which."
    [InteractionLoop] "interaction.loop"
        "Those who text in a session look like programs that answer each other: copies stop for five minutes."
    [Verification(VerificationStatus::Pending)] "verification.pending"
        "A code was accepted, to be sent to somebody who is to prove their phone."
    [Verification(VerificationStatus::Approved)] "verification.approved"
        "The right code came back in time."
    [Verification(VerificationStatus::Canceled)] "verification.canceled"
        "A verification was canceled: its code opens nothing."
    [Verification(VerificationStatus::Expired)] "verification.expired"
        "The time of a verification ended before the right code came."
    [Verification(VerificationStatus::MaxAttemptsReached)] "verification.max_attempts_reached"
        "As many wrong codes came for a verification as may be tried."
    [Verification(VerificationStatus::Deleted)] "verification.deleted"
        "A newer verification took the place of one that was pending."
    [VerificationChecksBlocked] "verification.checks_blocked"
        "A hundred codes for one number were wrong: no more are looked at until the last is a day old."
    [EndpointTest] "endpoint.test"
        "Somebody tries out an endpoint; no other endpoint is told."
}

impl EventType {
    /// The types that it is spoken of together with.
    pub fn group(self) -> EventGroup {
        match self {
            Self::Message(_) => EventGroup::Message,
            Self::Call(_) => EventGroup::Call,
            Self::DevicePaired | Self::DeviceRevoked => EventGroup::Device,
            Self::OptOutChanged => EventGroup::OptOut,
            Self::BalanceLow => EventGroup::Balance,
            Self::AccountResting | Self::AccountResumed => EventGroup::Account,
            Self::SessionCreated
            | Self::SessionInProgress
            | Self::SessionInactive
            | Self::SessionClosed
            | Self::SessionFailed
            | Self::SessionParticipantAdded
            | Self::SessionParticipantRemoved => EventGroup::Session,
            Self::InteractionMessage | Self::InteractionLoop => EventGroup::Interaction,
            Self::Verification(_) | Self::VerificationChecksBlocked => EventGroup::Verification,
            Self::EndpointTest => EventGroup::Endpoint,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventType {
    type Err = NotAnEventType;

    fn from_str(name: &str) -> Result<Self, NotAnEventType> {
        Self::all().find(|kind| kind.name() == name).ok_or(NotAnEventType)
    }
}

/// Event types whose names begin alike, and whose payloads have the same fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventGroup {
    Message,
    Call,
    Device,
    OptOut,
    Balance,
    Account,
    Session,
    Interaction,
    Verification,
    Endpoint,
}

impl EventGroup {
    pub const ALL: [Self; 10] = [
        Self::Message,
        Self::Call,
        Self::Device,
        Self::OptOut,
        Self::Balance,
        Self::Account,
        Self::Session,
        Self::Interaction,
        Self::Verification,
        Self::Endpoint,
    ];

    /// What a listener writes who wants all of them.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Message => "message.*",
            Self::Call => "call.*",
            Self::Device => "device.*",
            Self::OptOut => "opt_out.*",
            Self::Balance => "balance.*",
            Self::Account => "account.*",
            Self::Session => "session.*",
            Self::Interaction => "interaction.*",
            Self::Verification => "verification.*",
            Self::Endpoint => "endpoint.*",
        }
    }
}

/// What a listener asks for: one type, a group (`message.*`), or all (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventPattern {
    All,
    Group(EventGroup),
    One(EventType),
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither an event type such as `message.sent` nor a pattern: `*`, {groups}", groups = listed())]
pub struct NotAnEventPattern(String);

/// The patterns of all groups, for who wrote something else.
fn listed() -> String {
    EventGroup::ALL.map(|group| format!("`{}`", group.pattern())).join(", ")
}

impl EventPattern {
    /// Every pattern that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::All].into_iter().chain(EventGroup::ALL.map(Self::Group)).chain(EventType::all().map(Self::One))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Group(group) => group.pattern(),
            Self::One(kind) => kind.name(),
        }
    }

    pub fn matches(self, kind: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => group == kind.group(),
            Self::One(one) => one == kind,
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventPattern {
    type Err = NotAnEventPattern;

    fn from_str(text: &str) -> Result<Self, NotAnEventPattern> {
        // what was sent is quoted, but not at length
        Self::all()
            .find(|pattern| pattern.name() == text)
            .ok_or_else(|| NotAnEventPattern(text.chars().filter(|c| !c.is_control()).take(64).collect()))
    }
}

#[cfg(test)]
#[path = "event_test.rs"]
mod tests;

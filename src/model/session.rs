//! Conversations in which nobody learns a number: what kinds there are, and how far they come.

use super::named;

/// What people do in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SessionMode {
    Message,
    Voice,
    #[default]
    Both,
}

named!(SessionMode, Message, Voice, Both);

impl SessionMode {
    pub fn has_texts(self) -> bool {
        self != Self::Voice
    }

    pub fn has_calls(self) -> bool {
        self != Self::Message
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SessionState {
    /// Nobody has said anything yet.
    Open,
    InProgress,
    /// It rests: it keeps its numbers, and the next text is passed on and takes it up again.
    Inactive,
    Closed,
    /// It was ended by what went wrong.
    Failed,
}

named!(SessionState, Open, InProgress, Inactive, Closed, Failed);

impl SessionState {
    /// Whether its numbers are free again.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Failed)
    }
}

/// What stands before a text that is passed on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::EnumString,
    strum::IntoStaticStr,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SessionLabels {
    #[default]
    Off,
    /// The sender's name.
    Name,
    /// The letter of the sender's place.
    Letter,
}

named!(SessionLabels, Off, Name, Letter);

/// Where a session was made: each door has its own words for what it tells people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SessionDoor {
    #[default]
    Native,
    NumberProxy,
    Masked,
    TwilioProxy,
}

named!(SessionDoor, Native, NumberProxy, Masked, TwilioProxy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (state, name) in SessionState::ALL.into_iter().zip(["open", "in_progress", "inactive", "closed", "failed"])
        {
            assert_eq!((state.name(), SessionState::parse(name)), (name, Some(state)));
        }
        for (door, name) in SessionDoor::ALL.into_iter().zip(["native", "number_proxy", "masked", "twilio_proxy"]) {
            assert_eq!((door.name(), SessionDoor::parse(name)), (name, Some(door)));
        }
    }

    #[test]
    fn a_mode_takes_what_it_says() {
        let takes = |mode: SessionMode| (mode.has_texts(), mode.has_calls());
        assert_eq!(SessionMode::ALL.map(takes), [(true, false), (false, true), (true, true)]);
    }
}

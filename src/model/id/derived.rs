//! Messages whose ids follow from what they are about: whoever makes one again makes the same.

use super::{InboundId, InteractionId, MessageId, ParticipantId};
use crate::model::Millis;

/// The bits of an id that say nothing of its time.
const RANDOM: u128 = (1 << 80) - 1;
const HOUR_MS: Millis = 3_600_000;

impl InboundId {
    /// The copy that somebody gets who is in a session with the sender.
    pub fn copy(self, to: ParticipantId) -> MessageId {
        MessageId(self.0 ^ (to.0 & RANDOM))
    }

    /// The text of this place of those with which a client's server has it answered.
    pub fn answer(self, nth: u8) -> MessageId {
        MessageId(self.0 ^ (u128::from(nth) + 2))
    }
}

impl MessageId {
    /// What is told once in the hour of that time, to those whom the name stands for.
    pub fn hourly(name: [u8; 16], at_ms: Millis) -> Self {
        let hour = Self::first_of(at_ms - at_ms.rem_euclid(HOUR_MS));
        Self(hour.0 | (u128::from_be_bytes(name) & RANDOM))
    }
}

impl From<MessageId> for InteractionId {
    /// What was said by that message: it has its bits.
    fn from(message: MessageId) -> Self {
        Self(message.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_in_a_session_gets_one_copy_of_a_text() {
        let (text, people) = (InboundId::new(1_000), [ParticipantId::new(1), ParticipantId::new(2_000)]);
        let [one, other] = people.map(|to| text.copy(to));
        assert!(one != other && one != text.message() && one != text.reply());
        assert_eq!((one, one.made_ms()), (text.copy(people[0]), 1_000), "it stands among messages of its time");
        assert_eq!(InteractionId::from(one).bits(), one.bits());
        let answers = [text.answer(0), text.answer(1), text.answer(255)];
        assert!(answers[0] != answers[1] && !answers.contains(&text.message()) && !answers.contains(&text.reply()));
    }

    #[test]
    fn what_is_told_hourly_is_the_same_until_the_hour_is_over() {
        let told = |name: u8, at_ms| MessageId::hourly([name; 16], at_ms);
        assert_eq!(told(7, 2 * HOUR_MS), told(7, 3 * HOUR_MS - 1));
        assert!(told(7, 2 * HOUR_MS) != told(7, 3 * HOUR_MS) && told(7, 0) != told(8, 0));
        assert_eq!(told(7, 2 * HOUR_MS + 5).made_ms(), 2 * HOUR_MS);
    }
}

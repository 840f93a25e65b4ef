//! Ids that follow from what they are about: whoever makes one again makes the same.

use super::{ClientId, InboundId, InteractionId, MessageId, ParticipantId, PoolId};
use crate::model::Millis;

/// The bits of an id that say nothing of its time.
const RANDOM: u128 = (1 << 80) - 1;
const HOUR_MS: Millis = 3_600_000;
/// Set in the id of a client that the server has made by itself, in which there is no time.
const NAMED: u128 = 1 << 79;

impl InboundId {
    /// The copy that somebody gets who is in a session with the sender.
    pub fn copy(self, to: ParticipantId) -> MessageId {
        MessageId(self.0 ^ (to.0 & RANDOM))
    }

    /// The text with which a client's server answers it: the first, the second and so on.
    pub fn answer(self, nth: u8) -> MessageId {
        MessageId(self.0 ^ (u128::from(nth) + 2))
    }
}

impl ParticipantId {
    /// The text that tells them that their session ended at that time: it stands among messages of that time.
    pub fn end_text(self, closed_ms: Millis) -> MessageId {
        MessageId(MessageId::first_of(closed_ms).0 | ((self.0 ^ 1) & RANDOM))
    }
}

impl MessageId {
    /// What is told once in the hour of that time, to those whom the name stands for.
    pub fn hourly(name: [u8; 16], at_ms: Millis) -> Self {
        let hour = Self::first_of(at_ms - at_ms.rem_euclid(HOUR_MS));
        Self(hour.0 | (u128::from_be_bytes(name) & RANDOM))
    }
}

impl PoolId {
    /// The pool of a client's own that holds the numbers of its number proxy.
    pub fn number_proxy(client: ClientId) -> Self {
        Self(client.0 ^ 0x6e70)
    }
}

impl From<MessageId> for InteractionId {
    /// What was said by that message: it has its bits.
    fn from(message: MessageId) -> Self {
        Self(message.0)
    }
}

/// The bits of a digest in an id without a time: it sorts before all ids that have one.
fn digested(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte)) & RANDOM
}

impl ClientId {
    /// The client that the server makes by itself under a name, by the digest of that.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(digested(digest) | NAMED)
    }

    /// Whether it is charged for what it sends: the operator is not, nor a client that the server has made by itself.
    pub fn pays(self) -> bool {
        self != Self::OPERATOR && self.0 / NAMED != 1
    }
}

impl PoolId {
    /// The same of a pool.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(digested(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_name_has_an_id_by_it_that_no_time_makes() {
        let (one, other) = (PoolId::of_digest(&[0xab; 32]), PoolId::of_digest(&[0xac; 32]));
        assert!(one != other && one == PoolId::of_digest(&[0xab; 32]));
        assert_eq!((one.hex(), one.made_ms()), (format!("{}{}", "0".repeat(12), "ab".repeat(10)), 0));
        assert!(ClientId::of_digest(&[0xff; 32]) < ClientId::new(1));
        for digest in [[0; 32], [0xff; 32]] {
            assert!(!ClientId::of_digest(&digest).pays());
        }
        assert!(!ClientId::OPERATOR.pays() && ClientId::DEMO.pays() && ClientId::new(1).pays());
    }

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
    fn an_end_text_is_the_same_for_the_same_end() {
        let (one, other) = (ParticipantId::new(1_000), ParticipantId::new(1_000));
        assert_eq!(one.end_text(5_000), one.end_text(5_000));
        assert!(one.end_text(5_000) != one.end_text(5_001) && one.end_text(5_000) != other.end_text(5_000));
        assert_eq!(one.end_text(5_000).made_ms(), 5_000);
    }

    #[test]
    fn each_client_has_one_pool_for_its_number_proxy() {
        let (one, other) = (ClientId::new(1_000), ClientId::new(1_000));
        assert_eq!(PoolId::number_proxy(one), PoolId::number_proxy(one));
        assert!(PoolId::number_proxy(one) != PoolId::number_proxy(other));
        assert_eq!(PoolId::number_proxy(one).made_ms(), 1_000);
    }

    #[test]
    fn what_is_told_hourly_is_the_same_until_the_hour_is_over() {
        let told = |name: u8, at_ms| MessageId::hourly([name; 16], at_ms);
        assert_eq!(told(7, 2 * HOUR_MS), told(7, 3 * HOUR_MS - 1));
        assert!(told(7, 2 * HOUR_MS) != told(7, 3 * HOUR_MS) && told(7, 0) != told(8, 0));
        assert_eq!(told(7, 2 * HOUR_MS + 5).made_ms(), 2 * HOUR_MS);
    }
}

//! Keys of lanes, and of the opt-outs between the same two: accepting, sending and the ledger of opt-outs make the same.

use crate::crypto::HashKey;
use crate::model::{Address, Channel, FromBytes as _, LaneKey};
use crate::store::message::Message;

/// Makes the keys: hashes, since a database need not tell who writes to whom.
#[derive(Clone)]
pub struct LaneKeyHasher(HashKey);

impl LaneKeyHasher {
    pub fn new(key: HashKey) -> Self {
        Self(key)
    }

    /// The key of a lane: each channel between two has its own.
    pub fn of(&self, channel: Channel, from: &str, to: &str) -> LaneKey {
        match channel {
            Channel::Sms => self.pair(from, to),
            other => self.pair(&format!("{other}:{from}"), to),
        }
    }

    /// The key of a message's lane.
    pub fn of_message(&self, message: &Message) -> LaneKey {
        self.of(message.channel, &message.from, &message.to)
    }

    /// The keys under which the ledger may hold what a person said: one for each form in which carriers write their
    /// number, the folded one first.
    pub fn opt_outs(&self, channel: Channel, number: &str, person: &str) -> Vec<LaneKey> {
        let forms = Address::stored(person).forms();
        forms.iter().map(|form| self.of(channel, number, form)).collect()
    }

    /// The same of a message's recipient, whose lane is known.
    pub fn opt_outs_of(&self, message: &Message, lane: LaneKey) -> Vec<LaneKey> {
        if Address::stored(message.to.as_str()).has_forms() {
            self.opt_outs(message.channel, &message.from, &message.to)
        } else {
            vec![lane]
        }
    }

    fn pair(&self, from: &str, to: &str) -> LaneKey {
        let mac = self.0.mac(&[from.as_bytes(), to.as_bytes()]);
        let mut half = [0; 16];
        half.copy_from_slice(&mac[..16]);
        LaneKey::from_bytes(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own_lane() {
        let keys = LaneKeyHasher::new(HashKey::generate());
        let (from, to) = ("+15005550006", "+14155550100");
        let all = [Channel::Sms, Channel::Whatsapp, Channel::Voice].map(|channel| keys.of(channel, from, to));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
        assert_ne!(all[0], keys.of(Channel::Sms, to, from), "a lane has a direction");
    }

    #[test]
    fn an_opt_out_lies_under_the_key_of_its_lane() {
        let keys = LaneKeyHasher::new(HashKey::generate());
        let (number, person) = ("+15005550006", "+14155550100");
        let stopped = keys.opt_outs(Channel::Sms, number, person);
        assert_eq!(stopped.first(), Some(&keys.of(Channel::Sms, number, person)));
    }
}

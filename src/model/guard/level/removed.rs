//! Taking sends out of the levels: approved, taken back, or found to be of a flood.

use std::sync::Arc;

use super::counted::CountedSend;
use super::{ChangedLevels, ClientLevels};
use crate::model::guard::{DAY_MS, HOUR_MS};
use crate::model::{Millis, VerificationId};

impl ClientLevels {
    /// All sends of a verification that was approved.
    pub fn approve(&mut self, verification: VerificationId, now_ms: Millis) {
        for send in self.sends.remove(&verification).into_iter().flatten() {
            self.take_out(&send, now_ms);
        }
    }

    /// The sends of a verification that were judged at these times: their texts have not left, and will not.
    pub fn take_back(&mut self, verification: VerificationId, sent_ms: &[Millis], now_ms: Millis) {
        let sends = self.sends.remove(&verification).unwrap_or_default();
        let (back, left): (Vec<CountedSend>, Vec<CountedSend>) =
            sends.into_iter().partition(|send| sent_ms.contains(&send.at_ms));
        if !left.is_empty() {
            self.sends.insert(verification, left);
        }
        for send in &back {
            self.take_out(send, now_ms);
        }
    }

    fn take_out(&mut self, send: &CountedSend, now_ms: Millis) {
        self.take_out_of_country(send, now_ms);
        if let Some(levels) = self.prefixes.get_mut(&send.prefix) {
            levels.day.take_out(send.prefix_day, send.at_ms, now_ms, DAY_MS);
        }
        if let Some(network) = &send.network
            && let Some(levels) = self.networks.get_mut(network)
        {
            levels.day.take_out(send.network_day, send.at_ms, now_ms, DAY_MS);
            levels.hour.take_out(send.network_hour, send.at_ms, now_ms, HOUR_MS);
        }
        self.mark(send);
    }

    fn take_out_of_country(&mut self, send: &CountedSend, now_ms: Millis) {
        if let Some(levels) = self.countries.get_mut(&send.country) {
            levels.day.take_out(send.country_day, send.at_ms, now_ms, DAY_MS);
            levels.hour.take_out(send.country_hour, send.at_ms, now_ms, HOUR_MS);
        }
    }

    /// What came to a prefix and is not approved counts in its country no more.
    pub(super) fn evict_prefix(&mut self, prefix: &Arc<str>, now_ms: Millis) {
        let Some(levels) = self.prefixes.get_mut(prefix) else { return };
        levels.evicted_ms = now_ms;
        let sends = std::mem::take(&mut levels.sends);
        self.evict(sends, now_ms, |send| send.prefix == *prefix);
    }

    /// The same of what came from a network.
    pub(super) fn evict_network(&mut self, network: &Arc<str>, now_ms: Millis) {
        let Some(levels) = self.networks.get_mut(network) else { return };
        levels.evicted_ms = now_ms;
        let sends = std::mem::take(&mut levels.sends);
        self.evict(sends, now_ms, |send| send.network.as_ref() == Some(network));
    }

    fn evict(&mut self, verifications: Vec<VerificationId>, now_ms: Millis, is_it: impl Fn(&CountedSend) -> bool) {
        for verification in verifications {
            let Some(mut sends) = self.sends.remove(&verification) else { continue };
            for send in sends.iter_mut().filter(|send| send.is_of_country && is_it(send)) {
                self.take_out_of_country(send, now_ms);
                (send.is_of_country, send.country_day, send.country_hour) = (false, 0.0, 0.0);
                self.changed.insert(ChangedLevels::Country(send.country.clone()));
            }
            self.sends.insert(verification, sends);
        }
    }

    /// Sends that are too old to matter for anything that may come.
    pub(super) fn forget(&mut self, verification: VerificationId, at_ms: Millis) {
        let Some(sends) = self.sends.get_mut(&verification) else { return };
        sends.retain(|send| send.at_ms > at_ms);
        if sends.is_empty() {
            self.sends.remove(&verification);
        }
    }
}

//! `[outbox]`: how messages are accepted and sent, for who does the one and who does the other.

use serde::Deserialize;

use crate::model::DurationSetting;
use crate::service::account::RestPeriod;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long a node owns a lane that it has taken.
    pub lease: DurationSetting,
    /// Lanes held in memory at most.
    pub held: usize,
    /// Calls of one account at once.
    pub calls_per_account: usize,
    /// No call of a provider takes longer.
    pub call_timeout: DurationSetting,
    /// The wait after the first failure; it doubles with each.
    pub retry_first: DurationSetting,
    pub retry_most: DurationSetting,
    /// A message that is retried holds up those behind it no longer.
    pub hold_for: DurationSetting,
    /// When a provider is asked what became of a call without an answer.
    pub look_up_after: Vec<DurationSetting>,
    /// How long a message is worth sending, unless it says so itself.
    pub valid_for: DurationSetting,
    /// Failures in a row that rest an account, and for how long; one refusal of the account itself does too.
    pub breaker_failures: u32,
    pub breaker_rest: DurationSetting,
    /// How often to look for lanes that nobody owns.
    pub poll_every: DurationSetting,
    /// How far ahead a message may be scheduled.
    pub schedule_most: DurationSetting,
    /// UTF-16 units of one message at most; a carrier may take less.
    pub sms_length: usize,
    pub whatsapp_length: usize,
}

impl Settings {
    /// When an account rests, and for how long.
    pub fn resting(&self) -> RestPeriod {
        let rest = self.breaker_rest.as_duration();
        RestPeriod { failures: self.breaker_failures, rest, most: self.retry_most.as_duration() }
    }
}

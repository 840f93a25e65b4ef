//! The bodies posted to one session, as its row keeps them: a few, newest last.

use std::fmt;

use crate::model::{DeviceId, Millis};
use crate::store::{Error, Result};

/// Bodies remembered. Five failures kill a session, so only the development session forgets any.
const KEPT: usize = 8;
/// Hex digits of a body's hash that tell it from others.
const HASH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingOutcome {
    /// Being checked, or its node died while it was.
    Pending,
    /// The password did not decrypt.
    Undecryptable,
    /// Unknown user or wrong password.
    Failed,
    Paired(DeviceId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairingAttempt {
    pub outcome: PairingOutcome,
    pub at_ms: Millis,
}

/// Written as `hash,ms,outcome` with spaces between.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct PairingAttemptHistory(Vec<(String, PairingAttempt)>);

fn key(body_hash: &str) -> &str {
    body_hash.get(..HASH).unwrap_or(body_hash)
}

impl PairingAttemptHistory {
    pub fn find(&self, body_hash: &str) -> Option<PairingAttempt> {
        self.0.iter().find(|(hash, _)| hash == key(body_hash)).map(|(_, attempt)| *attempt)
    }

    /// Records a body, in the place of what was known of it.
    pub fn put(&mut self, body_hash: &str, attempt: PairingAttempt) {
        self.remove(body_hash);
        self.0.push((key(body_hash).to_owned(), attempt));
        let forgotten = self.0.len().saturating_sub(KEPT);
        self.0.drain(..forgotten);
    }

    /// Forgets a body, as if it had not been posted.
    pub fn remove(&mut self, body_hash: &str) {
        self.0.retain(|(hash, _)| hash != key(body_hash));
    }

    pub fn parse(text: &str) -> Result<Self> {
        let bad = || Error::Data("attempts of a sync session".into());
        let entry = |entry: &str| {
            let mut fields = entry.split(',');
            let (hash, at_ms) = (fields.next()?, fields.next()?.parse().ok()?);
            let outcome = match fields.next()? {
                "pending" => PairingOutcome::Pending,
                "undecryptable" => PairingOutcome::Undecryptable,
                "failed" => PairingOutcome::Failed,
                device => PairingOutcome::Paired(device.parse().ok()?),
            };
            Some((hash.to_owned(), PairingAttempt { outcome, at_ms }))
        };
        text.split_ascii_whitespace().map(|one| entry(one).ok_or_else(bad)).collect::<Result<_>>().map(Self)
    }
}

impl TryFrom<String> for PairingAttemptHistory {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl fmt::Display for PairingAttemptHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (hash, attempt)) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{hash},{},", attempt.at_ms)?;
            match attempt.outcome {
                PairingOutcome::Pending => f.write_str("pending")?,
                PairingOutcome::Undecryptable => f.write_str("undecryptable")?,
                PairingOutcome::Failed => f.write_str("failed")?,
                PairingOutcome::Paired(device) => write!(f, "{device}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome() -> impl Strategy<Value = PairingOutcome> {
        prop_oneof![
            Just(PairingOutcome::Pending),
            Just(PairingOutcome::Undecryptable),
            Just(PairingOutcome::Failed),
            any::<u32>().prop_map(|ms| PairingOutcome::Paired(DeviceId::new(i64::from(ms)))),
        ]
    }

    proptest! {
        #[test]
        fn attempts_survive_being_written(all in prop::collection::vec(("[0-9a-f]{64}", outcome(), 0_i64..9_999), 0..12)) {
            let mut attempts = PairingAttemptHistory::default();
            for (hash, outcome, at_ms) in &all {
                attempts.put(hash, PairingAttempt { outcome: *outcome, at_ms: *at_ms });
            }
            let read = PairingAttemptHistory::parse(&attempts.to_string());
            prop_assert_eq!(read.as_ref().ok(), Some(&attempts));
            if let Some((hash, outcome, at_ms)) = all.last() {
                prop_assert_eq!(attempts.find(hash), Some(PairingAttempt { outcome: *outcome, at_ms: *at_ms }));
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = PairingAttemptHistory::parse(&text);
        }
    }
}

//! Ids of sync sessions: which of them are ours, and whose, is told without a row.

use super::{Error, Metrics, Result};
use crate::crypto::{HashKey, SyncSessionId};
use crate::model::{Clock, DurationSetting, UserId};

/// Issues them, and knows them again.
pub struct SyncSessionIdIssuer {
    pub key: HashKey,
    /// How long each holds.
    pub ttl: DurationSetting,
    pub clock: Clock,
    pub metrics: Metrics,
    /// The user whose session `000` is known for ever; only under `--dev`.
    pub dev_user: Option<UserId>,
}

impl SyncSessionIdIssuer {
    /// A new session id for a user, known or not. Nothing is written.
    pub fn issue(&self, user: &UserId) -> SyncSessionId {
        self.metrics.issued.inc();
        SyncSessionId::issue(&self.key, user, self.clock.now_ms(), self.ttl)
    }

    /// Whether the session was issued by us to this user and has not expired.
    pub fn holds(&self, user: &UserId, sid: SyncSessionId) -> bool {
        self.is_dev(user, sid) || sid.holds(&self.key, user, self.clock.now_ms())
    }

    pub(super) fn is_dev(&self, user: &UserId, sid: SyncSessionId) -> bool {
        sid == SyncSessionId::DEV && self.dev_user.as_ref() == Some(user)
    }

    pub(super) fn valid(&self, user: &UserId, sid: &str) -> Result<SyncSessionId> {
        let sid: SyncSessionId = sid.parse().map_err(|_| Error::InvalidSession)?;
        if self.holds(user, sid) { Ok(sid) } else { Err(Error::InvalidSession) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_for_its_user_and_its_time() -> Result<(), Box<dyn std::error::Error>> {
        let (clock, ttl) = (Clock::by_hand(1_700_000_000_000), DurationSetting::from_millis(60_000));
        let (key, metrics) = (HashKey::generate(), Metrics::default());
        let [one, two]: [UserId; 2] = ["one".parse()?, "two".parse()?];
        let ids = SyncSessionIdIssuer { key, ttl, clock: clock.clone(), metrics, dev_user: Some(two.clone()) };
        let sid = ids.issue(&one);
        assert!(ids.holds(&one, sid) && !ids.holds(&two, sid));
        assert!(ids.valid(&one, &sid.to_string()).is_ok());
        clock.advance(61_000);
        assert!(!ids.holds(&one, sid));
        assert!(
            ids.holds(&two, SyncSessionId::DEV) && !ids.holds(&one, SyncSessionId::DEV),
            "it is known for ever, of one user"
        );
        Ok(())
    }
}

//! Session ids that carry their own proof: expiry (4) ‖ random (4) ‖ HMAC over the
//! user id and both (8). Issuing one writes nothing; a forged one costs no look-up.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;

use super::{Error, HashKey, random};
use crate::model::{DurationSetting, FromBytes, Id, Millis, UserId, debug_as_display};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SyncSessionId([u8; 16]);

impl SyncSessionId {
    /// The development session, written `000`.
    pub const DEV: Self = Self([0; 16]);

    pub fn issue(key: &HashKey, user: &UserId, now_ms: Millis, ttl: DurationSetting) -> Self {
        // whole seconds, rounded up: nobody gets less than the contract grants
        let expiry = u32::try_from((now_ms + ttl.as_ms() + 999) / 1000).unwrap_or(u32::MAX);
        let mut sid = [0_u8; 16];
        sid[..4].copy_from_slice(&expiry.to_be_bytes());
        sid[4..8].copy_from_slice(&random::<4>());
        let mac = proof(key, user, &sid);
        sid[8..].copy_from_slice(&mac);
        Self(sid)
    }

    /// Whether we issued this id to this user and it has not expired.
    pub fn holds(&self, key: &HashKey, user: &UserId, now_ms: Millis) -> bool {
        let genuine: bool = proof(key, user, &self.0).ct_eq(&self.0[8..]).into();
        genuine && now_ms < self.expires_ms()
    }

    pub fn expires_ms(&self) -> Millis {
        let expiry = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        Millis::from(expiry) * 1000
    }
}

fn proof(key: &HashKey, user: &UserId, sid: &[u8; 16]) -> [u8; 8] {
    key.short(&[b"sync session", user.as_str().as_bytes(), &sid[..8]])
}

impl Id for SyncSessionId {
    fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl FromBytes for SyncSessionId {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for SyncSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DEV { f.write_str("000") } else { f.write_str(&hex::encode(self.0)) }
    }
}

debug_as_display!(SyncSessionId);

impl FromStr for SyncSessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "000" {
            return Ok(Self::DEV);
        }
        let mut sid = [0_u8; 16];
        hex::decode_to_slice(text, &mut sid).map_err(|_| Error::BadKey)?;
        // one session, one spelling: upper case would be a second name for it
        if text.bytes().any(|b| b.is_ascii_uppercase()) { Err(Error::BadKey) } else { Ok(Self(sid)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap_or_else(|_| unreachable!())
    }

    #[test]
    fn a_sid_holds_for_its_user_until_it_expires() {
        let (key, ttl) = (HashKey::generate(), DurationSetting::from_millis(300_000));
        let sid = SyncSessionId::issue(&key, &user("111"), 1_000_000, ttl);
        assert!(sid.holds(&key, &user("111"), 1_299_999));
        assert!(!sid.holds(&key, &user("111"), 1_300_000));
        assert!(!sid.holds(&key, &user("112"), 1_000_000));
        assert!(!sid.holds(&HashKey::generate(), &user("111"), 1_000_000));
        assert!(!SyncSessionId::DEV.holds(&key, &user("111"), 0));
    }

    #[test]
    fn a_bent_sid_does_not_hold() {
        let (key, ttl) = (HashKey::generate(), DurationSetting::from_millis(300_000));
        let sid = SyncSessionId::issue(&key, &user("111"), 1_000_000, ttl);
        for bit in 0..128 {
            let mut bent = sid;
            bent.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!bent.holds(&key, &user("111"), 1_000_000), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_sid_never_panics_and_has_one_spelling(text in "[0-9a-fA-F]{0,40}|.*") {
            if let Ok(sid) = text.parse::<SyncSessionId>() {
                prop_assert!(sid.to_string() == text || sid == SyncSessionId::DEV);
            }
        }
    }
}

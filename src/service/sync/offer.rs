//! The first of two steps: a phone's public key, kept for the password that follows.

use std::net::IpAddr;

use tokio::time::Instant;

use super::handshake::{PATIENCE, leave_at};
use super::post::ServerPublicKeyOffer;
use super::turn::SHARED;
use super::{Error, PairingService, Result};
use crate::crypto::{PhonePublicKey, SyncSessionId};
use crate::model::UserId;
use crate::service::race::RACES;
use crate::signal::SyncPairingEvent;
use crate::store::sync::{self, SyncSession};

/// First steps of one address for one user that may be unfinished. Exact on one node; others that are asked at the same
/// time may each let in one more. Of a user alone there is no bound: strangers could use it up.
const OF_USER: i64 = 20;
/// The same for all users together; others may each let in as many more as share a turn.
const OF_ALL: i64 = 600;

impl PairingService {
    /// T1: keeps the phone's public key, pauses the sockets, answers with our own key.
    pub async fn offer(
        &self,
        user: &UserId,
        sid: &str,
        public_key: &str,
        address: IpAddr,
        arrived: Instant,
    ) -> Result<ServerPublicKeyOffer> {
        let result = self.offer_now(user, sid, public_key, address).await;
        if matches!(&result, Err(error) if !matches!(error, Error::InvalidSession)) {
            leave_at(arrived, self.parts.settings.refusal_delay).await;
        }
        result
    }

    async fn offer_now(
        &self,
        user: &UserId,
        sid: &str,
        public_key: &str,
        address: IpAddr,
    ) -> Result<ServerPublicKeyOffer> {
        let sid = self.parts.ids.valid(user, sid)?;
        let (store, lockout_key, ttl) = (&self.parts.store, &self.parts.lockout_key, self.parts.settings.session_ttl);
        let (address, until) = (address.to_string(), Instant::now() + PATIENCE);
        let of_user = lockout_key.hex(&[b"offer", user.as_str().as_bytes(), address.as_bytes()]);
        let offered_by = lockout_key.mac(&[b"offer", address.as_bytes()]);
        let address = hex::encode(offered_by);
        let _of_user = self.turns.take(&of_user, until).await.ok_or(Error::Busy)?;
        let (mut turn, mut is_shared) = (self.turns.share(&address, until).await.ok_or(Error::Busy)?, true);
        for _ in 0..RACES {
            let now_ms = self.parts.clock.now_ms();
            let (known, unfinished) =
                sync::session_and_unfinished(store, sid, user, &offered_by, now_ms - ttl.as_ms()).await?;
            self.may_try(user, sid, known.as_ref(), false)?;
            let key = PhonePublicKey::from_pem(public_key).map_err(|_| Error::InvalidPublicKey)?;
            let first = known.as_ref().and_then(|known| known.public_key.as_deref());
            // those who share the turn have not seen each other: the last places are given one at a time
            let is_last = (OF_ALL - i64::from(SHARED) + 1..OF_ALL).contains(&unfinished.of_all);
            if is_last && is_shared && first.is_none() {
                drop(turn);
                (turn, is_shared) = (self.turns.take(&address, until).await.ok_or(Error::Busy)?, false);
                continue;
            }
            let is_same = |first: &str| PhonePublicKey::from_pem(first).is_ok_and(|first| first.pem() == key.pem());
            let is_other = first.is_some_and(|first| !is_same(first));
            let written = match &known {
                Some(known) if is_other && !self.parts.ids.is_dev(user, sid) => self.end(user, sid, known).await,
                _ if first.is_none() && (unfinished.of_user >= OF_USER || unfinished.of_all >= OF_ALL) => {
                    return Err(Error::TooManyOffers { wait: ttl });
                }
                known => {
                    let known = known.as_ref();
                    sync::offer(store, sid, user, known, key.pem(), &offered_by, now_ms).await.map_err(Error::from)
                }
            };
            match written {
                Ok(()) => {
                    self.tell(user, SyncPairingEvent::Paused(sid), now_ms);
                    let public_key = self.parts.identities.current().public_pem().to_owned();
                    return Ok(ServerPublicKeyOffer { public_key, sid });
                }
                Err(Error::Store(error)) if error.is_race() => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Two phones have come for one session, and one of them is a stranger's: it is over, and its page shows another code.
    async fn end(&self, user: &UserId, sid: SyncSessionId, known: &SyncSession) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        sync::end(&self.parts.store, sid, user, known, now_ms).await?;
        self.tell(user, SyncPairingEvent::Resumed(sid), now_ms);
        tracing::warn!(%user, "a second phone came for a session, which has ended");
        Err(Error::InvalidSession)
    }
}

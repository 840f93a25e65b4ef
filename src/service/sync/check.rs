//! Looking at a password whose failure is already counted: a device in the store, or a record
//! of why there is none.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::SemaphorePermit;

use super::handshake::CheckedHandshake;
use super::post::{CompletedHandshake, HandshakeFlavour};
use super::{Error, PairingService, Result};
use crate::crypto::{PhonePublicKey, SharedKey, payload};
use crate::model::platform::UserPublishingPlatforms;
use crate::model::{DeviceId, OaepDigests, Secret, UserId};
use crate::service::race::raced;
use crate::signal::SyncPairingEvent;
use crate::store::backend::BackendUserRecord;
use crate::store::sync::{self, PairingOutcome, ReservedPairingAttempt};
use crate::store::{self, device};

/// No password is looked at for longer, waiting for a core included: then it is taken back.
pub(super) const CHECK: Duration = Duration::from_secs(10);

impl PairingService {
    /// Looks at the password, and makes the device where it fits. `place` is the caller's at the
    /// door, which others may have once the password is compared.
    pub(super) async fn check(
        &self,
        checked: &CheckedHandshake,
        to: &PhonePublicKey,
        reserved: &ReservedPairingAttempt,
        place: SemaphorePermit<'_>,
    ) -> Result<CompletedHandshake> {
        let decoded = payload::decode(checked.post.password.as_bytes());
        let ciphertext = decoded.map_err(|_| Error::Undecryptable(checked.flavour))?;
        let taken = self.ciphertext(checked, to, &ciphertext);
        let looked = tokio::time::timeout(CHECK, self.look(checked, ciphertext)).await;
        drop(place);
        let login = looked.map_err(|_| Error::Busy)??;
        let platforms = UserPublishingPlatforms::of(&self.parts.platforms, &login.granted_platforms);
        let shared_key = SharedKey::generate();
        // encrypted before it is stored: a key that cannot be sent must not become a device
        let sent = encrypt(to, checked, &shared_key)?;
        if let Some(device) = self.redeem(checked, &login, &shared_key, &taken, reserved).await? {
            return self.answer_again(checked, to, device).await;
        }
        Ok(CompletedHandshake { flavour: checked.flavour, shared_key: sent, phone_hash: login.phone_hash, platforms })
    }

    async fn look(&self, checked: &CheckedHandshake, ciphertext: Vec<u8>) -> Result<BackendUserRecord> {
        let user = &checked.post.user;
        let password = self.decrypt(checked, ciphertext).await?;
        if checked.flavour == HandshakeFlavour::OneStep {
            self.tell(user, SyncPairingEvent::Paused(checked.sid), self.parts.clock.now_ms());
        }
        self.parts.passwords.verify(user, password).await?.ok_or(Error::Refused(checked.flavour))
    }

    async fn decrypt(&self, checked: &CheckedHandshake, ciphertext: Vec<u8>) -> Result<Secret> {
        let undecryptable = || Error::Undecryptable(checked.flavour);
        let (identities, pair) = (self.parts.identities.clone(), checked.post.password_digests);
        let work = move || identities.decrypt(pair, &ciphertext);
        let plain = self.rsa.run(work).await?.map_err(|_| undecryptable())?;
        Ok(Secret::new(std::str::from_utf8(&plain).map_err(|_| undecryptable())?.to_owned()))
    }

    /// Records why an attempt failed, for its repeat to be told the same; one whose password
    /// was never compared did not fail, and is taken back.
    pub(super) async fn record(&self, checked: &CheckedHandshake, reserved: &ReservedPairingAttempt, error: &Error) {
        let verdict = match error {
            Error::Undecryptable(_) => Some(PairingOutcome::Undecryptable),
            Error::Refused(_) => Some(PairingOutcome::Failed),
            // the password was right, and another body was quicker: it is taken back already
            Error::InvalidSession => return,
            _ => None,
        };
        let written = raced(store::Error::is_race, || async {
            let (key, now_ms) = (checked.key(), self.parts.clock.now_ms());
            match verdict {
                Some(outcome) => sync::fail(&self.parts.store, &key, outcome, now_ms).await,
                None => sync::release(&self.parts.store, &key, &reserved.counted, now_ms).await,
            }
        });
        if let Some(Err(error)) = written.await {
            // it stays counted as a failure, and pending until its repeat takes it up
            tracing::warn!(%error, "could not record what became of an attempt");
        }
    }

    /// The answer of a body that was paired before: the same device's key, encrypted again.
    pub(super) async fn answer_again(
        &self,
        checked: &CheckedHandshake,
        to: &PhonePublicKey,
        device: DeviceId,
    ) -> Result<CompletedHandshake> {
        let found = device::find(&self.parts.store, device).await?;
        let key = device::shared_key(&self.parts.store, &self.parts.master, device).await?;
        // revoked within the minute: the repeat must not bring it back
        let (Some(found), Some(key)) = (found, key) else { return Err(Error::InvalidSession) };
        // the first answer may have been lost with its node, before the sockets were told
        self.tell(&checked.post.user, SyncPairingEvent::Acknowledged(checked.sid), self.parts.clock.now_ms());
        Ok(CompletedHandshake {
            flavour: checked.flavour,
            shared_key: encrypt(to, checked, &key)?,
            phone_hash: found.phone_hash,
            platforms: self.platforms(&checked.post.user).await?,
        })
    }

    async fn platforms(&self, user: &UserId) -> Result<UserPublishingPlatforms> {
        let granted = crate::store::backend::granted_platforms(&self.parts.backend, user).await?;
        Ok(UserPublishingPlatforms::of(&self.parts.platforms, &granted))
    }
}

fn encrypt(to: &PhonePublicKey, checked: &CheckedHandshake, key: &SharedKey) -> Result<String> {
    let pair = OaepDigests { oaep: checked.post.password_digests.oaep, mgf1: checked.post.answer_mgf1 };
    Ok(STANDARD.encode(to.encrypt(pair, key.as_bytes())?))
}

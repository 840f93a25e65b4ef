//! A right password: its ciphertext is taken, once, and its session spent on a new device.

use super::handshake::CheckedHandshake;
use super::{Error, PairingService, Result};
use crate::crypto::{PhonePublicKey, SharedKey};
use crate::model::DeviceId;
use crate::service::race::RACES;
use crate::signal::SyncPairingEvent;
use crate::store::Change;
use crate::store::backend::BackendUserRecord;
use crate::store::device::{self, NewDevice};
use crate::store::sync::{self, PairingAttempt, PairingOutcome, ReservedPairingAttempt, SpentCiphertext};

impl PairingService {
    /// A ciphertext as it is remembered. Without its user: whose password it holds does not matter.
    pub(super) fn ciphertext(&self, checked: &CheckedHandshake, to: &PhonePublicKey, bytes: &[u8]) -> SpentCiphertext {
        let (key, sid) = (&self.parts.ciphertext_key, checked.sid.to_string());
        SpentCiphertext {
            id: key.mac(&[b"ciphertext", bytes]),
            used_with: key.mac(&[b"used with", sid.as_bytes(), to.pem().as_bytes()]),
        }
    }

    /// Spends the session on a new device. `Some` is the device that another node has made of
    /// this very body meanwhile.
    pub(super) async fn redeem(
        &self,
        checked: &CheckedHandshake,
        login: &BackendUserRecord,
        key: &SharedKey,
        ciphertext: &SpentCiphertext,
        reserved: &ReservedPairingAttempt,
    ) -> Result<Option<DeviceId>> {
        let now_ms = self.parts.clock.now_ms();
        let id = DeviceId::new(now_ms);
        let (store, user) = (&self.parts.store, &checked.post.user);
        let device = NewDevice {
            id,
            user,
            sealed_key: self.parts.master.seal(device::key_place(&id.hex()), key.as_bytes())?,
            fingerprint: key.fingerprint(),
            phone_hash: &login.phone_hash,
            flavour: checked.flavour.name(),
            sid: checked.sid,
        };
        let (mut known, mut is_taken) = (reserved.session.clone(), false);
        let mut batch = self.parts.events.batch();
        batch.paired(&device, now_ms);
        for _ in 0..RACES {
            let taking = if is_taken { Change::new() } else { ciphertext.take(Change::new()) };
            let (key, is_lost) = (checked.key(), known.state.is_over());
            let written = if is_lost {
                sync::uncount(store, taking, &key, &reserved.counted).await
            } else {
                sync::redeem(store, batch.write(taking), &key, &known, &device, &reserved.counted, now_ms).await
            };
            match written {
                Ok(()) if is_lost => return Err(Error::InvalidSession),
                Ok(()) => {
                    batch.committed();
                    // only now: whoever sees the ack may rely on the device
                    self.tell(user, SyncPairingEvent::Acknowledged(checked.sid), now_ms);
                    let (fingerprint, flavour) = (&device.fingerprint, device.flavour);
                    tracing::info!(%user, device = %id, fingerprint, flavour, "paired a device");
                    return Ok(None);
                }
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
            // another was first: what it has written stays
            let taken_with = ciphertext.taken_with(store).await?;
            if taken_with.as_ref().is_some_and(|with| *with != ciphertext.used_with) {
                tracing::warn!(%user, "a password came that had paired another phone: somebody may have listened");
                return Err(Error::Refused(checked.flavour));
            }
            is_taken = taken_with.is_some();
            known = sync::session(store, checked.sid, user).await?.ok_or(Error::InvalidSession)?;
            if let Some(PairingAttempt { outcome: PairingOutcome::Paired(device), .. }) =
                known.attempts.find(&checked.post.body_hash)
            {
                return Ok(Some(device));
            }
        }
        Err(Error::Busy)
    }
}

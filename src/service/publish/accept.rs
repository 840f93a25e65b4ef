//! Taking a text: whose phone, which key, which platform; then its row and its job in one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::{PhoneTextPublisher, counted_as, refused};
use crate::crypto::{EncryptedPayload, SharedKey, hash};
use crate::model::{Country, DeviceId, Id as _, Phone, Platform, PublicationId, Secret, UserId};
use crate::service::sync::leave_at;
use crate::service::{Error, ErrorKind, Result};
use crate::store::backend;
use crate::store::device::{self, SealedDeviceKey};
use crate::store::publication::{self, NewPhoneTextPublication, PublicationInsertResult};

/// Devices whose keys are tried at most; so many keys are tried always.
const KEYS: u8 = 10;

/// A phone's text as it came.
pub struct PhoneText {
    /// What the path, or the number that it came to, names. One of the platform table's holds the text
    /// to that platform; any other is the carrier's, and the text's letter decides alone.
    pub platform: String,
    /// The sender's phone number.
    pub sender: String,
    /// Where it is, if it is written without its country code.
    pub country: Option<Country>,
    pub text: String,
}

/// A text that a key has opened.
struct DecryptedText {
    user: UserId,
    /// Whose key it was.
    device: DeviceId,
    phone_hash: String,
    text_hash: [u8; 32],
    /// Keyed hashes of the blocks with which it can begin.
    blocks: Vec<[u8; 32]>,
    plain: Secret,
}

fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, "this node is stopping; try again")
}

impl PhoneTextPublisher {
    /// Takes a text to its end even when its caller goes away meanwhile. Every refusal leaves at a
    /// fixed time after the text arrived. `held` is let go once the text is done with: what its bytes count as.
    pub async fn accept(self: &Arc<Self>, text: PhoneText, arrived: Instant, held: impl Send + 'static) -> Result<()> {
        let service = self.clone();
        let work = async move {
            let _held = held;
            service.accept_now(&text).await
        };
        let result = self.parts.tasks.spawn(work.in_current_span()).await.unwrap_or_else(|_| Err(stopping()));
        if result.is_err() {
            leave_at(arrived, self.parts.refusal_delay).await;
        }
        result
    }

    /// Takes a text that came as an ordinary SMS to a number marked for it: nobody waits for the
    /// answer. `platform` is what the number names, if anything. Once it is [refused](super::is_refused)
    /// the text is done with; after another error it may be given again.
    pub async fn accept_inbound(&self, from: &str, platform: Option<&str>, body: &str) -> Result<()> {
        let platform = platform.unwrap_or_default().to_owned();
        self.accept_now(&PhoneText { platform, sender: from.to_owned(), country: None, text: body.to_owned() }).await
    }

    /// Refuses what a provider has not signed, or of which that cannot be told, as late as any other text.
    pub async fn refuse(&self, error: Error, arrived: Instant) -> Error {
        self.parts.metrics.text(counted_as(&error));
        leave_at(arrived, self.parts.refusal_delay).await;
        error
    }

    async fn accept_now(&self, text: &PhoneText) -> Result<()> {
        let result = self.take(text).await;
        self.parts.metrics.text(match &result {
            Ok(true) => "accepted",
            Ok(false) => "repeated",
            Err(error) => counted_as(error),
        });
        result.map(drop)
    }

    /// Whether it is a text that had not come before.
    async fn take(&self, text: &PhoneText) -> Result<bool> {
        let opened = self.open(text).await?;
        let platform = self.platform_of(opened.plain.expose(), &text.platform).ok_or_else(refused)?;
        if !platform.has_sink() {
            tracing::warn!(platform = platform.name, "refused a text: its platform has no platforms.sink_url");
            return Err(refused());
        }
        self.keep(platform, opened).await
    }

    /// Finds the key under which the text opens. Users and devices that do not exist cost the same
    /// as those that do.
    async fn open(&self, text: &PhoneText) -> Result<DecryptedText> {
        let payload = EncryptedPayload::parse(&text.text).map_err(|_| refused())?;
        let phone = Phone::read(&text.sender, text.country).map_err(|_| refused())?;
        let salt = self.salt.read().await?;
        let phone_hash = hash::backend(salt.expose(), phone.as_str());
        let user = backend::user_of_phone(&self.parts.backend, &phone_hash).await?;
        let devices = device::live_keys(&self.parts.store, user.as_ref(), KEYS.into()).await?;
        let keys = self.keys(&devices)?;
        let opened = payload.open(&keys, |plain| self.platform_of(plain, &text.platform).is_some())?;
        // a decoy's key is nobody's, whatever it seems to open
        let opened = opened.and_then(|(at, plain)| Some((devices.get(at)?, keys.get(at)?, plain)));
        let (Some(user), Some((device, key, plain))) = (user, opened) else { return Err(refused()) };
        let [iv, ciphertext] = payload.parts();
        let text_hash = self.parts.text_key.mac(&[phone_hash.as_bytes(), iv, ciphertext]);
        let device = device.device;
        let hash = |block| self.parts.text_key.mac(&[&device.bytes(), block]);
        let blocks: BTreeSet<[u8; 32]> = payload.beginnings(key)?.into_iter().map(hash).collect();
        Ok(DecryptedText { user, device, phone_hash, text_hash, blocks: blocks.into_iter().collect(), plain })
    }

    /// The devices' keys, newest first, then decoys until they are [`KEYS`].
    fn keys(&self, devices: &[SealedDeviceKey]) -> Result<Vec<SharedKey>> {
        let padded = devices.iter().chain(std::iter::repeat(&self.decoy)).take(KEYS.into());
        let opened = padded.map(|SealedDeviceKey { device, sealed }| {
            let key = self.parts.master.open(device::key_place(&device.hex()), sealed)?;
            Ok(SharedKey::from_bytes(&key)?)
        });
        opened.collect()
    }

    /// The platform that a plaintext's letter names, within what the path or number allows.
    fn platform_of(&self, plain: &str, named: &str) -> Option<&Platform> {
        let platforms = &self.parts.platforms;
        let is_held = platforms.iter().any(|platform| platform.name.eq_ignore_ascii_case(named));
        platforms.iter().find(|platform| {
            platform.addressed(plain).is_some() && (!is_held || platform.name.eq_ignore_ascii_case(named))
        })
    }

    async fn keep(&self, platform: &Platform, opened: DecryptedText) -> Result<bool> {
        let now_ms = self.parts.clock.now_ms();
        let id = PublicationId::new(now_ms);
        let publication = NewPhoneTextPublication {
            id,
            text_hash: opened.text_hash,
            device: opened.device,
            blocks: opened.blocks,
            user: &opened.user,
            platform: &platform.name,
            phone_hash: &opened.phone_hash,
            sealed: self.parts.master.seal(publication::text_place(&id.hex()), opened.plain.expose().as_bytes())?,
            received_ms: now_ms,
        };
        match publication::insert(&self.parts.store, &publication).await? {
            PublicationInsertResult::New => {
                tracing::info!(publication = %id, user = %opened.user, platform = platform.name, "took a text");
                if let Some(arrived) = self.arrived.get(&platform.name) {
                    arrived.notify_one();
                }
                Ok(true)
            }
            PublicationInsertResult::Again => {
                tracing::info!(user = %opened.user, platform = platform.name, "the same text came again");
                Ok(false)
            }
            PublicationInsertResult::Altered => {
                let (user, device) = (&opened.user, opened.device);
                tracing::warn!(%user, %device, "refused a text: it is made of one that came before");
                Err(refused())
            }
        }
    }
}

//! The handshake: from a posted password to a device in the store, or to a refusal that
//! tells nothing. The order of checks is the contract's; none spends work before the one above holds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Error, Sync, lockout, turn::Turn};
use crate::crypto::{PublicKey, SharedKey, Sid, hash};
use crate::model::platform::UserPlatforms;
use crate::model::{DeviceId, Digest, DigestPair, Millis, Secret, Span, UserId};
use crate::signal::Event;
use crate::store::backend::Login;
use crate::store::device::{self, NewDevice};
use crate::store::sync::{self, Attempt, Attempts, Key, Outcome, Session, Snapshot, State};

/// Tries before a race between nodes is called busy.
pub(super) const RACES: usize = 20;
/// An identical body within this time gets the same answer.
const REPEAT: Span = Span::from_millis(60_000);
/// A check that takes longer has died with its node.
const PENDING: Span = Span::from_millis(5_000);
/// Failures that kill a session.
const KILLS: i64 = 5;

/// Padding is optional: old clients cut it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    OneStep,
    TwoStep,
}

impl Flavour {
    pub fn name(self) -> &'static str {
        match self {
            Self::OneStep => "one",
            Self::TwoStep => "two",
        }
    }
}

/// A posted password, with (O) or without (T2) the phone's public key.
pub struct Handshake {
    pub user: UserId,
    pub sid: String,
    pub public_key: Option<String>,
    /// Base64, perhaps wrapped.
    pub password: String,
    pub password_digests: DigestPair,
    pub answer_mgf1: Digest,
    /// SHA-256 of the whole body: tells a repeat from another try.
    pub body_hash: String,
    pub address: IpAddr,
    pub arrived: Instant,
}

/// What T1 answers.
pub struct Offered {
    pub public_key: String,
    pub sid: Sid,
}

/// What a completed handshake answers.
#[derive(Debug)]
pub struct Paired {
    pub flavour: Flavour,
    /// Encrypted to the phone, base64.
    pub shared_key: String,
    pub phone_hash: String,
    pub platforms: UserPlatforms,
}

/// A handshake whose session and key hold.
struct Checked {
    post: Handshake,
    sid: Sid,
    flavour: Flavour,
    here_id: String,
    anywhere_id: String,
}

impl Checked {
    fn key(&self) -> Key<'_> {
        Key {
            sid: self.sid,
            user: &self.post.user,
            body_hash: &self.post.body_hash,
            here_id: &self.here_id,
            anywhere_id: &self.anywhere_id,
        }
    }
}

/// A password that may be looked at.
struct Reserved {
    public_key: PublicKey,
    /// The bodies posted before this one.
    attempts: Attempts,
    /// Failures of this address, this one among them: taken back on success.
    forgiven: i64,
}

/// What the store knows of the body.
enum Standing {
    /// Counted as a failure beforehand; now its password may be looked at.
    Reserved(Reserved),
    /// Answered before: the same device again.
    Repeated { public_key: PublicKey, device: DeviceId },
}

impl Sync {
    /// Runs a handshake to its end even when its caller goes away meanwhile: what was
    /// accepted is finished. Every refusal after the session's check leaves at a fixed time.
    pub async fn pair(self: &Arc<Self>, post: Handshake) -> Result<Paired, Error> {
        let (arrived, flavour) = (post.arrived, flavour_of(&post));
        let service = self.clone();
        let work = async move { service.pair_now(post).await };
        let task = self.parts.tasks.spawn(work.in_current_span());
        let result = task.await.unwrap_or(Err(Error::Busy));
        let seconds = arrived.elapsed().as_secs_f64();
        self.parts.metrics.handshake(flavour.name(), result_name(&result), seconds);
        if let Err(error) = &result
            && !matches!(error, Error::InvalidSession)
        {
            leave_at(arrived, self.parts.settings.refusal_delay).await;
        }
        result
    }

    async fn pair_now(&self, post: Handshake) -> Result<Paired, Error> {
        let sid = self.valid(&post.user, &post.sid)?;
        // before any look-up, so that it says nothing of the user
        if self.parts.passwords.is_busy() {
            return Err(Error::Busy);
        }
        let user = post.user.as_str().as_bytes();
        let here_id = self.parts.lockout_key.hex(&[b"here", user, post.address.to_string().as_bytes()]);
        let anywhere_id = self.parts.lockout_key.hex(&[b"anywhere", user]);
        let checked = Checked { sid, flavour: flavour_of(&post), here_id, anywhere_id, post };
        let turn = self.turns.take(&checked.post.user).await.ok_or(Error::Busy)?;
        self.in_turn(checked, turn).await
    }

    async fn in_turn(&self, checked: Checked, _turn: Turn) -> Result<Paired, Error> {
        let result = match self.stand(&checked).await {
            Ok(Standing::Repeated { public_key, device }) => self.answer_again(&checked, &public_key, device).await,
            Ok(Standing::Reserved(reserved)) => {
                let result = self.check(&checked, reserved).await;
                if let Err(error) = &result {
                    self.record(&checked, error).await;
                }
                result
            }
            Err(error) => Err(error),
        };
        // a refused phone goes back to scanning: show it the next code
        if matches!(&result, Err(error) if !matches!(error, Error::InvalidSession)) {
            self.tell(&checked.post.user, Event::Resumed(checked.sid), self.now_ms());
        }
        result
    }

    /// Finds out whether the body is new, and counts it as a failure before it is looked at.
    async fn stand(&self, checked: &Checked) -> Result<Standing, Error> {
        let ladder = &self.parts.settings.lockouts;
        for _ in 0..RACES {
            let now_ms = self.now_ms();
            let seen = sync::snapshot(&self.parts.store, &checked.key()).await?;
            if let Some(standing) = Self::repeated(checked, &seen, now_ms)? {
                return Ok(standing);
            }
            if is_under_way(checked, &seen, now_ms) {
                // another node has this very body: wait for what it says
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            self.may_try(&checked.post.user, checked.sid, seen.session.as_ref())?;
            let public_key = public_key(checked, &seen)?;
            let counts =
                lockout::decide(ladder, seen.here, seen.anywhere, now_ms).map_err(|wait| Error::LockedOut { wait })?;
            match sync::reserve(&self.parts.store, &checked.key(), &seen, counts, now_ms).await {
                Ok(()) => {
                    let attempts = seen.session.map(|session| session.attempts).unwrap_or_default();
                    return Ok(Standing::Reserved(Reserved { public_key, attempts, forgiven: counts.0 }));
                }
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Busy)
    }

    /// The answer that an identical body got a moment ago, if there was one.
    fn repeated(checked: &Checked, seen: &Snapshot, now_ms: Millis) -> Result<Option<Standing>, Error> {
        let Some(Attempt { outcome, at_ms }) = seen.attempt(&checked.post.body_hash) else { return Ok(None) };
        if now_ms - at_ms >= REPEAT.as_ms() {
            return Ok(None);
        }
        match outcome {
            Outcome::Pending => Ok(None),
            Outcome::Undecryptable => Err(Error::Undecryptable(checked.flavour)),
            Outcome::Failed => Err(Error::Refused(checked.flavour)),
            Outcome::Paired(device) => {
                let public_key = public_key(checked, seen)?;
                Ok(Some(Standing::Repeated { public_key, device }))
            }
        }
    }

    /// A session that is redeemed, or killed by its failures, takes no more.
    pub(super) fn may_try(&self, user: &UserId, sid: Sid, session: Option<&Session>) -> Result<(), Error> {
        let is_spent = session.is_some_and(|session| session.state == State::Redeemed || session.failures >= KILLS);
        if is_spent && !self.is_dev(user, sid) { Err(Error::InvalidSession) } else { Ok(()) }
    }

    /// Looks at the password; its failure is already counted.
    async fn check(&self, checked: &Checked, reserved: Reserved) -> Result<Paired, Error> {
        let user = &checked.post.user;
        let password = self.decrypt(checked).await?;
        if checked.flavour == Flavour::OneStep {
            self.tell(user, Event::Paused(checked.sid), self.now_ms());
        }
        let login = self.parts.passwords.verify(user, password).await?;
        let login = login.ok_or(Error::Refused(checked.flavour))?;
        let platforms = UserPlatforms::of(&self.parts.platforms, &login.granted_platforms);
        let shared_key = SharedKey::generate();
        // encrypted before it is stored: a key that cannot be sent must not become a device
        let sent = encrypt(&reserved.public_key, checked, &shared_key)?;
        self.redeem(checked, &login, &shared_key, reserved).await?;
        Ok(Paired { flavour: checked.flavour, shared_key: sent, phone_hash: login.phone_hash, platforms })
    }

    async fn decrypt(&self, checked: &Checked) -> Result<Secret, Error> {
        let undecryptable = || Error::Undecryptable(checked.flavour);
        let plain: String = checked.post.password.split_ascii_whitespace().collect();
        let ciphertext = BASE64.decode(plain).map_err(|_| undecryptable())?;
        let (identities, pair) = (self.parts.identities.clone(), checked.post.password_digests);
        let work = move || identities.decrypt(pair, &ciphertext);
        let plain = self.rsa.run(work).await.map_err(|_| Error::Busy)?.map_err(|_| undecryptable())?;
        let text = std::str::from_utf8(&plain).map_err(|_| undecryptable())?;
        Ok(Secret::new(text.to_owned()))
    }

    async fn redeem(&self, checked: &Checked, login: &Login, key: &SharedKey, reserved: Reserved) -> Result<(), Error> {
        let now_ms = self.now_ms();
        let id = DeviceId::new(now_ms);
        let user = &checked.post.user;
        let device = NewDevice {
            id,
            user,
            sealed_key: self.parts.master.seal(device::key_place(&id.hex()), key.as_bytes())?,
            fingerprint: key.fingerprint(),
            phone_hash: &login.phone_hash,
            flavour: checked.flavour.name(),
            sid: checked.sid,
        };
        let Reserved { attempts, forgiven, .. } = reserved;
        match sync::redeem(&self.parts.store, &checked.key(), attempts, &device, forgiven, now_ms).await {
            Ok(()) => {}
            // another node redeemed it, with another body
            Err(error) if error.is_race() => return Err(Error::InvalidSession),
            Err(error) => return Err(error.into()),
        }
        // only now: whoever sees the ack may rely on the device
        self.tell(user, Event::Acknowledged(checked.sid), now_ms);
        tracing::info!(%user, device = %id, fingerprint = device.fingerprint, flavour = device.flavour, "paired a device");
        Ok(())
    }

    /// Records why an attempt failed, for its repeat to be told the same; one whose password
    /// was never compared did not fail, and is taken back.
    async fn record(&self, checked: &Checked, error: &Error) {
        let verdict = match error {
            Error::Undecryptable(_) => Some(Outcome::Undecryptable),
            Error::Refused(_) => Some(Outcome::Failed),
            Error::InvalidSession => return,
            _ => None,
        };
        for _ in 0..RACES {
            let (key, now_ms) = (checked.key(), self.now_ms());
            let written = match verdict {
                Some(outcome) => sync::fail(&self.parts.store, &key, outcome, now_ms).await,
                None => sync::release(&self.parts.store, &key, now_ms).await,
            };
            match written {
                Ok(()) => return,
                Err(error) if error.is_race() => {}
                // it stays counted as a failure, and pending until its repeat takes it up
                Err(error) => return tracing::warn!(%error, "could not record what became of an attempt"),
            }
        }
    }

    async fn answer_again(&self, checked: &Checked, to: &PublicKey, device: DeviceId) -> Result<Paired, Error> {
        let found = device::find(&self.parts.store, device).await?;
        let key = device::shared_key(&self.parts.store, &self.parts.master, device).await?;
        // revoked within the minute: the repeat must not bring it back
        let (Some(found), Some(key)) = (found, key) else { return Err(Error::InvalidSession) };
        // the first answer may have been lost with its node, before the sockets were told
        self.tell(&checked.post.user, Event::Acknowledged(checked.sid), self.now_ms());
        Ok(Paired {
            flavour: checked.flavour,
            shared_key: encrypt(to, checked, &key)?,
            phone_hash: found.phone_hash,
            platforms: self.platforms(&checked.post.user).await?,
        })
    }

    async fn platforms(&self, user: &UserId) -> Result<UserPlatforms, Error> {
        let granted = crate::store::backend::granted_platforms(&self.parts.backend, user).await?;
        Ok(UserPlatforms::of(&self.parts.platforms, &granted))
    }
}

fn flavour_of(post: &Handshake) -> Flavour {
    if post.public_key.is_some() { Flavour::OneStep } else { Flavour::TwoStep }
}

/// The key in the body, else the one that T1 left.
fn public_key(checked: &Checked, seen: &Snapshot) -> Result<PublicKey, Error> {
    let offered = seen.session.as_ref().and_then(|session| session.public_key.as_ref());
    let pem = checked.post.public_key.as_ref().or(offered).ok_or(Error::MissingPublicKey)?;
    PublicKey::from_pem(pem).map_err(|_| Error::InvalidPublicKey)
}

fn is_under_way(checked: &Checked, seen: &Snapshot, now_ms: Millis) -> bool {
    seen.attempt(&checked.post.body_hash)
        .is_some_and(|attempt| attempt.outcome == Outcome::Pending && now_ms - attempt.at_ms < PENDING.as_ms())
}

fn encrypt(to: &PublicKey, checked: &Checked, key: &SharedKey) -> Result<String, Error> {
    let pair = DigestPair { oaep: checked.post.password_digests.oaep, mgf1: checked.post.answer_mgf1 };
    Ok(base64::engine::general_purpose::STANDARD.encode(to.encrypt(pair, key.as_bytes())?))
}

/// Waits until a fixed time after arrival, or a multiple of it: how long the work took is no hint.
pub(in crate::service) async fn leave_at(arrived: Instant, delay: Span) {
    let (delay, spent) = (delay.as_duration(), arrived.elapsed());
    if !delay.is_zero() {
        let rounds = spent.as_nanos() / delay.as_nanos() + 1;
        tokio::time::sleep_until(arrived + delay * u32::try_from(rounds).unwrap_or(u32::MAX)).await;
    }
}

fn result_name(result: &Result<Paired, Error>) -> &'static str {
    match result {
        Ok(_) => "paired",
        Err(Error::InvalidSession) => "invalid_session",
        Err(Error::InvalidPublicKey | Error::MissingPublicKey) => "invalid_public_key",
        Err(Error::Undecryptable(_)) => "undecryptable",
        Err(Error::Refused(_)) => "refused",
        Err(Error::LockedOut { .. }) => "locked_out",
        Err(Error::Busy) => "busy",
        Err(Error::Store(_) | Error::Crypto(_)) => "failed",
    }
}

/// The hash by which a repeat of a body is known.
pub fn body_hash(body: &[u8]) -> String {
    hash::sha256_hex(body)
}

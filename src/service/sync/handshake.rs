//! The handshake: from a posted password to a device in the store, or to a refusal that
//! tells nothing. The order of checks is the contract's; none spends work before the one above holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::check::CHECK;
use super::post::{CompletedHandshake, HandshakeFlavour, HandshakeRequest};
use super::{Error, PairingService, Result, lockout, turn::HandshakeTurnPermit};
use crate::crypto::{PhonePublicKey, SyncSessionId};
use crate::model::{DeviceId, DurationSetting, Millis, UserId};
use crate::service::race::raced;
use crate::signal::SyncPairingEvent;
use crate::store::sync::{
    self, PairingAttempt, PairingAttemptRowKeys, PairingOutcome, SyncSession, SyncSessionAndLockouts,
};

/// An identical body within this time gets the same answer.
const REPEAT: DurationSetting = DurationSetting::from_millis(60_000);
/// A check that takes longer has died with its node: a living one is over after [`CHECK`] and a commit.
const PENDING: DurationSetting = DurationSetting::from_millis(15_000);
/// How often to look whether another node is done with the same body.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait for the user's turn and for another node: as long as one check may take.
pub(super) const PATIENCE: Duration = CHECK;
/// Failures that kill a session.
const KILLS: i64 = 5;

/// A handshake whose session and key hold.
pub(super) struct CheckedHandshake {
    pub(super) post: HandshakeRequest,
    pub(super) sid: SyncSessionId,
    pub(super) flavour: HandshakeFlavour,
    here_id: [u8; 32],
    anywhere_id: [u8; 32],
}

impl CheckedHandshake {
    pub(super) fn key(&self) -> PairingAttemptRowKeys<'_> {
        PairingAttemptRowKeys {
            sid: self.sid,
            user: &self.post.user,
            body_hash: &self.post.body_hash,
            here_id: &self.here_id,
            anywhere_id: &self.anywhere_id,
        }
    }
}

/// What the store knows of the body.
enum PairingRepeatCheck {
    /// Counted as a failure beforehand; now its password may be looked at.
    Reserved { public_key: PhonePublicKey, reserved: sync::ReservedPairingAttempt },
    /// Answered before: the same device again.
    Repeated { public_key: PhonePublicKey, device: DeviceId },
    /// Another node is looking at this very body.
    UnderWay,
}

impl PairingService {
    /// Runs a handshake to its end even when its caller goes away meanwhile: what was
    /// accepted is finished. Every refusal after the session's check leaves at a fixed time.
    /// `held` is let go once the post is done with: what its bytes count as.
    pub async fn pair(
        self: &Arc<Self>,
        post: HandshakeRequest,
        held: impl Send + 'static,
    ) -> Result<CompletedHandshake> {
        let (arrived, flavour, user) = (post.arrived, post.flavour(), post.user.clone());
        let service = self.clone();
        let work = async move {
            let _held = held;
            service.pair_now(post).await
        };
        let task = self.parts.tasks.spawn(work.in_current_span());
        let result = task.await.unwrap_or_else(|error| {
            tracing::error!(%error, %user, flavour = flavour.name(), "the task of a handshake died");
            Err(error.into())
        });
        let seconds = arrived.elapsed().as_secs_f64();
        self.parts.metrics.handshake(flavour.name(), result_name(&result), seconds);
        if matches!(&result, Err(error) if !matches!(error, Error::InvalidSession)) {
            leave_at(arrived, self.parts.settings.refusal_delay).await;
        }
        result
    }

    async fn pair_now(&self, post: HandshakeRequest) -> Result<CompletedHandshake> {
        let sid = self.parts.ids.valid(&post.user, &post.sid)?;
        let user = post.user.as_str().as_bytes();
        let here_id = self.parts.lockout_key.mac(&[b"here", user, post.address.to_string().as_bytes()]);
        let anywhere_id = self.parts.lockout_key.mac(&[b"anywhere", user]);
        let checked = CheckedHandshake { sid, flavour: post.flavour(), here_id, anywhere_id, post };
        let result = self.answer(&checked).await;
        // a refused phone goes back to scanning: show it the next code
        if matches!(&result, Err(error) if !matches!(error, Error::InvalidSession)) {
            self.tell(&checked.post.user, SyncPairingEvent::Resumed(checked.sid), self.parts.clock.now_ms());
        }
        result
    }

    async fn answer(&self, checked: &CheckedHandshake) -> Result<CompletedHandshake> {
        let until = Instant::now() + PATIENCE;
        loop {
            let turn = self.turns.take(checked.post.user.as_str(), until).await.ok_or(Error::Busy)?;
            if let Some(result) = self.in_turn(checked, turn).await {
                return result;
            }
            if Instant::now() >= until {
                return Err(Error::Busy);
            }
            // without the turn: the user's other bodies need not wait for another node
            tokio::time::sleep(POLL).await;
        }
    }

    /// `None` while another node has this very body.
    async fn in_turn(
        &self,
        checked: &CheckedHandshake,
        _turn: HandshakeTurnPermit,
    ) -> Option<Result<CompletedHandshake>> {
        // before any look-up, so that it says nothing of the user; one place for all bodies of a user
        let Ok(place) = self.door.try_acquire() else { return Some(Err(Error::Busy)) };
        Some(match self.stand(checked).await {
            Ok(PairingRepeatCheck::UnderWay) => return None,
            Ok(PairingRepeatCheck::Repeated { public_key, device }) => {
                self.answer_again(checked, &public_key, device).await
            }
            Ok(PairingRepeatCheck::Reserved { public_key, reserved }) => {
                let result = self.check(checked, &public_key, &reserved, place).await;
                if let Err(error) = &result {
                    self.record(checked, &reserved, error).await;
                }
                result
            }
            Err(error) => Err(error),
        })
    }

    /// Finds out whether the body is new, and counts it as a failure before it is looked at.
    async fn stand(&self, checked: &CheckedHandshake) -> Result<PairingRepeatCheck> {
        let ladder = &self.parts.settings.lockouts;
        let is_race = |error: &Error| matches!(error, Error::Store(error) if error.is_race());
        let standing = raced(is_race, || async {
            let now_ms = self.parts.clock.now_ms();
            let seen = sync::snapshot(&self.parts.store, &checked.key()).await?;
            if let Some(standing) = Self::repeated(checked, &seen, now_ms)? {
                return Ok(standing);
            }
            // its check died with its node: it is counted already, and counts once
            let is_taken_up = seen.is_pending(&checked.post.body_hash);
            self.may_try(&checked.post.user, checked.sid, seen.session.as_ref(), is_taken_up)?;
            let public_key = public_key(checked, &seen)?;
            let counts = if is_taken_up {
                (seen.here.failures, seen.anywhere.failures)
            } else {
                lockout::decide(ladder, seen.here, seen.anywhere, now_ms).map_err(|wait| Error::LockedOut { wait })?
            };
            let reserved = sync::reserve(&self.parts.store, &checked.key(), &seen, counts, now_ms).await?;
            Ok(PairingRepeatCheck::Reserved { public_key, reserved })
        });
        standing.await.unwrap_or(Err(Error::Busy))
    }

    /// What an identical body came to a moment ago, if there was one.
    fn repeated(
        checked: &CheckedHandshake,
        seen: &SyncSessionAndLockouts,
        now_ms: Millis,
    ) -> Result<Option<PairingRepeatCheck>> {
        let Some(PairingAttempt { outcome, at_ms }) = seen.attempt(&checked.post.body_hash) else { return Ok(None) };
        if outcome == PairingOutcome::Pending {
            let is_living = now_ms - at_ms < PENDING.as_ms();
            return Ok(is_living.then_some(PairingRepeatCheck::UnderWay));
        }
        if now_ms - at_ms >= REPEAT.as_ms() {
            return Ok(None);
        }
        match outcome {
            PairingOutcome::Pending => Ok(Some(PairingRepeatCheck::UnderWay)),
            PairingOutcome::Undecryptable => Err(Error::Undecryptable(checked.flavour)),
            PairingOutcome::Failed => Err(Error::Refused(checked.flavour)),
            PairingOutcome::Paired(device) => {
                let public_key = public_key(checked, seen)?;
                Ok(Some(PairingRepeatCheck::Repeated { public_key, device }))
            }
        }
    }

    /// A session that is over, or killed by its failures, takes no more. `is_counted`: the body is one of them.
    pub(super) fn may_try(
        &self,
        user: &UserId,
        sid: SyncSessionId,
        session: Option<&SyncSession>,
        is_counted: bool,
    ) -> Result<()> {
        let is_killed = |session: &SyncSession| session.failures - i64::from(is_counted) >= KILLS;
        let is_spent = session.is_some_and(|session| session.state.is_over() || is_killed(session));
        if is_spent && !self.parts.ids.is_dev(user, sid) { Err(Error::InvalidSession) } else { Ok(()) }
    }
}

/// The key in the body, else the one that T1 left.
fn public_key(checked: &CheckedHandshake, seen: &SyncSessionAndLockouts) -> Result<PhonePublicKey> {
    let offered = seen.session.as_ref().and_then(|session| session.public_key.as_ref());
    let pem = checked.post.public_key.as_ref().or(offered).ok_or(Error::MissingPublicKey)?;
    PhonePublicKey::from_pem(pem).map_err(|_| Error::InvalidPublicKey)
}

/// Waits until a fixed time after arrival, or a multiple of it: how long the work took is no hint.
pub(in crate::service) async fn leave_at(arrived: Instant, delay: DurationSetting) {
    let (delay, spent) = (delay.as_duration(), arrived.elapsed());
    if !delay.is_zero() {
        let rounds = spent.as_nanos() / delay.as_nanos() + 1;
        tokio::time::sleep_until(arrived + delay * u32::try_from(rounds).unwrap_or(u32::MAX)).await;
    }
}

fn result_name(result: &Result<CompletedHandshake>) -> &'static str {
    match result {
        Ok(_) => "paired",
        Err(Error::InvalidSession) => "invalid_session",
        Err(Error::InvalidPublicKey | Error::MissingPublicKey) => "invalid_public_key",
        Err(Error::Undecryptable(_)) => "undecryptable",
        Err(Error::Refused(_)) => "refused",
        Err(Error::LockedOut { .. } | Error::TooManyOffers { .. }) => "locked_out",
        Err(Error::Busy) => "busy",
        Err(Error::Store(_) | Error::Crypto(_) | Error::Died(_)) => "failed",
    }
}

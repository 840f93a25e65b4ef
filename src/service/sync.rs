//! Pairing a phone: sync sessions, their sockets, and the handshake (version 2 of the contract).
//!
//! What protects it: an encrypted password that was taken once pairs no other phone, on any node, for ever; session ids
//! are proven by an HMAC, expire, and are redeemed once; a body repeated within a minute gets the same answer; a session
//! is the first phone's that sends it its key. A password counts as failed before it is compared, and whatever is wrong,
//! the refusal is one, at one time after arrival. `200- ack` is sent after the device has committed. Revoking a device
//! empties its key. What version 2 of the contract leaves open stands in `.github/SECURITY.md`: phones in the field speak it.

mod check;
mod eviction;
mod handshake;
mod ids;
mod key;
mod link;
mod lockout;
mod metrics;
mod offer;
mod password;
mod post;
mod redeem;
mod rotation;
mod socket;
mod socket_registry;
mod turn;

pub(super) use handshake::leave_at;
pub use ids::SyncSessionIdIssuer;
pub use key::{KeyError, ServerPrivateKeys};
pub use link::{PairingLink, PairingLinkBuilder, verification_path};
pub use lockout::LockoutRung;
pub use metrics::Metrics;
pub use password::PasswordChecker;
pub use post::{CompletedHandshake, HandshakeFlavour, HandshakeRequest, ServerPublicKeyOffer, body_hash};
pub use rotation::{SyncCloseCode, SyncSocketAction, SyncUrlRotation};
pub use socket::{OpenedSocket, SyncSocketSession, SyncSockets};
pub use socket_registry::{SocketRegistry, TooManySockets};

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::crypto::{HashKey, MasterKey};
use crate::model::{Clock, DurationSetting, Millis, Platform, Secret, UserId};
use crate::service::cpu_pool::{CpuPool, CpuPoolError};
use crate::service::event::Events;
use crate::service::retention::throttled;
use crate::signal::{InterNodeSignalBus, SyncPairingEvent, SyncSignal};
use crate::store::{self, Store};

/// `[sync]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub rotate_every: DurationSetting,
    pub rotations: u32,
    pub pause_for: DurationSetting,
    pub session_ttl: DurationSetting,
    pub ping_every: DurationSetting,
    pub silent_for: DurationSetting,
    pub sockets_per_user: usize,
    pub sockets_per_address: usize,
    pub handshakes_at_once: usize,
    pub refusal_delay: DurationSetting,
    pub sms_refusal_delay: DurationSetting,
    pub allowed_origins: Vec<String>,
    pub seeds_url: String,
    pub private_key: String,
    pub previous_private_key: String,
    pub lockouts: Vec<LockoutRung>,
}

impl Settings {
    /// Passwords looked at, at once.
    pub fn places(&self) -> usize {
        self.handshakes_at_once.clamp(1, 65_536)
    }
}

/// `[backend]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDatabaseSettings {
    pub url: Secret,
    pub hashing_salt: Secret,
    pub hashing_salt_file: String,
    pub shared_key_file: String,
}

/// Why a handshake was refused. `http` gives each its status and body.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("forged, expired, spent or killed session")]
    InvalidSession,
    #[error("the public key is not RSA of 2048 to 4096 bits")]
    InvalidPublicKey,
    #[error("no public key was offered")]
    MissingPublicKey,
    #[error("the password does not decrypt")]
    Undecryptable(HandshakeFlavour),
    #[error("unknown user or wrong password")]
    Refused(HandshakeFlavour),
    #[error("too many failures")]
    LockedOut { wait: DurationSetting },
    #[error("too many unfinished handshakes of one address")]
    TooManyOffers { wait: DurationSetting },
    #[error("too much is waiting")]
    Busy,
    #[error("store: {0}")]
    Store(#[from] store::Error),
    #[error("cryptographic library: {0}")]
    Crypto(#[from] crate::crypto::Error),
    #[error("a handshake died: {0}")]
    Died(#[from] tokio::task::JoinError),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<CpuPoolError> for Error {
    fn from(error: CpuPoolError) -> Self {
        match error {
            CpuPoolError::Full => Self::Busy,
            CpuPoolError::Died(error) => Self::Died(error),
        }
    }
}

/// What handshakes are built from.
pub struct Parts {
    pub settings: Settings,
    pub platforms: Vec<Platform>,
    pub store: Store,
    pub backend: Store,
    pub identities: ServerPrivateKeys,
    pub master: Arc<MasterKey>,
    pub ids: Arc<SyncSessionIdIssuer>,
    pub lockout_key: HashKey,
    pub ciphertext_key: HashKey,
    pub passwords: PasswordChecker,
    pub open_sockets: Arc<SocketRegistry>,
    pub bus: InterNodeSignalBus,
    pub events: Arc<Events>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tasks: TaskTracker,
}

/// Pairs phones: from what one posts to a device, or to a refusal.
pub struct PairingService {
    parts: Parts,
    rsa: CpuPool,
    turns: Arc<turn::HandshakeTurns>,
    /// A place for each handshake until its password is compared. When none is free everybody is
    /// told to come back: an answer to some only would tell who has a slow password.
    door: Semaphore,
}

impl PairingService {
    pub fn new(parts: Parts) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let door = Semaphore::new(parts.settings.places());
        Self { parts, rsa: CpuPool::new(cores, 4096), turns: Arc::default(), door }
    }

    /// Tells this node's sockets at once, the other nodes' by the bus.
    fn tell(&self, user: &UserId, event: SyncPairingEvent, at_ms: Millis) {
        let signal = SyncSignal { user: user.clone(), event, at_ms };
        self.parts.open_sockets.deliver(&signal);
        self.parts.bus.publish(&signal);
    }

    /// Removes what has served: expired sessions, old attempts, counters that have lapsed.
    pub async fn sweep(&self) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        let hour = DurationSetting::from_millis(3_600_000).as_ms();
        let spent_ms = now_ms - self.parts.settings.session_ttl.as_ms() - hour;
        let lapsed_ms = now_ms - lockout::lapse_ms(&self.parts.settings.lockouts);
        let store = &self.parts.store;
        throttled(|| store::sync::sweep(store, spent_ms)).await?;
        throttled(|| store::device::sweep(store, now_ms - hour)).await?;
        Ok(throttled(|| store::lockout::sweep(store, lapsed_ms)).await?)
    }
}

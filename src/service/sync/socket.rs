//! A sync socket as the service sees it: opened, then asked for its next actions; and what other nodes did, found in the
//! store, which is the way around a signal that was lost.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::socket_registry::{SocketMailboxEvent, SocketRegistration};
use super::{
    Metrics, Result, Settings, SocketRegistry, SyncCloseCode, SyncSessionIdIssuer, SyncSocketAction, SyncUrlRotation,
};
use crate::crypto::SyncSessionId;
use crate::model::{Clock, DurationSetting, Millis, UserId};
use crate::signal::{SyncPairingEvent, SyncSignal};
use crate::store::sync::{self, SyncSessionState};
use crate::store::{Store, device};

/// How far nodes' clocks may stand apart, and how long a commit may take to be seen.
const OVERLAP: DurationSetting = DurationSetting::from_millis(10_000);
/// How long a page waits for what the store says before it gets its first code.
const PATIENCE: Duration = Duration::from_secs(1);

/// What opening a socket came to.
pub enum OpenedSocket {
    Showing(Box<SyncSocketSession>, SyncSocketAction),
    /// Its session was redeemed already.
    Acknowledged,
    /// Its session is none of ours, or has expired.
    Unknown,
    TooMany,
}

/// An open sync socket.
pub struct SyncSocketSession {
    ids: Arc<SyncSessionIdIssuer>,
    user: UserId,
    rotation: SyncUrlRotation,
    opened: Instant,
    opened_ms: Millis,
    registration: SocketRegistration,
    gauge: SocketCount,
}

/// The sockets of this node.
pub struct SyncSockets {
    pub settings: Settings,
    pub ids: Arc<SyncSessionIdIssuer>,
    pub store: Store,
    pub open_sockets: Arc<SocketRegistry>,
    pub clock: Clock,
    pub metrics: Metrics,
}

impl SyncSockets {
    /// Opens a socket on the session that a GET issued, or on a new one.
    pub async fn open(&self, user: &UserId, sid: Option<&str>, address: IpAddr) -> OpenedSocket {
        let Ok(first) = sid.map_or_else(|| Ok(self.ids.issue(user)), |text| self.ids.valid(user, text)) else {
            return OpenedSocket::Unknown;
        };
        let opened_ms = self.clock.now_ms();
        // registered before looking, so that an ack in between is not missed
        let Ok(registration) = self.open_sockets.register(user, address) else { return OpenedSocket::TooMany };
        registration.mailbox.shows(first);
        if sid.is_some() {
            match self.found(user, first).await {
                Some((SyncPairingEvent::Acknowledged(_), _)) => return OpenedSocket::Acknowledged,
                // the person is typing the password: this page may have been reloaded
                Some((event, at_ms)) => registration.mailbox.put(SocketMailboxEvent { event, at_ms, is_found: true }),
                None => {}
            }
        }
        let (rotation, action) = SyncUrlRotation::open(&self.settings, first);
        let gauge = SocketCount::new(self.metrics.clone());
        let session = SyncSocketSession {
            ids: self.ids.clone(),
            user: user.clone(),
            rotation,
            opened: Instant::now(),
            opened_ms,
            registration,
            gauge,
        };
        OpenedSocket::Showing(Box::new(session), action)
    }

    /// What the store says of a session before its socket opened. A store that is away says
    /// nothing: codes can be shown without it.
    async fn found(&self, user: &UserId, sid: SyncSessionId) -> Option<(SyncPairingEvent, Millis)> {
        if sid == SyncSessionId::DEV {
            return None;
        }
        let asked = sync::session(&self.store, sid, user);
        let session = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok().flatten()?;
        match session.state {
            SyncSessionState::Redeemed => Some((SyncPairingEvent::Acknowledged(sid), session.changed_ms)),
            SyncSessionState::Offered if self.clock.now_ms() - session.changed_ms < self.settings.pause_for.as_ms() => {
                Some((SyncPairingEvent::Paused(sid), session.changed_ms))
            }
            SyncSessionState::Offered | SyncSessionState::Open | SyncSessionState::Failed | SyncSessionState::Ended => {
                None
            }
        }
    }

    /// Tells this node's sockets what has changed since `since_ms`, by any node; returns
    /// where to go on from. A socket that knows already does nothing.
    pub async fn look_around(&self, since_ms: Millis) -> Result<Millis> {
        let now_ms = self.clock.now_ms();
        if self.open_sockets.is_empty() {
            return Ok(now_ms);
        }
        let since_ms = since_ms - OVERLAP.as_ms();
        for changed in sync::changed_since(&self.store, since_ms).await? {
            let event = match changed.state {
                SyncSessionState::Redeemed => SyncPairingEvent::Acknowledged(changed.sid),
                SyncSessionState::Offered => SyncPairingEvent::Paused(changed.sid),
                SyncSessionState::Failed | SyncSessionState::Ended => SyncPairingEvent::Resumed(changed.sid),
                SyncSessionState::Open => continue,
            };
            self.open_sockets.deliver_found(&SyncSignal { user: changed.user, event, at_ms: changed.changed_ms });
        }
        for (user, at_ms) in device::revoked_since(&self.store, since_ms).await? {
            self.open_sockets.deliver_found(&SyncSignal { user, event: SyncPairingEvent::Revoked, at_ms });
        }
        Ok(now_ms)
    }

    /// What a page that has lost its socket may know of a session.
    pub async fn status(&self, user: &UserId, sid: &str) -> Result<&'static str> {
        let Ok(sid) = self.ids.valid(user, sid) else { return Ok("expired") };
        let session = sync::session(&self.store, sid, user).await?;
        Ok(match session.map(|session| session.state) {
            Some(SyncSessionState::Redeemed) => "paired",
            Some(SyncSessionState::Offered) => "paused",
            Some(SyncSessionState::Ended) => "expired",
            Some(SyncSessionState::Open | SyncSessionState::Failed) | None => "waiting",
        })
    }
}

impl SyncSocketSession {
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Waits for time or a signal to ask for something. Safe to drop and call again.
    pub async fn next(&mut self) -> Vec<SyncSocketAction> {
        let deadline = self.opened + self.rotation.next_tick();
        let mut issue = || {
            let sid = self.ids.issue(&self.user);
            self.registration.mailbox.shows(sid);
            sid
        };
        let actions = tokio::select! {
            () = sleep_until(deadline) => self.rotation.tick(self.opened.elapsed(), &mut issue).into_iter().collect(),
            events = self.registration.mailbox.take() => {
                let Some(events) = events else { return vec![SyncSocketAction::Close(SyncCloseCode::TooMany)] };
                let now = self.opened.elapsed();
                let (rotation, opened_ms) = (&mut self.rotation, self.opened_ms);
                let obey = |SocketMailboxEvent { event, at_ms, is_found }| match (is_found, event) {
                    // clocks of nodes differ: what happens now is never too old
                    (false, _) => rotation.signal(now, event, at_ms, &mut issue),
                    // a revocation found in the store may be older than this socket
                    (true, SyncPairingEvent::Revoked) if at_ms < opened_ms => Vec::new(),
                    (true, _) => rotation.found(now, event, at_ms, &mut issue),
                };
                events.into_iter().flat_map(obey).collect()
            }
        };
        self.gauge.set(self.rotation.is_paused());
        actions
    }
}

/// Counts this socket under what it shows, until it is dropped.
struct SocketCount {
    metrics: Metrics,
    is_paused: bool,
}

impl SocketCount {
    fn new(metrics: Metrics) -> Self {
        metrics.showing(false, 1);
        Self { metrics, is_paused: false }
    }

    fn set(&mut self, is_paused: bool) {
        if is_paused != self.is_paused {
            self.metrics.showing(self.is_paused, -1);
            self.metrics.showing(is_paused, 1);
            self.is_paused = is_paused;
        }
    }
}

impl Drop for SocketCount {
    fn drop(&mut self) {
        self.metrics.showing(self.is_paused, -1);
    }
}

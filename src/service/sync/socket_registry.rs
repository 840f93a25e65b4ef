//! The open sockets of this node, by user, and what waits for each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::Metrics;
use super::eviction::{SocketEvictionCandidate, evicted};
use crate::crypto::SyncSessionId;
use crate::model::lock::lock;
use crate::model::{Millis, UserId};
use crate::signal::{SyncPairingEvent, SyncSignal};

/// Signals that wait for one socket; it takes them at once, so more means that it hangs.
const WAITING: usize = 16;

/// What a socket is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketMailboxEvent {
    pub(super) event: SyncPairingEvent,
    /// By the clock of the node that it comes from.
    pub(super) at_ms: Millis,
    /// Found in the store, so perhaps known already or older than the socket; else it happens now.
    pub(super) is_found: bool,
}

#[derive(Default)]
struct SocketMailboxContents {
    events: Vec<SocketMailboxEvent>,
    /// The sessions whose codes the socket has shown: the user's others are none of its business.
    shown: Vec<SyncSessionId>,
    /// A phone has come with one of them.
    is_scanned: bool,
    /// The socket's place is another's now.
    has_to_leave: bool,
}

/// One socket's mailbox: a few bytes while nothing happens.
#[derive(Default)]
pub(super) struct SocketMailbox {
    contents: Mutex<SocketMailboxContents>,
    arrived: Notify,
}

impl SocketMailbox {
    /// From now on takes what is said of this session; before its code is sent.
    pub(super) fn shows(&self, sid: SyncSessionId) {
        lock(&self.contents).shown.push(sid);
    }

    pub(super) fn put(&self, event: SocketMailboxEvent) {
        let mut contents = lock(&self.contents);
        let SocketMailboxContents { events, shown, is_scanned, .. } = &mut *contents;
        if !event.event.is_about(shown) || events.contains(&event) {
            return;
        }
        *is_scanned |= matches!(event.event, SyncPairingEvent::Paused(_) | SyncPairingEvent::Acknowledged(_));
        if events.len() >= WAITING {
            // what ends a socket is kept: the rest only changes what it shows
            match events.iter().position(|known| !known.event.is_final()) {
                Some(passing) => events.remove(passing),
                None => return,
            };
        }
        events.push(event);
        drop(contents);
        self.arrived.notify_one();
    }

    fn is_scanned(&self) -> bool {
        lock(&self.contents).is_scanned
    }

    fn leave(&self) {
        lock(&self.contents).has_to_leave = true;
        self.arrived.notify_one();
    }

    /// Waits until there is at least one event. `None`: the socket has to leave.
    pub(super) async fn take(&self) -> Option<Vec<SocketMailboxEvent>> {
        loop {
            let (taken, has_to_leave) = {
                let mut contents = lock(&self.contents);
                (std::mem::take(&mut contents.events), contents.has_to_leave)
            };
            if !taken.is_empty() {
                return Some(taken);
            }
            if has_to_leave {
                return None;
            }
            self.arrived.notified().await;
        }
    }
}

/// An open socket.
struct ConnectedSocket {
    address: IpAddr,
    mailbox: Arc<SocketMailbox>,
}

/// Who is connected here.
pub struct SocketRegistry {
    users: Mutex<HashMap<UserId, Vec<ConnectedSocket>>>,
    per_user: usize,
    per_address: usize,
    metrics: Metrics,
}

#[derive(Debug, thiserror::Error)]
#[error("too many sockets of this user or address")]
pub struct TooManySockets;

impl SocketRegistry {
    /// So many places of one user, and of one user from one address: one at least, so that whoever is refused finds others
    /// there, and leaves no empty list behind.
    pub fn new(per_user: usize, per_address: usize, metrics: Metrics) -> Self {
        Self { users: Mutex::default(), per_user: per_user.max(1), per_address: per_address.max(1), metrics }
    }

    /// Takes a place for a socket, until the registration is dropped, or until others need it more.
    pub(super) fn register(
        self: &Arc<Self>,
        user: &UserId,
        address: IpAddr,
    ) -> Result<SocketRegistration, TooManySockets> {
        let mut users = lock(&self.users);
        let places = users.entry(user.clone()).or_default();
        let from_here = places.iter().filter(|connected| connected.address == address).count();
        if from_here >= self.per_address {
            return Err(TooManySockets);
        }
        if places.len() >= self.per_user {
            let occupants = |connected: &ConnectedSocket| SocketEvictionCandidate {
                address: connected.address,
                is_scanned: connected.mailbox.is_scanned(),
            };
            let occupants: Vec<_> = places.iter().map(occupants).collect();
            places.remove(evicted(&occupants, address).ok_or(TooManySockets)?).mailbox.leave();
        }
        let mailbox = Arc::new(SocketMailbox::default());
        places.reserve_exact(1);
        places.push(ConnectedSocket { address, mailbox: mailbox.clone() });
        self.metrics.sockets.inc();
        Ok(SocketRegistration { open_sockets: self.clone(), user: user.clone(), mailbox })
    }

    /// Tells every socket of a user what happens now.
    pub fn deliver(&self, signal: &SyncSignal) {
        self.put(signal, false);
    }

    /// Tells every socket of a user what the store says has happened.
    pub(super) fn deliver_found(&self, signal: &SyncSignal) {
        self.put(signal, true);
    }

    fn put(&self, signal: &SyncSignal, is_found: bool) {
        if let Some(places) = lock(&self.users).get(&signal.user) {
            for connected in places {
                connected.mailbox.put(SocketMailboxEvent { event: signal.event, at_ms: signal.at_ms, is_found });
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.users).is_empty()
    }
}

/// A socket among those that are open, until it is dropped.
pub(super) struct SocketRegistration {
    open_sockets: Arc<SocketRegistry>,
    user: UserId,
    pub(super) mailbox: Arc<SocketMailbox>,
}

impl Drop for SocketRegistration {
    fn drop(&mut self) {
        let mut users = lock(&self.open_sockets.users);
        if let Some(places) = users.get_mut(&self.user) {
            places.retain(|connected| !Arc::ptr_eq(&connected.mailbox, &self.mailbox));
            if places.is_empty() {
                users.remove(&self.user);
            }
        }
        self.open_sockets.metrics.sockets.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_mailbox_keeps_what_ends_a_socket() {
        let mailbox = SocketMailbox::default();
        let live = |event, at_ms| SocketMailboxEvent { event, at_ms, is_found: false };
        mailbox.put(live(SyncPairingEvent::Revoked, 0));
        for at_ms in 1..100 {
            mailbox.put(live(SyncPairingEvent::Paused(SyncSessionId::DEV), at_ms));
            mailbox.put(live(SyncPairingEvent::Paused(SyncSessionId::DEV), at_ms));
        }
        let taken = mailbox.take().await.unwrap_or_default();
        assert_eq!((taken.len(), taken[0].event, taken[WAITING - 1].at_ms), (WAITING, SyncPairingEvent::Revoked, 99));
    }

    #[tokio::test]
    async fn other_sessions_take_no_room_in_a_mailbox() -> Result<(), Box<dyn std::error::Error>> {
        let mailbox = SocketMailbox::default();
        let ours: SyncSessionId = "00112233445566778899aabbccddeeff".parse()?;
        mailbox.shows(ours);
        for n in 1..100 {
            let event = SyncPairingEvent::Acknowledged(format!("{n:032x}").parse()?);
            mailbox.put(SocketMailboxEvent { event, at_ms: n, is_found: false });
        }
        let acknowledged =
            SocketMailboxEvent { event: SyncPairingEvent::Acknowledged(ours), at_ms: 5, is_found: false };
        mailbox.put(acknowledged);
        assert_eq!(mailbox.take().await, Some(vec![acknowledged]));
        Ok(())
    }

    #[test]
    fn places_are_limited_and_given_back() -> Result<(), Box<dyn std::error::Error>> {
        let open_sockets = Arc::new(SocketRegistry::new(3, 2, Metrics::default()));
        let user: UserId = "111".parse()?;
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        let first = open_sockets.register(&user, here)?;
        let _second = open_sockets.register(&user, here)?;
        assert!(open_sockets.register(&user, here).is_err(), "two from one address");
        let _third = open_sockets.register(&user, there)?;
        drop(first);
        assert!(open_sockets.register(&user, here).is_ok());
        assert!(open_sockets.register(&"112".parse()?, here).is_ok(), "another user");
        Ok(())
    }

    #[tokio::test]
    async fn who_has_to_leave_hears_first_what_has_come() -> Result<(), Box<dyn std::error::Error>> {
        let open_sockets = Arc::new(SocketRegistry::new(2, 2, Metrics::default()));
        let user: UserId = "111".parse()?;
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        let (oldest, _second) = (open_sockets.register(&user, here)?, open_sockets.register(&user, here)?);
        open_sockets.deliver(&SyncSignal { user: user.clone(), event: SyncPairingEvent::Revoked, at_ms: 5 });
        let third = open_sockets.register(&user, there)?;
        assert!(oldest.mailbox.take().await.is_some_and(|events| events.len() == 1));
        assert_eq!(oldest.mailbox.take().await, None);
        drop(oldest);
        let elsewhere = "127.0.0.3".parse()?;
        assert!(open_sockets.register(&user, elsewhere).is_err(), "its place was given back once");
        drop(third);
        assert!(open_sockets.register(&user, elsewhere).is_ok());
        Ok(())
    }
}

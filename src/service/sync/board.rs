//! The open sockets of this node, by user, and their letterboxes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Metrics;
use crate::model::{Millis, UserId};
use crate::signal::{Event, Signal};

/// Signals that wait for one socket; it takes them at once, so more means that it hangs.
const WAITING: usize = 16;

fn is_final(event: Event) -> bool {
    matches!(event, Event::Acknowledged(_) | Event::Revoked)
}

/// One socket's letterbox: a few bytes while nothing happens.
#[derive(Default)]
pub(super) struct Letterbox {
    signals: Mutex<Vec<(Event, Millis)>>,
    arrived: Notify,
}

impl Letterbox {
    pub(super) fn put(&self, event: Event, at_ms: Millis) {
        let mut signals = lock(&self.signals);
        if signals.contains(&(event, at_ms)) {
            return;
        }
        if signals.len() >= WAITING {
            // what ends a socket is kept: the rest only changes what it shows
            match signals.iter().position(|(known, _)| !is_final(*known)) {
                Some(passing) => signals.remove(passing),
                None => return,
            };
        }
        signals.push((event, at_ms));
        drop(signals);
        self.arrived.notify_one();
    }

    /// Waits until there is at least one signal.
    pub(super) async fn take(&self) -> Vec<(Event, Millis)> {
        loop {
            let taken = std::mem::take(&mut *lock(&self.signals));
            if !taken.is_empty() {
                return taken;
            }
            self.arrived.notified().await;
        }
    }
}

struct Place {
    address: IpAddr,
    letterbox: Arc<Letterbox>,
}

/// Who is connected here.
pub struct Board {
    users: Mutex<HashMap<UserId, Vec<Place>>>,
    per_user: usize,
    per_address: usize,
    metrics: Metrics,
}

#[derive(Debug, thiserror::Error)]
#[error("too many sockets of this user or address")]
pub struct Full;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    pub fn new(per_user: usize, per_address: usize, metrics: Metrics) -> Self {
        Self { users: Mutex::default(), per_user, per_address, metrics }
    }

    /// Takes a place for a socket, until the seat is dropped.
    pub(super) fn sit(self: &Arc<Self>, user: &UserId, address: IpAddr) -> Result<Seat, Full> {
        let mut users = lock(&self.users);
        let places = users.entry(user.clone()).or_default();
        let from_here = places.iter().filter(|place| place.address == address).count();
        if places.len() >= self.per_user || from_here >= self.per_address {
            return Err(Full);
        }
        let letterbox = Arc::new(Letterbox::default());
        places.reserve_exact(1);
        places.push(Place { address, letterbox: letterbox.clone() });
        self.metrics.sockets.inc();
        Ok(Seat { board: self.clone(), user: user.clone(), letterbox })
    }

    /// Puts a signal into the letterbox of every socket of its user.
    pub fn deliver(&self, signal: &Signal) {
        if let Some(places) = lock(&self.users).get(&signal.user) {
            for place in places {
                place.letterbox.put(signal.event, signal.at_ms);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.users).is_empty()
    }
}

/// A socket's place on the board.
pub(super) struct Seat {
    board: Arc<Board>,
    user: UserId,
    pub(super) letterbox: Arc<Letterbox>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut users = lock(&self.board.users);
        if let Some(places) = users.get_mut(&self.user) {
            places.retain(|place| !Arc::ptr_eq(&place.letterbox, &self.letterbox));
            if places.is_empty() {
                users.remove(&self.user);
            }
        }
        self.board.metrics.sockets.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_letterbox_keeps_what_ends_a_socket() {
        let letterbox = Letterbox::default();
        letterbox.put(Event::Revoked, 0);
        for at_ms in 1..100 {
            letterbox.put(Event::Paused(crate::crypto::Sid::DEV), at_ms);
            letterbox.put(Event::Paused(crate::crypto::Sid::DEV), at_ms);
        }
        let taken = letterbox.take().await;
        assert_eq!((taken.len(), taken[0], taken[WAITING - 1].1), (WAITING, (Event::Revoked, 0), 99));
    }

    #[test]
    fn places_are_limited_and_given_back() -> Result<(), Box<dyn std::error::Error>> {
        let board = Arc::new(Board::new(3, 2, Metrics::default()));
        let user: UserId = "111".parse()?;
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        let first = board.sit(&user, here)?;
        let _second = board.sit(&user, here)?;
        assert!(board.sit(&user, here).is_err(), "two from one address");
        let _third = board.sit(&user, there)?;
        assert!(board.sit(&user, there).is_err(), "three in all");
        drop(first);
        assert!(board.sit(&user, here).is_ok());
        assert!(board.sit(&"112".parse()?, here).is_ok(), "another user");
        Ok(())
    }
}

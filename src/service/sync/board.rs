//! The open sockets of this node, by user, and their letterboxes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::Metrics;
use super::crowd::{Sitting, leaver};
use crate::crypto::Sid;
use crate::model::lock::lock;
use crate::model::{Millis, UserId};
use crate::signal::{Event, Signal};

/// Signals that wait for one socket; it takes them at once, so more means that it hangs.
const WAITING: usize = 16;

fn is_final(event: Event) -> bool {
    matches!(event, Event::Acknowledged(_) | Event::Revoked)
}

/// What a socket is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) event: Event,
    /// By the clock of the node that it comes from.
    pub(super) at_ms: Millis,
    /// Found in the store, so perhaps known already or older than the socket; else it happens now.
    pub(super) is_found: bool,
}

#[derive(Default)]
struct Contents {
    letters: Vec<Letter>,
    /// The sessions whose codes the socket has shown: the user's others are none of its business.
    shown: Vec<Sid>,
    /// A phone has come with one of them.
    is_scanned: bool,
    /// The socket's place is another's now.
    has_to_leave: bool,
}

/// One socket's letterbox: a few bytes while nothing happens.
#[derive(Default)]
pub(super) struct Letterbox {
    contents: Mutex<Contents>,
    arrived: Notify,
}

impl Letterbox {
    /// From now on takes what is said of this session; before its code is sent.
    pub(super) fn shows(&self, sid: Sid) {
        lock(&self.contents).shown.push(sid);
    }

    pub(super) fn put(&self, letter: Letter) {
        let mut contents = lock(&self.contents);
        let Contents { letters, shown, is_scanned, .. } = &mut *contents;
        let is_ours = match letter.event {
            Event::Revoked => true,
            // the development session signals all sockets of its user
            Event::Paused(sid) | Event::Resumed(sid) | Event::Acknowledged(sid) => {
                sid == Sid::DEV || shown.contains(&sid)
            }
        };
        if !is_ours || letters.contains(&letter) {
            return;
        }
        *is_scanned |= matches!(letter.event, Event::Paused(_) | Event::Acknowledged(_));
        if letters.len() >= WAITING {
            // what ends a socket is kept: the rest only changes what it shows
            match letters.iter().position(|known| !is_final(known.event)) {
                Some(passing) => letters.remove(passing),
                None => return,
            };
        }
        letters.push(letter);
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

    /// Waits until there is at least one letter. `None`: the socket has to leave.
    pub(super) async fn take(&self) -> Option<Vec<Letter>> {
        loop {
            let (taken, has_to_leave) = {
                let mut contents = lock(&self.contents);
                (std::mem::take(&mut contents.letters), contents.has_to_leave)
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

impl Board {
    /// So many places of one user, and of one user from one address: one at least, so that whoever is refused finds others
    /// there, and leaves no empty list behind.
    pub fn new(per_user: usize, per_address: usize, metrics: Metrics) -> Self {
        Self { users: Mutex::default(), per_user: per_user.max(1), per_address: per_address.max(1), metrics }
    }

    /// Takes a place for a socket, until the seat is dropped, or until others need it more.
    pub(super) fn sit(self: &Arc<Self>, user: &UserId, address: IpAddr) -> Result<Seat, Full> {
        let mut users = lock(&self.users);
        let places = users.entry(user.clone()).or_default();
        let from_here = places.iter().filter(|place| place.address == address).count();
        if from_here >= self.per_address {
            return Err(Full);
        }
        if places.len() >= self.per_user {
            let sitting = |place: &Place| Sitting { address: place.address, is_scanned: place.letterbox.is_scanned() };
            let sitting: Vec<_> = places.iter().map(sitting).collect();
            places.remove(leaver(&sitting, address).ok_or(Full)?).letterbox.leave();
        }
        let letterbox = Arc::new(Letterbox::default());
        places.reserve_exact(1);
        places.push(Place { address, letterbox: letterbox.clone() });
        self.metrics.sockets.inc();
        Ok(Seat { board: self.clone(), user: user.clone(), letterbox })
    }

    /// Tells every socket of a user what happens now.
    pub fn deliver(&self, signal: &Signal) {
        self.put(signal, false);
    }

    /// Tells every socket of a user what the store says has happened.
    pub(super) fn deliver_found(&self, signal: &Signal) {
        self.put(signal, true);
    }

    fn put(&self, signal: &Signal, is_found: bool) {
        if let Some(places) = lock(&self.users).get(&signal.user) {
            for place in places {
                place.letterbox.put(Letter { event: signal.event, at_ms: signal.at_ms, is_found });
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
        let live = |event, at_ms| Letter { event, at_ms, is_found: false };
        letterbox.put(live(Event::Revoked, 0));
        for at_ms in 1..100 {
            letterbox.put(live(Event::Paused(Sid::DEV), at_ms));
            letterbox.put(live(Event::Paused(Sid::DEV), at_ms));
        }
        let taken = letterbox.take().await.unwrap_or_default();
        assert_eq!((taken.len(), taken[0].event, taken[WAITING - 1].at_ms), (WAITING, Event::Revoked, 99));
    }

    #[tokio::test]
    async fn other_sessions_take_no_room_in_a_letterbox() -> Result<(), Box<dyn std::error::Error>> {
        let letterbox = Letterbox::default();
        let ours: Sid = "00112233445566778899aabbccddeeff".parse()?;
        letterbox.shows(ours);
        for n in 1..100 {
            let event = Event::Acknowledged(format!("{n:032x}").parse()?);
            letterbox.put(Letter { event, at_ms: n, is_found: false });
        }
        let acknowledged = Letter { event: Event::Acknowledged(ours), at_ms: 5, is_found: false };
        letterbox.put(acknowledged);
        assert_eq!(letterbox.take().await, Some(vec![acknowledged]));
        Ok(())
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
        drop(first);
        assert!(board.sit(&user, here).is_ok());
        assert!(board.sit(&"112".parse()?, here).is_ok(), "another user");
        Ok(())
    }

    #[tokio::test]
    async fn who_has_to_leave_hears_first_what_has_come() -> Result<(), Box<dyn std::error::Error>> {
        let board = Arc::new(Board::new(2, 2, Metrics::default()));
        let user: UserId = "111".parse()?;
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse()?, "127.0.0.2".parse()?);
        let (oldest, _second) = (board.sit(&user, here)?, board.sit(&user, here)?);
        board.deliver(&Signal { user: user.clone(), event: Event::Revoked, at_ms: 5 });
        let third = board.sit(&user, there)?;
        assert!(oldest.letterbox.take().await.is_some_and(|letters| letters.len() == 1));
        assert_eq!(oldest.letterbox.take().await, None);
        drop(oldest);
        let elsewhere = "127.0.0.3".parse()?;
        assert!(board.sit(&user, elsewhere).is_err(), "its place was given back once");
        drop(third);
        assert!(board.sit(&user, elsewhere).is_ok());
        Ok(())
    }
}

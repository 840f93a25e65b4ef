//! Who goes when a user's places are full.

use std::collections::HashMap;
use std::net::IpAddr;

/// An open socket, as far as that asks.
#[derive(Clone, Copy)]
pub(super) struct Sitting {
    pub(super) address: IpAddr,
    /// A phone has come with one of its codes.
    pub(super) is_scanned: bool,
}

/// The one of these, oldest first, that makes room for a socket from `newcomer`; `None`: the newcomer goes.
///
/// It is the oldest of the address that has most of them, the newcomer counted; of two with as many, that of the one
/// which came last. One whose code was scanned stays, but an address pairs one phone at a time: who scans their own
/// codes keeps one place so, not all.
pub(super) fn leaver(sitting: &[Sitting], newcomer: IpAddr) -> Option<usize> {
    let mut addresses: HashMap<IpAddr, (usize, usize)> = HashMap::new();
    for (at, address) in sitting.iter().map(|one| one.address).chain([newcomer]).enumerate() {
        let (count, _came) = addresses.entry(address).or_insert((0, at));
        *count += 1;
    }
    let (crowded, _) = addresses.into_iter().max_by_key(|(_, size)| *size)?;
    let mut theirs = sitting.iter().enumerate().filter(|(_, one)| one.address == crowded);
    let idle = theirs.clone().find(|(_, one)| !one.is_scanned);
    // another address is the most crowded with two at least: one stays
    idle.or_else(|| theirs.next().filter(|_| crowded != newcomer)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    /// Sockets by the last byte of their addresses; below zero: scanned.
    fn leaver_of(sitting: &[i8], newcomer: u8) -> Option<usize> {
        let sitting: Vec<_> =
            sitting.iter().map(|&one| Sitting { address: address(one.unsigned_abs()), is_scanned: one < 0 }).collect();
        leaver(&sitting, address(newcomer))
    }

    #[test]
    fn the_oldest_of_the_most_crowded_address_goes() {
        assert_eq!(leaver_of(&[1, 2, 2, 1, 2], 3), Some(1));
        assert_eq!(leaver_of(&[1, 2, 1, 2], 1), Some(0), "its own, with the newcomer");
    }

    #[test]
    fn a_tie_is_broken_against_who_came_last() {
        assert_eq!(leaver_of(&[1, 2, 2, 1], 3), Some(1));
        assert_eq!(leaver_of(&[1, 2, 2], 1), Some(1), "the newcomer's address was there first");
        assert_eq!(leaver_of(&[1, 1, 2], 2), Some(2));
        assert_eq!(leaver_of(&[1, 2, 3], 4), None, "each has one");
        assert_eq!(leaver_of(&[], 1), None);
    }

    #[test]
    fn what_was_scanned_stays_and_that_is_one_of_an_address() {
        assert_eq!(leaver_of(&[-1, 1, 1, 2], 3), Some(1));
        assert_eq!(leaver_of(&[2, -1, -1, -1], 3), Some(1), "its own scans keep no other out");
        assert_eq!(leaver_of(&[-1, -1, 2], 1), None, "nor does its newcomer");
        assert_eq!(leaver_of(&[-1, -2, -3], 4), None);
    }
}

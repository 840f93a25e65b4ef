//! Who goes when a user's places are full.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

/// An open socket, as far as that asks.
#[derive(Clone, Copy)]
pub(super) struct SocketEvictionCandidate {
    pub(super) address: IpAddr,
    /// A phone has come with one of its codes.
    pub(super) is_scanned: bool,
}

/// The one of these, oldest first, that makes room for a socket from `newcomer`; `None`: the newcomer goes.
///
/// It is the oldest of the address that has most of them, the newcomer counted; of two with as many, that of the one
/// which came last. One whose code was scanned stays, as long as an address that has more than the newcomer's, or is
/// the newcomer's, has another. Only then it goes as well: a first step needs no password, and who floods could scan
/// all codes of their own.
pub(super) fn evicted(occupants: &[SocketEvictionCandidate], newcomer: IpAddr) -> Option<usize> {
    let mut addresses: HashMap<IpAddr, (usize, usize)> = HashMap::new();
    for (at, address) in occupants.iter().map(|one| one.address).chain([newcomer]).enumerate() {
        let (count, _came) = addresses.entry(address).or_insert((0, at));
        *count += 1;
    }
    let mut crowds: Vec<_> = addresses.into_iter().collect();
    crowds.sort_unstable_by_key(|(_, size)| Reverse(*size));
    for (address, _) in &crowds {
        let idle = occupants.iter().position(|one| one.address == *address && !one.is_scanned);
        if idle.is_some() {
            return idle;
        }
        if *address == newcomer {
            break;
        }
    }
    // another address is the most crowded with two at least: one stays
    let (crowded, _) = crowds.first().filter(|(crowded, _)| *crowded != newcomer)?;
    occupants.iter().position(|one| one.address == *crowded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    /// Sockets by the last byte of their addresses; below zero: scanned.
    fn evicted_of(occupants: &[i8], newcomer: u8) -> Option<usize> {
        let occupants: Vec<_> = occupants
            .iter()
            .map(|&one| SocketEvictionCandidate { address: address(one.unsigned_abs()), is_scanned: one < 0 })
            .collect();
        evicted(&occupants, address(newcomer))
    }

    #[test]
    fn the_oldest_of_the_most_crowded_address_goes() {
        assert_eq!(evicted_of(&[1, 2, 2, 1, 2], 3), Some(1));
        assert_eq!(evicted_of(&[1, 2, 1, 2], 1), Some(0), "its own, with the newcomer");
    }

    #[test]
    fn a_tie_is_broken_against_who_came_last() {
        assert_eq!(evicted_of(&[1, 2, 2, 1], 3), Some(1));
        assert_eq!(evicted_of(&[1, 2, 2], 1), Some(1), "the newcomer's address was there first");
        assert_eq!(evicted_of(&[1, 1, 2], 2), Some(2));
        assert_eq!(evicted_of(&[1, 2, 3], 4), None, "each has one");
        assert_eq!(evicted_of(&[], 1), None);
    }

    #[test]
    fn what_was_scanned_stays_where_another_can_go() {
        assert_eq!(evicted_of(&[-1, 1, 1, 2], 3), Some(1));
        assert_eq!(evicted_of(&[-1, -1, -1, 2, 2], 3), Some(3), "an address with more than the newcomer's");
        assert_eq!(evicted_of(&[-1, -1, 2, -2], 3), Some(2));
        assert_eq!(evicted_of(&[-1, -1, -1, 2], 2), Some(3), "the newcomer's own");
        assert_eq!(evicted_of(&[2, -1, -1, -1], 3), Some(1), "its own scans keep no other out");
        assert_eq!(evicted_of(&[-1, -1, 2], 1), None, "nor does its newcomer");
        assert_eq!(evicted_of(&[-1, -2, -3], 4), None);
    }
}

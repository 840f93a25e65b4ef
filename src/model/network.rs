//! Which network an address stands for, where somebody's requests are counted by where they come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How much of an IPv6 address is its network's.
const NETWORK: u128 = !0 << 64;

/// `64:ff9b::/96` (RFC 6052): an IPv4 address stands behind it.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// By what a device is counted: its IPv4 address, whichever way that is written, or the /64 of its IPv6 address, in
/// which it may have as many addresses as it likes.
pub fn device_network(address: IpAddr) -> IpAddr {
    let IpAddr::V6(long) = address.to_canonical() else { return address.to_canonical() };
    if long.segments().starts_with(&NAT64) {
        let [.., first, second, third, fourth] = long.octets();
        return Ipv4Addr::new(first, second, third, fourth).into();
    }
    Ipv6Addr::from(u128::from(long) & NETWORK).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_counted_by_its_network() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("64:ff9b::c000:207", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::1", "::"),
        ] {
            let found = address.parse().map(device_network);
            assert_eq!(found.map(|found: IpAddr| found.to_string()), Ok(network.to_owned()), "{address}");
        }
    }
}

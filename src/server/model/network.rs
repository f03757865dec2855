//! Which addresses count as one, where something is counted by address.

use std::net::{IpAddr, Ipv6Addr};

/// What an address is counted as: itself, and the first address of its /64 for IPv6, because that much is one customer's
/// (RFC 6177).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

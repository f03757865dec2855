//! Groups client addresses for rate limits.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the address itself for IPv4, and the first address of its /64 for IPv6, because one customer has at least
/// that much (RFC 6177).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

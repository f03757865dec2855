//! Trusted proxies, and the header in which they forward the client IP.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::Deserialize;

use super::Proxies;

/// A network or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = || text.parse().map(|address: IpAddr| address.to_canonical().into());
        let network = text.parse::<IpNet>().or_else(|_| address());
        network.map(Self).map_err(|_| NotANetwork(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The header in which a proxy forwards the client IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: comma-separated addresses.
    XForwardedFor,
}

impl<'de> Deserialize<'de> for ForwardedHeader {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            other => Err(serde::de::Error::custom(format!(
                "proxies.header: \"{other}\" is not supported. Use \"x-forwarded-for\", and configure the proxy to \
                 append to X-Forwarded-For"
            ))),
        }
    }
}

impl Proxies {
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.0.contains(&address))
    }
}

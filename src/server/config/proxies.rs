//! Which proxies are believed, and by which header.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::Deserialize;

use super::Proxies;

/// A network, or a single address, as an operator writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// What is not a network.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = || {
            text.parse::<IpAddr>()
                .map(|address| IpNet::from(address.to_canonical()))
        };
        text.parse()
            .or_else(|_| address())
            .map(Self)
            .map_err(|_| NotANetwork(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The header in which a proxy says where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses with commas in between.
    XForwardedFor,
}

impl<'de> Deserialize<'de> for ForwardedHeader {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            other => Err(serde::de::Error::custom(format!(
                "proxies.header: \"{other}\" is not supported. Have the proxy add to X-Forwarded-For, and write \
                 \"x-forwarded-for\""
            ))),
        }
    }
}

impl Proxies {
    /// Whether this is one of the proxies that are believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.0.contains(&address))
    }
}

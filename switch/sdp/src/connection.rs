//! The value of a `c=` line (RFC 8866 section 5.7), and the address part of `a=rtcp` (RFC 3605).
//!
//! The core resolves no names, so a domain name is told apart from an address and refused where audio needs it;
//! names under `.invalid` mean "no address" (RFC 6337 section 3.3, the IPv6 way of c=0.0.0.0).

use std::net::{IpAddr, Ipv4Addr};

/// What a connection line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// A unicast address, or the unspecified one (hold by RFC 2543).
    Address(IpAddr),
    /// Multicast or broadcast: never a place to send a call's audio to.
    Group,
    /// A domain name.
    Name,
}

impl Connection {
    /// Reads `IN IP4 192.0.2.1`; None when it does not have that form.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (net, family, host) = (words.next()?, words.next()?, words.next()?);
        let known =
            net.eq_ignore_ascii_case("IN") && matches!(family, "IP4" | "IP6" | "ip4" | "ip6");
        if !known || words.next().is_some() {
            return None;
        }
        Some(Self::of_host(host))
    }

    fn of_host(host: &str) -> Self {
        let bare = host.split_once('/').map_or(host, |(address, _ttl)| address);
        let Ok(address) = bare.parse::<IpAddr>() else {
            let lower = bare.trim_end_matches('.').to_ascii_lowercase();
            return if lower == "invalid" || lower.ends_with(".invalid") {
                Self::Address(Ipv4Addr::UNSPECIFIED.into())
            } else {
                Self::Name
            };
        };
        let address = address.to_canonical();
        if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            Self::Group
        } else {
            Self::Address(address)
        }
    }

    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Group | Self::Name => None,
        }
    }
}

/// The network, family and address fields of a `c=`, `o=` or `a=rtcp` line for an address.
pub(crate) fn print(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("IN IP4 {v4}"),
        IpAddr::V6(v6) => format!("IN IP6 {v6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_connection() {
        let address = |text: &str| Some(Connection::Address(text.parse().unwrap()));
        for (value, expected) in [
            ("IN IP4 192.0.2.1", address("192.0.2.1")),
            ("IN IP4 0.0.0.0", address("0.0.0.0")),
            ("IN IP6 2001:db8::20", address("2001:db8::20")),
            ("IN IP6 ::ffff:192.0.2.1", address("192.0.2.1")),
            ("IN IP6 host.invalid", address("0.0.0.0")),
            ("IN  IP4  192.0.2.1 ", address("192.0.2.1")),
            ("IN IP4 224.2.1.1/127", Some(Connection::Group)),
            ("IN IP6 ff15::101/3", Some(Connection::Group)),
            ("IN IP4 255.255.255.255", Some(Connection::Group)),
            ("IN IP4 media.example.com", Some(Connection::Name)),
            ("IN IP4 300.1.1.1", Some(Connection::Name)),
            ("IN IP5 192.0.2.1", None),
            ("IN IP4", None),
            ("IN IP4 192.0.2.1 trailing", None),
            ("", None),
        ] {
            assert_eq!(Connection::parse(value), expected, "{value:?}");
        }
    }
}

//! Who may speak to the switch at all: address ranges an operator ruled on, blocks that stand, and how strict the
//! guard is. What it does with them is in `guard`.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};
use tandem_billing::UtcMs;

/// A range of addresses: those that agree in the leading bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix_len: u8,
}

impl Network {
    /// Bits below `prefix_len` are cleared; IPv4 mapped into IPv6 is taken as IPv4.
    #[must_use]
    pub fn new(address: IpAddr, prefix_len: u8) -> Self {
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) => Self::of_v4(v4, prefix_len.saturating_sub(96)),
            (_, IpAddr::V4(v4)) => Self::of_v4(v4, prefix_len),
            (_, IpAddr::V6(v6)) => {
                let prefix_len = prefix_len.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix_len));
                let bits = u128::from(v6) & mask.unwrap_or(0);
                Self {
                    address: Ipv6Addr::from(bits).into(),
                    prefix_len,
                }
            }
        }
    }

    fn of_v4(address: Ipv4Addr, prefix_len: u8) -> Self {
        let prefix_len = prefix_len.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix_len));
        let bits = u32::from(address) & mask.unwrap_or(0);
        Self {
            address: Ipv4Addr::from(bits).into(),
            prefix_len,
        }
    }

    /// What counts as one source: an IPv4 address, or the 2^64 addresses that whoever has one of IPv6 has.
    #[must_use]
    pub fn of_source(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::of_v4(v4, 32),
            v6 @ IpAddr::V6(_) => Self::new(v6, 64),
        }
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Leading bits that must agree.
    #[must_use]
    pub fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// Whether some address is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && Self::new(address, self.prefix_len) == *self
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl TryFrom<String> for Network {
    type Error = <Self as FromStr>::Err;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Network {
    type Err = String;

    /// An address stands for itself alone; a source of IPv6 is written with its `/64`.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!("{text:?} is no address and no range such as 203.0.113.0/24 or 2001:db8::/64")
        };
        let (address, prefix_len) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse().map_err(|_| fault())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        match prefix_len.unwrap_or(whole) {
            length if length <= whole => Ok(Self::new(address, length)),
            _ => Err(fault()),
        }
    }
}

/// Values by range; the narrowest range that contains an address counts.
#[derive(Clone, Debug)]
pub struct NetworkMap<T> {
    values: BTreeMap<Network, T>,
    /// Lengths there are, longest first: IPv4, IPv6.
    lengths: [Vec<u8>; 2],
}

impl<T> Default for NetworkMap<T> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            lengths: [Vec::new(), Vec::new()],
        }
    }
}

impl<T> NetworkMap<T> {
    /// Of these; of two alike the later counts.
    pub fn build(values: impl IntoIterator<Item = (Network, T)>) -> Self {
        let values: BTreeMap<Network, T> = values.into_iter().collect();
        let lengths = |is_v4: bool| {
            let own = values.keys().filter(|n| n.address.is_ipv4() == is_v4);
            let mut lengths: Vec<u8> = own.map(|n| n.prefix_len).collect();
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
            lengths
        };
        let lengths = [lengths(true), lengths(false)];
        Self { values, lengths }
    }

    /// What the narrowest range around an address says, of those that hold.
    pub fn find(&self, address: IpAddr, holds: impl Fn(&T) -> bool) -> Option<&T> {
        let address = address.to_canonical();
        let [v4, v6] = &self.lengths;
        let mut lengths = if address.is_ipv4() { v4 } else { v6 }.iter();
        lengths.find_map(|length| {
            let value = self.values.get(&Network::new(address, *length));
            value.filter(|value| holds(value))
        })
    }
}

/// What a rule says of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceVerdict {
    /// What comes from there is dropped unread, connections are refused.
    Block,
    /// The guard never slows or blocks them.
    Allow,
}

/// Who made a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOrigin {
    /// An operator: it goes before what the guard found.
    Operator,
    /// The guard.
    Guard,
}

/// A rule about addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRule {
    /// Which.
    pub network: Network,
    /// What becomes of them.
    pub verdict: SourceVerdict,
    /// Who said so.
    pub origin: RuleOrigin,
    /// When it no longer holds; never if None.
    pub expires_at: Option<UtcMs>,
    /// Blocks of the source so far, this one included, if the guard made it.
    pub repeats: u32,
}

/// All rules there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// The journal batch up to which the guard's own are among them.
    pub as_of: u64,
    /// In any order, one per range.
    pub rows: Vec<SourceRule>,
}

/// How strict the guard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Whether it acts at all. An operator's own rules hold in any case.
    pub enabled: bool,
    /// Points at which a source is slowed.
    pub slow_at: u32,
    /// Points at which it is blocked.
    pub block_at: u32,
    /// Seconds after which half of its points are forgotten.
    pub half_life_s: u32,
    /// Seconds of the first block; each further one lasts twice as long.
    pub block_s: u32,
    /// Seconds of the longest; also how long a block is remembered after its end.
    pub longest_block_s: u32,
    /// Hours for which a source from which a phone has proved itself is trusted with what anyone could have
    /// forged in its name.
    pub proof_h: u32,
    /// Whether the machine's own addresses are held to it as well.
    pub loopback: bool,
    /// What scanners call themselves, parts of it, in any case.
    pub scanners: Vec<String>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            slow_at: 50,
            block_at: 100,
            half_life_s: 600,
            block_s: 300,
            longest_block_s: 86_400,
            proof_h: 24,
            loopback: false,
            scanners: SCANNERS.map(str::to_owned).to_vec(),
        }
    }
}

/// Names that tools of attackers give themselves unless told otherwise.
pub const SCANNERS: [&str; 12] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "sip-scan",
    "sipscan",
    "pplsip",
    "vaxsipuseragent",
    "vaxipuseragent",
    "siparmyknife",
    "warvox",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn ranges_are_read_and_written() {
        for (text, written) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8:1:2:3::4/64", "2001:db8:1:2::/64"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::/0", "::/0"),
        ] {
            let network: Network = text.parse().expect(text);
            assert_eq!(network.to_string(), written);
            assert_eq!(written.parse(), Ok(network), "it reads what it writes");
        }
        for text in [
            "",
            "203.0.113.7/33",
            "2001:db8::/129",
            "a/24",
            "203.0.113.7/",
            "/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_narrowest_range_counts_and_families_are_apart() {
        let rows = [
            "0.0.0.0/0",
            "203.0.113.0/24",
            "203.0.113.7/32",
            "2001:db8::/32",
        ];
        let map = NetworkMap::build(rows.map(|row| (row.parse().expect(row), row)));
        for (address, found) in [
            ("203.0.113.7", Some("203.0.113.7/32")),
            ("::ffff:203.0.113.7", Some("203.0.113.7/32")),
            ("203.0.113.8", Some("203.0.113.0/24")),
            ("198.51.100.1", Some("0.0.0.0/0")),
            ("2001:db8:ffff::1", Some("2001:db8::/32")),
            ("2001:db9::1", None),
        ] {
            assert_eq!(map.find(ip(address), |_| true), found.as_ref(), "{address}");
        }
        let wide = map.find(ip("203.0.113.7"), |row| !row.ends_with("/32"));
        assert_eq!(
            wide,
            Some(&"203.0.113.0/24"),
            "a rule that is over hides none"
        );
    }

    #[test]
    fn one_source_is_an_address_or_a_network_of_64_bits() {
        assert_eq!(
            Network::of_source(ip("::ffff:192.0.2.1")).to_string(),
            "192.0.2.1/32"
        );
        let source = Network::of_source(ip("2001:db8::1"));
        assert_eq!(source.to_string(), "2001:db8::/64");
        assert!(source.contains(ip("2001:db8::ffff")) && !source.contains(ip("2001:db8:0:1::")));
    }
}

//! What can go wrong in a day. Each kind can be left out, to see which of them a failure needs.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Datagrams are lost.
    Loss,
    /// Datagrams come twice.
    Duplicates,
    /// Datagrams are late and overtake each other.
    Delay,
    /// Bytes are changed on the way.
    Corruption,
    /// Commits take up to seconds.
    SlowDisk,
    /// Commits fail for a while.
    BrokenDisk,
    /// The process dies and starts again.
    Crash,
    /// The process stands still for some seconds.
    Stall,
    /// The relay has no ports, or reports nothing but silence.
    Relay,
    /// Peers that never ACK, vanish, or answer what was cancelled.
    BadPeers,
    /// Payments, returns, hang-ups, unregistering.
    Acts,
    /// Tariffs, limits and routes change during calls.
    Edits,
    /// Re-INVITEs of both sides.
    Holds,
    /// Parties of a call send the other one to somebody else.
    Transfers,
    /// Sessions expire unless they are refreshed, by the switch or by callers.
    Sessions,
    /// The day ends with a drain while calls are up.
    Drain,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Loss,
        Self::Duplicates,
        Self::Delay,
        Self::Corruption,
        Self::SlowDisk,
        Self::BrokenDisk,
        Self::Crash,
        Self::Stall,
        Self::Relay,
        Self::BadPeers,
        Self::Acts,
        Self::Edits,
        Self::Holds,
        Self::Transfers,
        Self::Sessions,
        Self::Drain,
    ];
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|trouble| trouble.to_string() == text);
        known.ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
            format!(
                "no trouble is called {text:?}; there are {}",
                names.join(", ")
            )
        })
    }
}

/// Which kinds a day has.
pub type Troubles = BTreeSet<Trouble>;

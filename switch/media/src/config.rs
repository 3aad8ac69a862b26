//! What the relay is told at its start, and its own counters.

use std::path::PathBuf;

/// How the relay is set up.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// First port of the range; an odd one is rounded up.
    pub first_port: u16,
    /// Last port of the range, the RTCP port of the last pair included.
    pub last_port: u16,
    /// Relay threads, 1 to 64.
    pub threads: usize,
    /// Silence from both sides after which a call is reported inactive, in seconds; 0 never.
    pub inactive_after_s: u32,
    /// Seconds between two [`Progress`](tandem_sdp::RelayReport::Progress) reports of a call; 0 never.
    pub progress_every_s: u32,
    /// Folder of recordings, made with the first one; without it none can be made.
    pub recordings: Option<PathBuf>,
    /// Folder of sound files; without it none can be played.
    pub sounds: Option<PathBuf>,
}

/// Totals of all relay threads since their start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Relays open now.
    pub open: u64,
    /// Orders for an id that is not open (closed already, or never opened).
    pub unknown: u64,
    /// Packets passed on, RTP and RTCP.
    pub relayed: u64,
    /// Packets the kernel would not take.
    pub unsent: u64,
    /// Microseconds spent on coding audio anew and listening to it.
    pub coding_us: u64,
    /// The last second's share of that in one processor core, summed over the threads: percent.
    pub coding_percent: u32,
}

//! Where a side's packets may come from, and where they are sent: the rules an outsider must not get around.
//!
//! One [`Latch`] guards one stream (RTP and RTCP have one each). It sees only well-formed packets. In order:
//!
//! 1. **No target, no audio.** Before the side's description is known, nothing is accepted and nothing sent.
//! 2. **Addresses.** `Signalled`: the source IP must be the one the SDP names. `FirstPacket`: it must be that, or
//!    the IP the side's signalling comes from. The port is free: a NAT picks its own. No other IP is ever
//!    accepted, however long the stream is silent.
//! 3. **The exact address of the SDP wins at once**, over any other source latched before.
//! 4. **First one latches.** While nothing is latched, the first source that satisfies 2 is; but where the SDP's
//!    address could be the phone's own (7), a source that was not latched before only once it has waited [`PREFER_US`] for packets of
//!    that exact address: a phone that is what it says it is cannot be raced by a neighbour of its network.
//! 5. **Latched is latched.** From then on only that source is accepted. Another one that satisfies 2 takes over
//!    when the latched one has been silent for [`REBIND_US`] and it continues the same stream (same SSRC: a NAT
//!    changed its mapping; an outsider does not know the 32 random bits), or for [`TAKEOVER_US`] with a new
//!    stream (the phone began anew).
//! 6. **A new target** (re-INVITE with another address) opens the latch again. The old source is passed on for
//!    [`GRACE_US`] without latching, so that late packets do not lock out the new one. The same target again
//!    changes nothing; neither does hold by an unspecified address, which only mutes.
//! 7. **Destination.** `Signalled`: always the SDP's address. `FirstPacket`: the latched source (symmetric RTP,
//!    RFC 4961); before that the SDP's address, if it could be the phone's: a private address behind a public
//!    signalling address is not; the source latched before a new target, or nothing, is used until the phone has sent. Nothing is ever sent to a source that
//!    was not accepted, so the relay cannot be made a reflector.
//! 8. A loopback target of a side that signals from elsewhere is never sent to.
//!
//! Everything refused is counted as `foreign` and dropped. Two consequences are chosen: someone behind the *same*
//! public address as a phone *that is behind NAT* could latch first if he guessed the port (drawn from a shuffled
//! range) before the phone's first packet, and would be heard and hear until the phone's re-INVITE; and a phone whose audio leaves by another public address than its signalling (a carrier
//! NAT pool that does not pair addresses, against RFC 4787 REQ-2) stays unheard, with `foreign` counting, until
//! it names its public address in SDP (STUN): any looser rule would let strangers in.

use std::net::{IpAddr, SocketAddr};

use crate::Micros;
pub use tandem_sdp::Latch as Mode;
use tandem_sdp::relay::is_private;

/// Silence after which another source may continue the same stream (a NAT rebinding loses a few packets).
pub const REBIND_US: Micros = 500_000;
/// Silence after which another source may begin a new stream.
pub const TAKEOVER_US: Micros = 5_000_000;
/// How long packets of the exact address of the SDP are waited for, from the first one of another: a phone that
/// sends at all does so within a few packets of its answer.
pub const PREFER_US: Micros = 250_000;
/// How long the old source is passed on after the target changed.
pub const GRACE_US: Micros = 1_000_000;

/// What the signalling said of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where the SDP wants its packets.
    pub target: SocketAddr,
    /// How its packets are recognised.
    pub mode: Mode,
    /// Where its signalling comes from.
    pub signalling: IpAddr,
}

/// Whether a packet is the side's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on.
    Accepted,
    /// Drop it.
    Foreign,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
    last_us: Micros,
}

/// The guard of one stream of one side.
#[derive(Clone, Debug, Default)]
pub struct Latch {
    rule: Option<Rule>,
    muted: bool,
    latched: Option<Source>,
    /// The source of the target before, and until when it is still passed on.
    old: Option<(SocketAddr, Micros)>,
    /// When the first packet of another source than the SDP's address came, while nothing is latched (rule 4).
    waits_from_us: Option<Micros>,
}

impl Latch {
    /// Takes what the signalling said (rules 1, 6).
    pub fn update(&mut self, rule: Rule, now_us: Micros) {
        self.muted = rule.target.ip().is_unspecified() || rule.target.port() == 0;
        if self.muted && self.rule.is_some() || self.rule == Some(rule) {
            return;
        }
        self.rule = Some(rule);
        self.waits_from_us = None;
        if let Some(source) = self.latched.take() {
            self.old = Some((source.address, now_us + GRACE_US));
        }
    }

    /// Judges a well-formed packet (rules 2 to 6).
    pub fn judge(&mut self, source: SocketAddr, ssrc: u32, now_us: Micros) -> Verdict {
        let Some(rule) = self.rule else {
            return Verdict::Foreign;
        };
        let seen = Source {
            address: source,
            ssrc,
            last_us: now_us,
        };
        match self.latched {
            Some(latched) if latched.address == source => {}
            _ if !rule.allows(source.ip()) => return self.grace(source, now_us),
            _ if source == rule.target => {}
            None => {
                if self.grace(source, now_us) == Verdict::Accepted {
                    return Verdict::Accepted;
                }
                let was_latched = self.old.is_some_and(|(old, _)| old == source);
                let waits_from_us = *self.waits_from_us.get_or_insert(now_us);
                let waited_us = now_us.saturating_sub(waits_from_us);
                if rule.prefers_target() && !was_latched && waited_us < PREFER_US {
                    return Verdict::Foreign;
                }
            }
            Some(latched) => {
                let silent_us = now_us.saturating_sub(latched.last_us);
                let needed_us = if latched.ssrc == ssrc {
                    REBIND_US
                } else {
                    TAKEOVER_US
                };
                if silent_us < needed_us {
                    return Verdict::Foreign;
                }
            }
        }
        self.latched = Some(seen);
        self.old = None;
        Verdict::Accepted
    }

    fn grace(&self, source: SocketAddr, now_us: Micros) -> Verdict {
        match self.old {
            Some((old, until_us))
                if self.latched.is_none() && old == source && now_us < until_us =>
            {
                Verdict::Accepted
            }
            _ => Verdict::Foreign,
        }
    }

    /// Where the side's packets go now (rules 7 and 8).
    #[must_use]
    pub fn destination(&self) -> Option<SocketAddr> {
        let rule = self.rule.filter(|_| !self.muted)?;
        match (rule.mode, self.latched) {
            (Mode::FirstPacket, Some(source)) => Some(source.address),
            (Mode::FirstPacket, None) => {
                let old = self.old.map(|(address, _)| address);
                Some(rule.target)
                    .filter(|_| rule.could_be_reached())
                    .or(old)
            }
            (Mode::Signalled, _) => Some(rule.target).filter(|_| !rule.is_stray_loopback()),
        }
    }

    /// The source accepted now.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        self.latched.map(|source| source.address)
    }
}

impl Rule {
    fn allows(&self, source: IpAddr) -> bool {
        source == self.target.ip() || (self.mode == Mode::FirstPacket && source == self.signalling)
    }

    /// Whether the side's packets are expected from the SDP's very address.
    fn prefers_target(&self) -> bool {
        let named = !self.target.ip().is_unspecified() && self.target.port() != 0;
        self.mode == Mode::FirstPacket && named && self.could_be_reached()
    }

    fn could_be_reached(&self) -> bool {
        let hidden = is_private(self.target.ip()) && !is_private(self.signalling);
        !hidden && !self.is_stray_loopback()
    }

    fn is_stray_loopback(&self) -> bool {
        self.target.ip().is_loopback() && !self.signalling.is_loopback()
    }
}

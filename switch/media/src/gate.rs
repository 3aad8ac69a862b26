//! One side's gate: every packet that reaches its ports is judged and counted here, without a socket in sight.

use std::net::{IpAddr, SocketAddr};

use tandem_sdp::{Counters, Stream};

use crate::Micros;
use crate::latch::{Latch, Mode, Rule, Verdict};
use crate::reception::Reception;
use crate::rtcp::{Block, Report, Reports};
use crate::rtp::{RtpHeader, rtcp_sender};

/// Time a packet uses up: 400 packets a second are twice what the shortest packets in use (5 ms) need.
const PACKET_COST_US: Micros = 2_500;
/// Of video: 4,000 packets a second, 40 Mbit/s.
const PICTURE_COST_US: Micros = 250;
/// What may be saved up: a burst of 400 packets after a stall of the network.
const SAVED_MAX_US: Micros = 1_000_000;

/// RTP or RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The odd one.
    Rtcp,
}

/// A leaky bucket: bounds floods, and audio that was pointed back at us and goes in circles.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    used_until_us: Micros,
}

impl Bucket {
    fn take(&mut self, cost_us: Micros, now_us: Micros) -> bool {
        let begun = self.used_until_us.max(now_us);
        let allowed = begun - now_us <= SAVED_MAX_US;
        if allowed {
            self.used_until_us = begun + cost_us;
        }
        allowed
    }
}

/// Judges and counts what arrives at a side, and knows where the side takes its packets.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    rtp: Latch,
    rtcp: Latch,
    reception: Reception,
    reports: Reports,
    counters: Counters,
    taken: Bucket,
    /// Of RTCP, which anybody at the side's address may send until its first packet: it takes nothing from audio.
    reports_taken: Bucket,
    stream: Stream,
    last_audio_us: Option<Micros>,
}

impl Gate {
    /// Takes what the side's signalling said; see [`Latch::update`].
    pub fn set_target(&mut self, rtp: Rule, rtcp_target: SocketAddr, now_us: Micros) {
        self.rtp.update(rtp, now_us);
        let mut rtcp = Rule {
            target: rtcp_target,
            ..rtp
        };
        if rtp.target.ip().is_unspecified() || rtp.target.port() == 0 {
            rtcp.target = rtp.target;
        }
        self.rtcp.update(rtcp, now_us);
    }

    /// Where one of the channels is, found by its own means; see [`Latch::update`].
    pub(crate) fn point(&mut self, channel: Channel, rule: Rule, now_us: Micros) {
        match channel {
            Channel::Rtp => self.rtp.update(rule, now_us),
            Channel::Rtcp => self.rtcp.update(rule, now_us),
        }
    }

    /// Whether a packet may pass; counts it either way.
    pub fn admit(
        &mut self,
        channel: Channel,
        packet: &[u8],
        source: SocketAddr,
        now_us: Micros,
    ) -> bool {
        match channel {
            Channel::Rtp => self.admit_rtp(packet, source, now_us),
            Channel::Rtcp => self.admit_rtcp(packet, source, now_us),
        }
    }

    /// Whether a protected packet's source may be the side's at all, before anything is spent on it; counts it if
    /// not. Nothing latches: only [`admit`](Self::admit) of the opened packet does that.
    pub(crate) fn may_be(
        &mut self,
        channel: Channel,
        ssrc: u32,
        source: SocketAddr,
        now_us: Micros,
    ) -> bool {
        let latch = match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        };
        let mut judged = latch.clone();
        let may = judged.judge(source, ssrc, now_us) == Verdict::Accepted;
        if !may {
            // It waits for the address of the description from here on (rule 4 of the latch).
            *latch = judged;
            self.counters.foreign += 1;
        }
        may
    }

    /// A packet that did not bear the side's keys.
    pub(crate) fn note_forged(&mut self) {
        self.counters.forged += 1;
    }

    pub(crate) fn note_foreign(&mut self) {
        self.counters.foreign += 1;
    }

    pub(crate) fn note_malformed(&mut self) {
        self.counters.malformed += 1;
    }

    /// What the side sends from now on.
    pub fn set_stream(&mut self, stream: Stream) {
        self.stream = stream;
    }

    /// Fax has no numbers and no name of its source but the port it comes from.
    fn admit_fax(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros) -> bool {
        let name = u32::from(source.port());
        if self.rtp.judge(source, name, now_us) == Verdict::Foreign {
            self.counters.foreign += 1;
            return false;
        }
        if !self.allow(now_us) {
            return false;
        }
        self.counters.packets += 1;
        self.counters.bytes += packet.len() as u64;
        self.last_audio_us = Some(now_us);
        true
    }

    fn admit_rtp(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros) -> bool {
        match self.stream {
            Stream::Audio | Stream::Video => {}
            Stream::Fax => return self.admit_fax(packet, source, now_us),
        }
        let Some(header) = RtpHeader::parse(packet) else {
            self.counters.malformed += 1;
            return false;
        };
        if self.rtp.judge(source, header.ssrc, now_us) == Verdict::Foreign {
            self.counters.foreign += 1;
            return false;
        }
        if !self.allow(now_us) {
            return false;
        }
        self.counters.packets += 1;
        self.counters.bytes += packet.len() as u64;
        self.reception.count(&header, now_us);
        self.last_audio_us = Some(now_us);
        true
    }

    fn admit_rtcp(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros) -> bool {
        let Some(sender) = rtcp_sender(packet) else {
            self.counters.malformed += 1;
            return false;
        };
        if self.rtcp.judge(source, sender, now_us) == Verdict::Foreign {
            self.counters.foreign += 1;
            return false;
        }
        let allowed = self.reports_taken.take(PACKET_COST_US, now_us);
        self.counters.excess += u64::from(!allowed);
        allowed
    }

    fn allow(&mut self, now_us: Micros) -> bool {
        let cost_us = match self.stream {
            Stream::Audio | Stream::Fax => PACKET_COST_US,
            Stream::Video => PICTURE_COST_US,
        };
        let allowed = self.taken.take(cost_us, now_us);
        self.counters.excess += u64::from(!allowed);
        allowed
    }

    /// A report of the other side is on its way to this one.
    pub fn note_report_sent(&mut self, report: u32, now_us: Micros) {
        self.reports.note_sent(report, now_us);
    }

    /// What this side says of the other's stream, of which `sender` has the reception.
    pub fn note_report(&mut self, report: &Report, sender: &Self, now_us: Micros) {
        let (ssrc, rate) = sender.reception.stream();
        let of_it = |block: &&Block| ssrc == Some(block.ssrc);
        if let Some(block) = report.blocks.iter().find(of_it) {
            self.reports.note_heard(block, rate, now_us);
        }
    }

    /// Where the side takes its packets now.
    #[must_use]
    pub fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        match channel {
            Channel::Rtp => self.rtp.destination(),
            Channel::Rtcp => self.rtcp.destination(),
        }
    }

    /// When the last audio packet passed.
    #[must_use]
    pub fn last_audio_us(&self) -> Option<Micros> {
        self.last_audio_us
    }

    /// The counters as they stand.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            lost: self.reception.lost(),
            jitter_us: self.reception.jitter_us(),
            heard: self.reports.heard(),
            ..self.counters
        }
    }
}

/// A side's rule, with a target of another family than its sockets made unspecified: nothing can be sent there.
#[must_use]
pub fn rule_for(local: IpAddr, target: SocketAddr, mode: Mode, signalling: IpAddr) -> Rule {
    let mut target = SocketAddr::new(target.ip().to_canonical(), target.port());
    if target.is_ipv4() != local.is_ipv4() {
        target.set_port(0);
    }
    Rule {
        target,
        mode,
        signalling: signalling.to_canonical(),
    }
}

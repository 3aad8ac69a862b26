//! Pointing a description at our relay, so that no address of the other leg stays in it.
//!
//! The description is written anew line by line: `o=`, `c=`, the audio port and `a=rtcp` become ours; lines that
//! name other transports or keys (ICE, DTLS, SDES, capability negotiation) are left out because the relay ends
//! them; media other than the relayed audio keep their place with port 0 (RFC 3264 section 6).

use std::net::{IpAddr, SocketAddr};

use crate::connection::print;
use crate::session::{Direction, Medium, SessionDescription};

/// The o= line we write: kept per leg, version raised with each change (RFC 3264 section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Stays for the whole dialog.
    pub session_id: u64,
    /// Raised by one whenever the body differs from the last one sent in the dialog.
    pub version: u64,
    /// Our address as the peer sees it.
    pub address: IpAddr,
}

/// Attributes that name an address, a transport or a key the relay ends: ICE (RFC 8839), DTLS (RFC 8122, 8842),
/// SDES (RFC 4568), ZRTP, multiplexing (RFC 5761, 8858, 8843), capability negotiation (RFC 5939), alternative and
/// filtered addresses (RFC 6947, 4570).
const ENDED: &[&str] = &[
    "acap",
    "acfg",
    "alt",
    "altc",
    "candidate",
    "connection",
    "creq",
    "crypto",
    "csup",
    "dtls-id",
    "end-of-candidates",
    "fingerprint",
    "group",
    "ice-lite",
    "ice-mismatch",
    "ice-options",
    "ice-pacing",
    "ice-pwd",
    "ice-ufrag",
    "key-mgmt",
    "pcfg",
    "remote-candidates",
    "rtcp-mux",
    "rtcp-mux-only",
    "setup",
    "source-filter",
    "tcap",
    "tls-id",
    "tool",
    "zrtp-hash",
];

impl SessionDescription {
    /// Points audio at our relay: `c=`, the `m=` port, `a=rtcp` and `o=` are replaced (no address of the other leg
    /// stays); the session's name, its contacts, ICE, DTLS and key lines are taken out; further media lines are rejected with port 0, in place. A
    /// hold by `c=0.0.0.0` becomes a direction attribute, since our address stands in its stead. Secured profiles
    /// become the plain one: what the leg's own transport needs is put on by [`dress`](Self::dress). `video`: where
    /// the [video line](Self::video_target) is pointed at, instead of being rejected.
    pub fn rewrite(&mut self, rtp: SocketAddr, video: Option<SocketAddr>, origin: Origin) {
        let secured = [Medium::Audio, Medium::Video].map(|medium| {
            let profile = self.profile(medium)?;
            profile.is_secure().then_some((medium, profile))
        });
        let video = self.video_section().zip(video);
        let audio = self.audio_section();
        let hold = self
            .audio_ip()
            .filter(|ip| ip.is_unspecified() && !self.has_ice())
            .map(|_| self.direction());
        let mut new = Self {
            text: Vec::with_capacity(self.text.len() + 128),
            lines: Vec::with_capacity(self.lines.len() + 4),
        };
        self.write_session(&mut new, rtp, origin, hold);
        let starts: Vec<usize> = self.media_starts().collect();
        for start in starts {
            if audio.as_ref().is_some_and(|audio| audio.start == start) {
                self.write_audio(&mut new, start, rtp, hold);
            } else if let Some((section, place)) = &video
                && section.start == start
            {
                self.write_audio(&mut new, start, *place, None);
            } else {
                self.write_rejected(&mut new, start);
            }
        }
        *self = new;
        for (medium, profile) in secured.into_iter().flatten() {
            self.set_profile(medium, profile.plain());
            self.drop_web_only(medium);
        }
    }

    fn write_session(
        &self,
        new: &mut Self,
        rtp: SocketAddr,
        origin: Origin,
        hold: Option<Direction>,
    ) {
        let connection = format!("c={}", print(rtp.ip()));
        let mut connected = false;
        for index in 0..self.session_end() {
            let kind = self.kind(index);
            // The order of RFC 8866 section 5: v o s i u e p c, then the rest.
            if !connected && !matches!(kind, b'v' | b'o' | b's' | b'i' | b'u' | b'e' | b'p') {
                new.push_line(connection.as_bytes());
                connected = true;
            }
            match kind {
                b'v' => {
                    new.push_line(self.line(index));
                    let place = print(origin.address);
                    let line = format!("o=- {} {} {place}", origin.session_id, origin.version);
                    new.push_line(line.as_bytes());
                }
                // A session's name and contacts tell whose phone it is.
                b's' => new.push_line(b"s=-"),
                b'o' | b'c' | b'k' | b'i' | b'u' | b'e' | b'p' => {}
                b'a' if self.is_ended(index, hold) || self.attribute_is(index, "rtcp") => {}
                _ => new.push_line(self.line(index)),
            }
        }
        if !connected {
            new.push_line(connection.as_bytes());
        }
    }

    fn write_audio(&self, new: &mut Self, start: usize, rtp: SocketAddr, hold: Option<Direction>) {
        for index in self.section(start) {
            match self.kind(index) {
                b'm' => {
                    let line = self
                        .media_line(index)
                        .map(|line| line.print_with(rtp.port(), line.formats));
                    new.push_line(line.unwrap_or_default().as_bytes());
                }
                b'c' => new.push_line(format!("c={}", print(rtp.ip())).as_bytes()),
                // The session's own lines have no place here, and tell whose phone it is.
                b'k' | b'o' | b's' | b'u' | b'e' | b'p' => {}
                b'a' if self.is_ended(index, hold) => {}
                b'a' if self.attribute_is(index, "rtcp") => {
                    new.push_line(format!("a=rtcp:{}", rtp.port().saturating_add(1)).as_bytes());
                }
                _ => new.push_line(self.line(index)),
            }
        }
        if let Some(direction) = hold {
            new.push_line(format!("a={}", direction.as_str()).as_bytes());
        }
    }

    pub(crate) fn write_rejected(&self, new: &mut Self, start: usize) {
        let line = self
            .media_line(start)
            .map(|line| line.print_with(0, line.formats));
        new.push_line(line.unwrap_or_default().as_bytes());
    }

    fn is_ended(&self, index: usize, hold: Option<Direction>) -> bool {
        let Some((name, _)) = self.attribute(index) else {
            return false;
        };
        let direction = hold.is_some() && Direction::of_attribute(name).is_some();
        direction || ENDED.iter().any(|ended| ended.eq_ignore_ascii_case(name))
    }

    fn attribute_is(&self, index: usize, name: &str) -> bool {
        self.attribute(index).is_some_and(|(key, _)| key == name)
    }

    /// States the audio direction, in the place of any other direction attribute.
    pub fn set_direction(&mut self, direction: Direction) {
        let Some(section) = self.audio_section() else {
            return;
        };
        let session_end = self.session_end();
        let stated: Vec<usize> = (0..session_end)
            .chain(section.clone())
            .filter(|index| {
                self.attribute(*index)
                    .is_some_and(|(name, _)| Direction::of_attribute(name).is_some())
            })
            .collect();
        let line = format!("a={}", direction.as_str());
        let last = section.end;
        self.push_line(line.as_bytes());
        if let Some(span) = self.lines.pop() {
            self.lines.insert(last.min(self.lines.len()), span);
        }
        for index in stated.into_iter().rev() {
            self.lines.remove(index);
        }
    }
}

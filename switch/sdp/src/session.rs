//! One session description, kept line by line (RFC 8866): parsing with limits, and what its audio says.
//!
//! Lines are ranges of one buffer, so that a description costs two allocations however many lines it has. Only
//! `m=`, `c=` and a few `a=` lines are understood; everything else is carried as it came. Editing stands in
//! [`rewrite`](SessionDescription::rewrite) and [`set_codecs`](SessionDescription::set_codecs).

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

pub use crate::codec::Codec;
pub use crate::rewrite::Origin;

use crate::connection::Connection;
use crate::media_line::MediaLine;

/// Longest body accepted, in bytes: far above any phone's offer, far below what could hurt.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most lines accepted.
pub const MAX_LINES: usize = 400;
/// Most media lines accepted.
pub const MAX_MEDIA: usize = 8;

/// A session description that can be asked about its audio and edited without touching other lines.
#[derive(Clone, Debug, Default)]
pub struct SessionDescription {
    pub(crate) text: Vec<u8>,
    pub(crate) lines: Vec<Span>,
}

/// Where a line stands in the buffer, without its line end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: usize,
    len: usize,
}

/// Which way audio flows, as the describing side sees it (RFC 3264 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways; the default.
    SendRecv,
    /// It only sends: the other side is on hold.
    SendOnly,
    /// It only listens: it accepts being on hold.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Whether the describing side sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the describing side takes audio.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The widest answer to an offer of this direction (RFC 3264 section 6.1).
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::SendRecv => Self::SendRecv,
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    /// The name of its attribute.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub(crate) fn of_attribute(name: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str() == name)
    }
}

/// What is relayed, each by a media line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// The first live audio, or fax in its place.
    Audio,
    /// The first live video.
    Video,
}

/// Why a body is no session description we can work with; answered with 488 or 400.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("session description line {line}: {reason}")]
pub struct SdpError {
    /// Counted from 1; 0 speaks of the whole body.
    pub line: usize,
    /// Lower case, without the offending text.
    pub reason: &'static str,
}

impl SessionDescription {
    /// Reads a body of at most [`MAX_BYTES`], [`MAX_LINES`] and [`MAX_MEDIA`] media lines. Line ends may be CRLF
    /// or LF. Values need not be UTF-8 where nothing is read from them.
    ///
    /// # Errors
    /// A limit passed, a line without `x=`, an unreadable `m=` or `c=` line, or live audio without an address a
    /// relay could send to (none at all, a domain name, a multicast group).
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        if body.len() > MAX_BYTES {
            return Err(SdpError {
                line: 0,
                reason: "longer than 16 KiB",
            });
        }
        let mut sdp = Self {
            text: body.to_vec(),
            lines: Vec::with_capacity(24),
        };
        sdp.split()?;
        if sdp.line(0) != b"v=0" {
            return Err(SdpError {
                line: 1,
                reason: "does not begin with v=0",
            });
        }
        sdp.check_lines()?;
        sdp.check_audio_address()?;
        Ok(sdp)
    }

    fn split(&mut self) -> Result<(), SdpError> {
        let mut start = 0;
        for raw in self.text.split(|byte| *byte == b'\n') {
            let line = raw.strip_suffix(b"\r").unwrap_or(raw);
            let at = self.lines.len() + 1;
            if !line.is_empty() {
                if at > MAX_LINES {
                    return Err(SdpError {
                        line: at,
                        reason: "more than 400 lines",
                    });
                }
                if !matches!(line, [b'a'..=b'z', b'=', ..]) {
                    return Err(SdpError {
                        line: at,
                        reason: "is not of the form x=value",
                    });
                }
                if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
                    return Err(SdpError {
                        line: at,
                        reason: "holds a control character",
                    });
                }
                self.lines.push(Span {
                    start,
                    len: line.len(),
                });
            }
            start += raw.len() + 1;
        }
        Ok(())
    }

    fn check_lines(&self) -> Result<(), SdpError> {
        let mut media = 0;
        for index in 0..self.lines.len() {
            let error = |reason| {
                Err(SdpError {
                    line: index + 1,
                    reason,
                })
            };
            match self.kind(index) {
                b'm' => {
                    media += 1;
                    if media > MAX_MEDIA {
                        return error("more than 8 media lines");
                    }
                    if self.media_line(index).is_none() {
                        return error("is not a readable media line");
                    }
                }
                b'c' if Connection::parse(self.value(index)).is_none() => {
                    return error("is not a readable connection line");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_audio_address(&self) -> Result<(), SdpError> {
        let Some(section) = self.audio_section() else {
            return Ok(());
        };
        let line = section.start + 1;
        match self.connection(&section) {
            None => Err(SdpError {
                line,
                reason: "audio without a connection line",
            }),
            Some(Connection::Name) => Err(SdpError {
                line,
                reason: "audio at a domain name",
            }),
            Some(Connection::Group) => Err(SdpError {
                line,
                reason: "audio at a multicast group",
            }),
            Some(Connection::Address(_)) => Ok(()),
        }
    }

    /// Where the peer says it takes audio, from the first live RTP audio line, secured or not. None without one
    /// (no audio, port 0, or an unknown profile). The address is unspecified (0.0.0.0) when held by RFC 2543.
    #[must_use]
    pub fn audio_target(&self) -> Option<SocketAddr> {
        self.target_of(Medium::Audio)
    }

    /// Where the peer takes RTCP when it does not come on the RTP port: from a=rtcp (RFC 3605), else the audio port + 1. None where
    /// [`audio_target`](Self::audio_target) is, or if there is no such port.
    #[must_use]
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        let section = self.audio_section()?;
        self.rtcp_of(&section, self.audio_target()?)
    }

    fn rtcp_of(&self, section: &Range<usize>, rtp: SocketAddr) -> Option<SocketAddr> {
        let stated = section.clone().find_map(|index| {
            let (_, value) = self.attribute(index).filter(|(name, _)| *name == "rtcp")?;
            let (port, place) = value.split_once(' ').unwrap_or((value, ""));
            let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
            let address = Connection::parse(place).and_then(Connection::address);
            Some(SocketAddr::new(address.unwrap_or(rtp.ip()), port))
        });
        stated.or_else(|| Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?)))
    }

    /// Where the peer says it takes video, and its RTCP: from the first live video line, secured or not, with an
    /// address of its own or the session's. None without one.
    #[must_use]
    pub fn video_target(&self) -> Option<(SocketAddr, SocketAddr)> {
        let rtp = self.target_of(Medium::Video)?;
        Some((rtp, self.rtcp_of(&self.video_section()?, rtp)?))
    }

    pub(crate) fn target_of(&self, medium: Medium) -> Option<SocketAddr> {
        let section = self.section_of(medium)?;
        let address = self.connection(&section)?.address()?;
        let port = self.media_line(section.start)?.port;
        Some(SocketAddr::new(address, port))
    }

    /// The audio direction. Hold by `c=0.0.0.0` takes away receiving (RFC 2543, RFC 3264 section 8.4); without
    /// live audio it is inactive.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let Some(target) = self.audio_target() else {
            return Direction::Inactive;
        };
        let stated = self.stated_direction();
        match (target.ip().is_unspecified() && !self.has_ice(), stated) {
            (false, stated) => stated,
            (true, Direction::SendRecv | Direction::SendOnly) => Direction::SendOnly,
            (true, Direction::RecvOnly | Direction::Inactive) => Direction::Inactive,
        }
    }

    fn stated_direction(&self) -> Direction {
        let audio = self.audio_section().unwrap_or(0..0);
        let of = |index| Direction::of_attribute(self.attribute(index)?.0);
        audio
            .chain(0..self.session_end())
            .find_map(of)
            .unwrap_or(Direction::SendRecv)
    }

    /// How many media lines there are, rejected ones included.
    #[must_use]
    pub fn media_count(&self) -> usize {
        self.media_starts().count()
    }

    /// The description as a SIP body: the lines with CRLF after each.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.lines.iter().map(|span| span.len + 2).sum();
        let mut body = Vec::with_capacity(size);
        for index in 0..self.lines.len() {
            body.extend_from_slice(self.line(index));
            body.extend_from_slice(b"\r\n");
        }
        body
    }
}

/// Lines and sections, for the modules of this crate.
impl SessionDescription {
    /// Line `index` without its line end; empty beyond the last.
    pub(crate) fn line(&self, index: usize) -> &[u8] {
        self.lines
            .get(index)
            .and_then(|span| self.text.get(span.start..span.start + span.len))
            .unwrap_or_default()
    }

    pub(crate) fn kind(&self, index: usize) -> u8 {
        self.line(index).first().copied().unwrap_or_default()
    }

    /// What stands after `x=`; empty if it is not UTF-8.
    pub(crate) fn value(&self, index: usize) -> &str {
        let value = self.line(index).get(2..).unwrap_or_default();
        std::str::from_utf8(value).unwrap_or_default()
    }

    /// Name and value of an `a=` line.
    pub(crate) fn attribute(&self, index: usize) -> Option<(&str, &str)> {
        if self.kind(index) != b'a' {
            return None;
        }
        let value = self.value(index);
        Some(value.split_once(':').unwrap_or((value.trim_end(), "")))
    }

    pub(crate) fn push_line(&mut self, line: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(line);
        self.lines.push(Span {
            start,
            len: line.len(),
        });
    }

    pub(crate) fn replace_line(&mut self, index: usize, line: &str) {
        let start = self.text.len();
        if let Some(span) = self.lines.get_mut(index) {
            self.text.extend_from_slice(line.as_bytes());
            *span = Span {
                start,
                len: line.len(),
            };
        }
    }

    pub(crate) fn media_line(&self, index: usize) -> Option<MediaLine<'_>> {
        if self.kind(index) == b'm' {
            MediaLine::parse(self.value(index))
        } else {
            None
        }
    }

    pub(crate) fn media_starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.lines.len()).filter(|index| self.kind(*index) == b'm')
    }

    /// Index behind the session-level lines.
    pub(crate) fn session_end(&self) -> usize {
        self.media_starts().next().unwrap_or(self.lines.len())
    }

    /// The lines of the media section that begins at `start`.
    pub(crate) fn section(&self, start: usize) -> Range<usize> {
        let end = self.media_starts().find(|next| *next > start);
        start..end.unwrap_or(self.lines.len())
    }

    /// The lines of what stands for audio with us: the first live audio, or else the first live fax.
    pub(crate) fn audio_section(&self) -> Option<Range<usize>> {
        let line = |index: usize| self.media_line(index);
        let is_audio = |at: &usize| line(*at).is_some_and(|line| line.is_relayable_audio());
        let is_fax = |at: &usize| line(*at).is_some_and(|line| line.is_relayable_fax());
        let start = self
            .media_starts()
            .find(is_audio)
            .or_else(|| self.media_starts().find(is_fax))?;
        Some(self.section(start))
    }

    pub(crate) fn section_of(&self, medium: Medium) -> Option<Range<usize>> {
        match medium {
            Medium::Audio => self.audio_section(),
            Medium::Video => self.video_section(),
        }
    }

    /// The lines of the first live video.
    pub(crate) fn video_section(&self) -> Option<Range<usize>> {
        let is_video = |at: &usize| {
            self.media_line(*at)
                .is_some_and(|line| line.is_relayable_video())
        };
        let start = self.media_starts().find(is_video)?;
        Some(self.section(start))
    }

    /// Whether it speaks of fax (T.38) in the place of audio.
    #[must_use]
    pub fn is_fax(&self) -> bool {
        self.audio_section()
            .and_then(|section| self.media_line(section.start))
            .is_some_and(|line| line.is_relayable_fax())
    }

    /// A section's own connection line wins over the session's (RFC 8866 section 5.7).
    pub(crate) fn connection(&self, section: &Range<usize>) -> Option<Connection> {
        let of = |index: usize| match self.kind(index) {
            b'c' => Connection::parse(self.value(index)),
            _ => None,
        };
        section.clone().chain(0..self.session_end()).find_map(of)
    }

    /// With ICE the address of `c=` means nothing, and 0.0.0.0 there is no hold (RFC 8839 section 4.2.1.3).
    pub(crate) fn has_ice(&self) -> bool {
        self.stated(Medium::Audio, "ice-ufrag").next().is_some()
    }

    pub(crate) fn audio_ip(&self) -> Option<IpAddr> {
        self.audio_target().map(|target| target.ip())
    }
}

//! The value of an `m=` line (RFC 8866 section 5.14).

use crate::profile::Profile;

/// One media line, borrowed from its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaLine<'a> {
    pub(crate) kind: &'a str,
    /// 0 means rejected or unused (RFC 3264 section 6).
    pub(crate) port: u16,
    pub(crate) profile: &'a str,
    /// The format list as written, words separated by white space.
    pub(crate) formats: &'a str,
}

impl<'a> MediaLine<'a> {
    /// Reads `audio 49170 RTP/AVP 0 8`; None when it does not have that form.
    pub(crate) fn parse(value: &'a str) -> Option<Self> {
        let (kind, rest) = word(value)?;
        let (ports, rest) = word(rest)?;
        let (profile, formats) = word(rest)?;
        let port = ports.split_once('/').map_or(ports, |(first, _count)| first);
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            kind,
            port: port.parse().ok().filter(|_| digits)?,
            profile,
            formats: formats.trim(),
        })
    }

    /// Audio the relay can carry: alive, and of a known profile.
    pub(crate) fn is_relayable_audio(&self) -> bool {
        self.port != 0
            && self.kind.eq_ignore_ascii_case("audio")
            && Profile::of_name(self.profile).is_some()
    }

    /// Video the relay can carry, as with audio.
    pub(crate) fn is_relayable_video(&self) -> bool {
        self.port != 0
            && self.kind.eq_ignore_ascii_case("video")
            && Profile::of_name(self.profile).is_some()
    }

    /// Fax by T.38 over UDPTL.
    pub(crate) fn is_relayable_fax(&self) -> bool {
        self.port != 0
            && self.kind.eq_ignore_ascii_case("image")
            && self.profile.eq_ignore_ascii_case("udptl")
    }

    /// The same line with another port (a single one) and format list.
    pub(crate) fn print_with(&self, port: u16, formats: &str) -> String {
        format!("m={} {port} {} {formats}", self.kind, self.profile)
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let (first, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (!first.is_empty()).then_some((first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_media_line() {
        for (value, port, relayable) in [
            ("audio 49170 RTP/AVP 0 8", Some(49170), true),
            ("audio 49170/2 RTP/AVP 0", Some(49170), true),
            ("audio 6000 RTP/AVPF 111", Some(6000), true),
            ("audio 0 RTP/AVP 0", Some(0), false),
            ("audio 6000 RTP/SAVP 0", Some(6000), true),
            ("audio 9 UDP/TLS/RTP/SAVPF 111", Some(9), true),
            ("audio 9 TCP/TLS/RTP/SAVPF 111", Some(9), false),
            ("video 6000 RTP/AVP 31", Some(6000), false),
            ("image 6000 udptl t38", Some(6000), false),
            ("audio 6000 udptl t38", Some(6000), false),
            ("audio 6000 RTP/AVP", Some(6000), true),
            ("audio 65536 RTP/AVP 0", None, false),
            ("audio +600 RTP/AVP 0", None, false),
            ("audio x RTP/AVP 0", None, false),
            ("audio 6000", None, false),
            ("", None, false),
        ] {
            let line = MediaLine::parse(value);
            assert_eq!(line.map(|line| line.port), port, "{value:?}");
            assert_eq!(
                line.is_some_and(|line| line.is_relayable_audio()),
                relayable,
                "{value:?}"
            );
        }
    }
}

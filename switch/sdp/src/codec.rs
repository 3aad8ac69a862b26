//! The codecs of the audio line: payload types, their names and parameters, and restricting them.
//!
//! Names are compared without case and reported in lower case; the lines themselves keep their spelling.

use crate::{
    convert::free_number,
    session::{Medium, SessionDescription},
};

/// One codec of the audio line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name in lower case: `pcmu`, `g729`, `telephone-event`.
    pub name: String,
    /// RTP clock in Hz. G.722 says 8000 (RFC 3551 section 4.5.2).
    pub clock_rate: u32,
    /// The parameters of a=fmtp, as written.
    pub fmtp: Option<String>,
}

impl Codec {
    /// DTMF and comfort noise accompany audio but are none by themselves.
    #[must_use]
    pub fn is_auxiliary(&self) -> bool {
        matches!(self.name.as_str(), "telephone-event" | "cn")
    }

    /// Digits as telephone-events (RFC 4733) beside `taken`; 101 unless that is another's.
    #[must_use]
    pub fn telephone_event(taken: &[Self]) -> Self {
        Self {
            payload_type: free_number(101, taken),
            name: "telephone-event".to_owned(),
            clock_rate: 8_000,
            fmtp: Some("0-15".to_owned()),
        }
    }

    /// Whether it is the same encoding under any number: parameters are not compared.
    #[must_use]
    pub fn same_encoding(&self, other: &Self) -> bool {
        self.name == other.name && self.clock_rate == other.clock_rate
    }
}

impl SessionDescription {
    /// The codecs of the audio line in the peer's order of preference. Payload types that are neither static
    /// (RFC 3551) nor described by a=rtpmap are left out.
    #[must_use]
    pub fn codecs(&self) -> Vec<Codec> {
        let Some(line) = self
            .audio_section()
            .and_then(|section| self.media_line(section.start))
        else {
            return Vec::new();
        };
        let mut codecs: Vec<Codec> = Vec::new();
        for word in line.formats.split_ascii_whitespace() {
            let Some(payload_type) = word.parse::<u8>().ok().filter(|number| *number < 128) else {
                continue;
            };
            if codecs
                .iter()
                .all(|codec| codec.payload_type != payload_type)
            {
                codecs.extend(self.codec(payload_type));
            }
        }
        codecs
    }

    fn codec(&self, payload_type: u8) -> Option<Codec> {
        let mapped = self
            .format_attribute("rtpmap", payload_type)
            .and_then(|map| {
                let mut parts = map.trim().split('/');
                let name = parts.next().filter(|name| !name.is_empty())?;
                let rate = parts.next()?.parse().ok()?;
                let name = name.to_ascii_lowercase();
                // Some write the rate it samples at (RFC 3551 section 4.5.2).
                let rate = if name == "g722" { 8_000 } else { rate };
                Some((name, rate))
            });
        let (name, clock_rate) = mapped.or_else(|| static_codec(payload_type))?;
        let fmtp = self
            .format_attribute("fmtp", payload_type)
            .map(|value| value.trim().to_owned());
        Some(Codec {
            payload_type,
            name,
            clock_rate,
            fmtp,
        })
    }

    /// What an attribute of the audio section says of one payload type: `a=NAME:PT VALUE`.
    fn format_attribute(&self, name: &str, payload_type: u8) -> Option<&str> {
        self.audio_section()?.find_map(|index| {
            let (key, value) = self.attribute(index)?;
            let (format, rest) = value.trim_start().split_once(' ')?;
            (key == name && format.parse() == Ok(payload_type)).then_some(rest)
        })
    }

    /// Makes these the codecs of the audio line, in this order. Lines of those it has already stay as they are; the
    /// others are described anew.
    pub fn set_codecs(&mut self, codecs: &[Codec]) {
        let had = self.codecs();
        let is_had = |codec: &&Codec| {
            had.iter()
                .any(|other| other.payload_type == codec.payload_type && other.same_encoding(codec))
        };
        let kept: Vec<u8> = codecs
            .iter()
            .filter(is_had)
            .map(|codec| codec.payload_type)
            .collect();
        self.set_formats(&kept);
        let Some(section) = self.audio_section() else {
            return;
        };
        let mut lines = Vec::new();
        for codec in codecs.iter().filter(|codec| !is_had(codec)) {
            let (number, name) = (codec.payload_type, rtpmap_name(&codec.name));
            // RFC 7587 section 7: Opus is always described with two channels.
            let channels = if codec.name == "opus" { "/2" } else { "" };
            lines.push(format!(
                "a=rtpmap:{number} {name}/{}{channels}",
                codec.clock_rate
            ));
            if let Some(fmtp) = &codec.fmtp {
                lines.push(format!("a=fmtp:{number} {fmtp}"));
            }
        }
        self.insert_lines(section.end, &lines);
        let numbers: Vec<String> = codecs
            .iter()
            .map(|codec| codec.payload_type.to_string())
            .collect();
        let line = self
            .media_line(section.start)
            .map(|line| line.print_with(line.port, &numbers.join(" ")));
        if let Some(line) = line {
            self.replace_line(section.start, &line);
        }
    }

    /// Takes out how long its packets are: they will be of another codec.
    pub fn drop_packet_times(&mut self) {
        self.drop_attributes(Medium::Audio, &["ptime", "maxptime"]);
    }

    /// Writes the format list and drops the attributes of payload types that are not in it.
    pub(crate) fn set_formats(&mut self, kept: &[u8]) {
        let Some(section) = self.audio_section() else {
            return;
        };
        let formats: Vec<String> = kept.iter().map(u8::to_string).collect();
        let Some(line) = self.media_line(section.start) else {
            return;
        };
        let line = line.print_with(line.port, &formats.join(" "));
        let dropped: Vec<usize> = section
            .clone()
            .filter(|index| self.describes_other_format(*index, kept))
            .collect();
        self.replace_line(section.start, &line);
        for index in dropped.into_iter().rev() {
            self.lines.remove(index);
        }
    }

    fn describes_other_format(&self, index: usize, kept: &[u8]) -> bool {
        let Some(("rtpmap" | "fmtp" | "rtcp-fb", value)) = self.attribute(index) else {
            return false;
        };
        let format = value.split_ascii_whitespace().next().unwrap_or_default();
        format != "*" && !format.parse().is_ok_and(|number| kept.contains(&number))
    }
}

/// As usually written.
fn rtpmap_name(name: &str) -> String {
    match name {
        "telephone-event" | "opus" => name.to_owned(),
        _ => name.to_ascii_uppercase(),
    }
}

/// RFC 3551 section 6, tables 4 and 5: the static audio payload types.
fn static_codec(payload_type: u8) -> Option<(String, u32)> {
    let (name, clock_rate) = match payload_type {
        0 => ("pcmu", 8_000),
        2 => ("g726-32", 8_000),
        3 => ("gsm", 8_000),
        4 => ("g723", 8_000),
        5 => ("dvi4", 8_000),
        6 => ("dvi4", 16_000),
        7 => ("lpc", 8_000),
        8 => ("pcma", 8_000),
        9 => ("g722", 8_000),
        10 | 11 => ("l16", 44_100),
        12 => ("qcelp", 8_000),
        13 => ("cn", 8_000),
        14 => ("mpa", 90_000),
        15 => ("g728", 8_000),
        16 => ("dvi4", 11_025),
        17 => ("dvi4", 22_050),
        18 => ("g729", 8_000),
        _ => return None,
    };
    Some((name.to_owned(), clock_rate))
}

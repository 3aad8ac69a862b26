//! Why a dialog or an INVITE ends (RFC 3326): the numbers alone. Texts of a peer are not kept, since they name
//! products and hosts.

use crate::message::{HeaderId, Message};
use std::fmt;

/// The causes of the Reason headers of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndReason {
    /// `SIP;cause=`: a final status, 200 to 699.
    pub sip: Option<u16>,
    /// `Q.850;cause=`: 1 to 127.
    pub q850: Option<u8>,
}

impl EndReason {
    /// Another phone took the call: those that ring list no missed one (RFC 3326 section 2).
    pub const ELSEWHERE: Self = Self {
        sip: Some(200),
        q850: None,
    };

    /// What a request says; nothing if it says nothing readable.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let mut reason = Self::default();
        for value in message.list(HeaderId::Reason) {
            let mut parts = value.split(';').map(str::trim);
            let protocol = parts.next().unwrap_or_default();
            let cause = parts.find_map(|part| {
                let (name, cause) = part.split_once('=')?;
                let named = name.trim().eq_ignore_ascii_case("cause");
                named.then(|| cause.trim().parse::<u16>().ok()).flatten()
            });
            if protocol.eq_ignore_ascii_case("SIP") {
                let fits = |cause: &u16| (200..700).contains(cause);
                reason.sip = reason.sip.or(cause.filter(fits));
            } else if protocol.eq_ignore_ascii_case("Q.850") {
                let fits = |cause: &u8| (1..128).contains(cause);
                let cause = cause.and_then(|cause| u8::try_from(cause).ok());
                reason.q850 = reason.q850.or(cause.filter(fits));
            }
        }
        reason
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The value of one Reason header; empty for none.
impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = self.sip {
            write!(f, "SIP;cause={cause}")?;
            if *self == Self::ELSEWHERE {
                f.write_str(r#";text="Call completed elsewhere""#)?;
            }
        }
        if let Some(cause) = self.q850 {
            let comma = if self.sip.is_some() { ", " } else { "" };
            write!(f, "{comma}Q.850;cause={cause}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Parsed;

    #[test]
    fn only_numbers_in_range_are_read() {
        for (lines, expected) in [
            ("", ""),
            (
                "Reason: Q.850;cause=16;text=\"Evil PBX 1.0\"\r\n",
                "Q.850;cause=16",
            ),
            (
                "Reason: SIP ;cause=486, q.850; cause = 17\r\n",
                "SIP;cause=486, Q.850;cause=17",
            ),
            (
                "Reason: SIP;cause=200;text=\"x\"\r\n",
                "SIP;cause=200;text=\"Call completed elsewhere\"",
            ),
            ("Reason: SIP;cause=100\r\nReason: Q.850;cause=300\r\n", ""),
            ("Reason: preemption;cause=1, SIP;text=x\r\n", ""),
        ] {
            let text = format!(
                "BYE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
                 From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n{lines}Content-Length: 0\r\n\r\n"
            );
            let Parsed::Message(message) = Message::parse(text.into_bytes().into()) else {
                panic!("{lines}");
            };
            assert_eq!(EndReason::of(&message).to_string(), expected, "{lines}");
        }
    }
}

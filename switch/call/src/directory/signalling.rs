//! How a peer is spoken to and what it is trusted with: one document per gateway and per account.
//!
//! An account's holds for its phones and for calls that come from its addresses, a gateway's for calls sent to
//! it. Whatever is left out has a default that trusts nobody and asks for nothing.

use super::{Account, AccountKind};
use serde::{Deserialize, Serialize};
use tandem_sdp::play::is_file_name;

/// Most header lines added, or names removed, for one peer.
pub const MAX_HEADER_RULES: usize = 16;
/// Longest header line added, in bytes.
pub const MAX_HEADER_BYTES: usize = 512;

/// In the place of a file of music.
pub const NO_MUSIC: &str = "none";

/// Signalling settings of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signalling {
    /// Whether identities are believed from it and told to it.
    pub trust: Trust,
    /// Reliable provisional answers (RFC 3262).
    pub reliable: Extension,
    /// Session timers (RFC 4028); `required` asks the peer for them, too.
    pub session_timers: Extension,
    /// What becomes of its 3xx answers.
    pub redirect: Redirect,
    /// Whether its phones may send a party of their call elsewhere at its expense. Of accounts only.
    pub transfer: Transfer,
    /// How keys pressed in a call travel.
    pub dtmf: Dtmf,
    /// Whether its calls are recorded. Of accounts only.
    pub recording: Recorded,
    /// What the parties of a recorded call hear of it. Of accounts only.
    pub recording_tone: RecordingTone,
    /// File for whoever its phones put on hold; empty: the switch's, [`NO_MUSIC`]: none. Of accounts only.
    pub music: String,
    /// How the caller is named to it.
    pub naming: Naming,
    /// Headers added to each INVITE sent to it.
    pub add_headers: Vec<HeaderLine>,
    /// Names of headers left out of each INVITE sent to it.
    pub remove_headers: Vec<String>,
}

/// Whether calls are recorded, from their answer on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// Only when an operator asks for it.
    #[default]
    Off,
    /// All of them.
    On,
}

/// What both parties of a recorded call hear of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingTone {
    /// Nothing.
    #[default]
    Off,
    /// A beep each fifteen seconds.
    Beep,
}

/// A header line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderLine {
    /// Without the colon.
    pub name: String,
    /// At most [`MAX_HEADER_BYTES`], without control characters.
    pub value: String,
}

/// Whether a peer is in the trust domain of RFC 3325.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Its identity headers are ignored; it never learns who a private caller is.
    #[default]
    Untrusted,
    /// Its P-Asserted-Identity or Remote-Party-ID is the caller, its Diversion is kept; it is told both, with
    /// the wish for privacy.
    Trusted,
}

/// Use of a SIP extension with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// Neither offered nor used.
    Off,
    /// Used if the peer can.
    #[default]
    Supported,
    /// Calls without it fail.
    Required,
}

/// What becomes of a 3xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// It counts as a refusal.
    #[default]
    Never,
    /// The number of its Contact goes through the caller's dial plan and is priced anew; a phone's Contact is
    /// followed only where that costs the caller no more than the number dialled.
    DialPlan,
}

/// Whether REFER and INVITE with Replaces are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// From phones, unless the account is a wholesale one.
    #[default]
    ByKind,
    /// Never.
    Refused,
    /// From its addresses, too, and whatever its kind.
    Allowed,
}

/// What a [`Transfer`] comes to for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfers {
    /// Nobody may.
    None,
    /// Its phones may.
    Phones,
    /// Its phones and its addresses may.
    All,
}

impl Account {
    /// Which of its parties may transfer calls.
    #[must_use]
    pub fn transfers(&self) -> Transfers {
        match (self.signalling.transfer, self.kind) {
            (Transfer::Allowed, _) => Transfers::All,
            (Transfer::Refused, _)
            | (Transfer::ByKind, AccountKind::Wholesale | AccountKind::Reseller { .. }) => {
                Transfers::None
            }
            (
                Transfer::ByKind,
                AccountKind::Retail
                | AccountKind::CallingCard
                | AccountKind::Callback
                | AccountKind::CallShop
                | AccountKind::Common,
            ) => Transfers::Phones,
        }
    }
}

/// How keys pressed in a call travel to a peer and are taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtmf {
    /// As telephone-events (RFC 4733) if its descriptions have them, else as INFO.
    #[default]
    Auto,
    /// As telephone-events, which it is always offered.
    Rfc4733,
    /// As INFO; its descriptions have no telephone-events.
    Info,
    /// As tones in the audio; its descriptions have no telephone-events.
    Inband,
}

/// How the caller is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Naming {
    /// User part of From.
    pub from: FromUser,
    /// Whether Remote-Party-ID is sent, for peers that do not read P-Asserted-Identity.
    pub remote_party_id: bool,
    /// How a call that was forwarded is told so.
    pub diversion: Diverted,
}

/// The user part of From.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromUser {
    /// The caller's number; `anonymous` for a private one.
    #[default]
    Caller,
    /// Our digest user at the gateway: the caller is in the identity headers only.
    Login,
}

/// How a forwarded call is told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diverted {
    /// Not at all.
    #[default]
    Nothing,
    /// Diversion (RFC 5806).
    Diversion,
    /// History-Info (RFC 7044).
    HistoryInfo,
}

/// Headers that routing, dialogs, authentication and bodies depend on: no rule touches them.
const PROTECTED: &[&str] = &[
    "accept",
    "authorization",
    "call-id",
    "contact",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-type",
    "cseq",
    "event",
    "from",
    "max-forwards",
    "min-se",
    "proxy-authorization",
    "proxy-require",
    "rack",
    "record-route",
    "refer-to",
    "replaces",
    "require",
    "route",
    "rseq",
    "session-expires",
    "supported",
    "to",
    "via",
];

impl HeaderLine {
    /// Whether it can be added.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        header_name(&self.name)?;
        if self.value.len() > MAX_HEADER_BYTES {
            return Err(format!(
                "header {} is longer than {MAX_HEADER_BYTES} bytes",
                self.name
            ));
        }
        if self.value.chars().any(char::is_control) {
            return Err(format!(
                "header {} holds a line break or another control character",
                self.name
            ));
        }
        Ok(())
    }
}

/// Whether rules may touch headers of this name.
///
/// # Errors
/// What is wrong with it.
pub fn header_name(name: &str) -> Result<(), String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("{name:?} is not a header name"));
    }
    // Single letters are compact forms of headers that are all named in full elsewhere.
    if name.len() == 1 || PROTECTED.iter().any(|held| name.eq_ignore_ascii_case(held)) {
        return Err(format!(
            "header {name} is the switch's own and cannot be set by a rule"
        ));
    }
    Ok(())
}

impl Signalling {
    /// Checks the header rules, and the name of the music.
    ///
    /// # Errors
    /// The first fault: which field, and what is wrong.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.add_headers.len() > MAX_HEADER_RULES || self.remove_headers.len() > MAX_HEADER_RULES
        {
            return Err((
                "add_headers",
                format!("at most {MAX_HEADER_RULES} header rules of a kind"),
            ));
        }
        for line in &self.add_headers {
            line.check().map_err(|reason| ("add_headers", reason))?;
        }
        for name in &self.remove_headers {
            header_name(name).map_err(|reason| ("remove_headers", reason))?;
        }
        if !matches!(self.music.as_str(), "" | NO_MUSIC) && !is_file_name(&self.music) {
            let reason = format!(
                "{:?} is no name of a WAV file; empty is the switch's music, {NO_MUSIC} is none",
                self.music
            );
            return Err(("music", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_rules_touch_nothing_that_routes_or_ends_a_line() {
        for (name, value, fits) in [
            ("X-Customer", "17", true),
            ("P-Charge-Info", "<sip:1@example.com>", true),
            ("X-A", "b\r\nVia: SIP/2.0/UDP evil", false),
            ("X-A", "b\nc", false),
            ("X A", "b", false),
            ("X-A:", "b", false),
            ("Via", "SIP/2.0/UDP evil", false),
            ("v", "SIP/2.0/UDP evil", false),
            ("CONTENT-length", "0", false),
            ("", "empty", false),
        ] {
            let line = HeaderLine {
                name: name.into(),
                value: value.into(),
            };
            assert_eq!(line.check().is_ok(), fits, "{line:?}");
        }
        let rules = Signalling {
            remove_headers: vec!["Contact".into()],
            ..Signalling::default()
        };
        assert!(rules.check().is_err());
    }

    #[test]
    fn an_empty_document_is_the_default() {
        let read: Signalling = serde_json::from_str("{}").expect("a document");
        assert_eq!(read, Signalling::default());
    }
}

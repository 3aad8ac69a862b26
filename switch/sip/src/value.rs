//! Typed values of header fields: method, URI, name-addr, Via, reason phrases.
//!
//! Values are made from text that peers sent, or by us to be printed. `Display` of each is safe to print:
//! whatever a field holds, the text stays one value on one line. rsip's types convert from and to ours for
//! callers that want its builders; nothing on the wire depends on them.

mod end_reason;
mod name_addr;
mod reason;
mod rsip_types;
mod uri;
mod via;

pub use crate::lex::{Params, quote, unquote};
pub use end_reason::EndReason;
pub use name_addr::NameAddr;
pub(crate) use name_addr::check_addr;
pub use reason::reason_phrase;
pub(crate) use uri::check_uri;
pub use uri::{Host, Scheme, Uri, unescape};
pub use via::{Rport, Via, via_value};

use crate::lex::is_token;

/// A request method. Case matters (RFC 3261 section 7.1): `invite` is [`Method::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Session set-up.
    Invite,
    /// Acknowledges a final response to INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Gives up a pending request.
    Cancel,
    /// Binds a contact.
    Register,
    /// Asks for capabilities.
    Options,
    /// Acknowledges a reliable provisional (RFC 3262).
    Prack,
    /// Changes a session before or after its answer (RFC 3311).
    Update,
    /// Mid-dialog information (RFC 6086).
    Info,
    /// Transfer (RFC 3515).
    Refer,
    /// Event notification (RFC 6665).
    Notify,
    /// Event subscription (RFC 6665).
    Subscribe,
    /// Instant message (RFC 3428).
    Message,
    /// Event state publication (RFC 3903).
    Publish,
    /// Any other token.
    Other(Box<str>),
}

impl Method {
    /// As printed in the start line and CSeq.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other(name) => name,
        }
    }

    /// From a token; None if it is not one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        Some(match token {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "REGISTER" => Self::Register,
            "OPTIONS" => Self::Options,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "INFO" => Self::Info,
            "REFER" => Self::Refer,
            "NOTIFY" => Self::Notify,
            "SUBSCRIBE" => Self::Subscribe,
            "MESSAGE" => Self::Message,
            "PUBLISH" => Self::Publish,
            other if is_token(other) => Self::Other(other.into()),
            _ => return None,
        })
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not the value it should be.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} is not valid: {reason}")]
pub struct ValueError {
    /// Which kind of value.
    pub what: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

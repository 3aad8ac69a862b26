//! Typed values of header fields: method, URI, name-addr, Via, CSeq.

use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Register,
    Options,
    Prack,
    Update,
    Info,
    Refer,
    Notify,
    Subscribe,
    Message,
    Publish,
    Other(Box<str>),
}
impl Method {
    pub fn as_str(&self) -> &str {
        todo!()
    }
    pub fn parse(token: &str) -> Option<Self> {
        todo!()
    }
}

/// A SIP, SIPS or TEL URI, split but not unescaped; `Display` prints it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    pub scheme: Scheme,
    pub user: Option<String>,
    pub host: Host,
    pub port: Option<u16>,
    /// Parameters in order, name lower case, value if any.
    pub params: Vec<(String, Option<String>)>,
    /// Everything after `?`, as written.
    pub headers: Option<String>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    Other(String),
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Ip(IpAddr),
    Name(String),
}
impl Uri {
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        todo!()
    }
    /// `sip:user@ip:port`
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        todo!()
    }
    pub fn param(&self, name: &str) -> Option<&str> {
        todo!()
    }
    /// The user part with %-escapes undone: the dialled number or the login.
    pub fn user_unescaped(&self) -> Option<String> {
        todo!()
    }
}
impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

/// `"name" <uri>;params` as in From, To, Contact, Route, P-Asserted-Identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    pub display: Option<String>,
    pub uri: Uri,
    pub params: Vec<(String, Option<String>)>,
}
impl NameAddr {
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        todo!()
    }
    /// A comma separated list, e.g. all Contacts of one header line.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ValueError> {
        todo!()
    }
    pub fn param(&self, name: &str) -> Option<&str> {
        todo!()
    }
    pub fn tag(&self) -> Option<&str> {
        self.param("tag")
    }
}
impl std::fmt::Display for NameAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} is not valid: {reason}")]
pub struct ValueError {
    pub what: &'static str,
    pub reason: &'static str,
}

//! One element of Via (RFC 3261 section 20.42) with symmetric response routing (RFC 3581).

use super::{Host, ValueError, uri::host_port};
use crate::{
    flow::Transport,
    lex::{self, Params},
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// The `rport` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rport {
    /// Not there: responses go to the sent-by port.
    #[default]
    Absent,
    /// Asked for: whoever receives the request fills in the source port.
    Asked,
    /// Filled in.
    Port(u16),
}

/// One Via element, borrowing from the message.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, ... as written.
    pub transport: &'a str,
    /// The sent-by host as written, IPv6 in brackets.
    pub host: &'a str,
    /// The sent-by port, if written.
    pub port: Option<u16>,
    /// The branch, if any; see [`Self::has_magic_branch`].
    pub branch: Option<&'a str>,
    /// The address the request really came from, as written.
    pub received: Option<&'a str>,
    /// RFC 3581.
    pub rport: Rport,
    /// All parameters.
    pub params: Params<'a>,
}

const fn error(reason: &'static str) -> ValueError {
    ValueError {
        what: "Via",
        reason,
    }
}

impl<'a> Via<'a> {
    /// Reads one element (no commas): `SIP/2.0/UDP host:port;params`, white space anywhere it is legal.
    ///
    /// # Errors
    /// If protocol, host, port or a parameter is malformed.
    pub fn parse(text: &'a str) -> Result<Self, ValueError> {
        let text = lex::trim(text);
        let (protocol, text) = lex::cut(text, b'/').ok_or(error("no protocol"))?;
        let (version, text) = lex::cut(text, b'/').ok_or(error("no version"))?;
        if !lex::trim(protocol).eq_ignore_ascii_case("SIP") || lex::trim(version) != "2.0" {
            return Err(error("protocol is not SIP/2.0"));
        }
        let text = lex::trim_start(text);
        let (transport, text) = text.split_once([' ', '\t']).ok_or(error("no sent-by"))?;
        if !lex::is_token(transport) {
            return Err(error("transport"));
        }
        let text = lex::trim_start(text);
        let end = text.bytes().position(|b| b == b';').unwrap_or(text.len());
        let (sent_by, params) = text.split_at_checked(end).ok_or(error("sent-by"))?;
        let (host, port) = sent_by_parts(lex::trim(sent_by))?;
        let mut via = Self {
            transport,
            host,
            port,
            branch: None,
            received: None,
            rport: Rport::Absent,
            params: Params::new(params),
        };
        for item in via.params {
            let (name, value) = item?;
            via.note_param(name, value)?;
        }
        Ok(via)
    }

    fn note_param(&mut self, name: &str, value: Option<&'a str>) -> Result<(), ValueError> {
        if name.eq_ignore_ascii_case("branch") {
            self.branch = value.filter(|v| !v.is_empty());
        } else if name.eq_ignore_ascii_case("received") {
            self.received = value;
        } else if name.eq_ignore_ascii_case("rport") {
            self.rport = match value {
                None | Some("") => Rport::Asked,
                Some(port) => Rport::Port(port.parse().map_err(|_| error("rport"))?),
            };
        }
        Ok(())
    }

    /// Whether the branch is unique by RFC 3261's promise; without it (or with the bare cookie) the
    /// transaction is matched by RFC 2543's rules (section 17.2.3).
    #[must_use]
    pub fn has_magic_branch(&self) -> bool {
        self.branch
            .and_then(|b| b.split_at_checked(7))
            .is_some_and(|(cookie, rest)| {
                cookie.eq_ignore_ascii_case("z9hG4bK") && !rest.is_empty()
            })
    }

    /// The transport, if it is one of ours.
    #[must_use]
    pub fn known_transport(&self) -> Option<Transport> {
        [
            Transport::Udp,
            Transport::Tcp,
            Transport::Tls,
            Transport::Ws,
            Transport::Wss,
        ]
        .into_iter()
        .find(|t| t.via_name().eq_ignore_ascii_case(self.transport))
    }

    /// Where an answer goes by RFC 3261 section 18.2.2 and RFC 3581: received or sent-by host if it is a
    /// literal address, rport or sent-by port or the transport's default.
    #[must_use]
    pub fn response_address(&self) -> Option<SocketAddr> {
        let ip = self
            .received
            .and_then(parse_ip)
            .or_else(|| parse_ip(self.host))?;
        let port = match self.rport {
            Rport::Port(port) => port,
            Rport::Asked | Rport::Absent => self.port.unwrap_or_else(|| self.default_port()),
        };
        Some(SocketAddr::new(ip, port))
    }

    fn default_port(&self) -> u16 {
        if matches!(
            self.known_transport(),
            Some(Transport::Tls | Transport::Wss)
        ) {
            5061
        } else {
            5060
        }
    }

    /// Writes the element as it stands after receipt from `source`: `received` is added where the source
    /// differs from sent-by or `rport` was asked for, and `rport` is filled in (RFC 3581 section 4).
    pub(crate) fn write_received(
        &self,
        f: &mut impl fmt::Write,
        source: SocketAddr,
    ) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        for (name, value) in self.params.flatten() {
            if name.eq_ignore_ascii_case("received") {
                continue;
            }
            write!(f, ";{name}")?;
            match value {
                _ if name.eq_ignore_ascii_case("rport") => write!(f, "={}", source.port())?,
                Some(value) => write!(f, "={value}")?,
                None => {}
            }
        }
        let ip = source.ip().to_canonical();
        if self.rport != Rport::Absent || parse_ip(self.host) != Some(ip) {
            write!(f, ";received={ip}")?;
        }
        Ok(())
    }
}

/// White space is legal around the colon of sent-by (RFC 3261 section 25.1, COLON).
fn sent_by_parts(text: &str) -> Result<(&str, Option<u16>), ValueError> {
    if !text.bytes().any(|b| matches!(b, b' ' | b'\t')) {
        return host_port(text);
    }
    let (host, port) = text.rsplit_once(':').ok_or(error("sent-by"))?;
    let (host, _) = host_port(lex::trim(host)).and_then(|(host, port)| match port {
        None => Ok((host, port)),
        Some(_) => Err(error("sent-by")),
    })?;
    Ok((
        host,
        Some(lex::trim(port).parse().map_err(|_| error("port"))?),
    ))
}

/// An address with or without IPv6 brackets (RFC 5118 section 4.5 asks for both).
fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    match Host::parse(text) {
        Ok(Host::Ip(ip)) => Some(ip.to_canonical()),
        Ok(Host::Name(_)) | Err(_) => None,
    }
}

/// A Via value of ours: `SIP/2.0/UDP 192.0.2.1:5060;rport;branch=...`. `branch` with its magic cookie.
#[must_use]
pub fn via_value(transport: Transport, sent_by: SocketAddr, branch: &str) -> String {
    format!(
        "SIP/2.0/{} {sent_by};rport;branch={branch}",
        transport.via_name()
    )
}

//! Who the caller is, by trust (RFC 3323, 3325, 5806, 7044): what is believed of a peer, what a target is told.
//!
//! Nothing is copied: numbers and names are read out of the caller's headers and written into headers of ours, so
//! that no address, port or parameter of one side reaches the other.

use crate::{
    call::Call,
    decide::{Candidate, LegTarget},
    directory::signalling::{Diverted, FromUser, Signalling, Trust},
    switch::state::Core,
};
use tandem_sip::{
    Flow, Message,
    message::{Draft, HeaderId},
    value::{Host, NameAddr, Uri},
};

/// What a caller's INVITE says of itself; believed or not by the account it turns out to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// The caller's number or name by P-Asserted-Identity or Remote-Party-ID.
    pub(crate) asserted: Option<String>,
    /// Who forwarded the call.
    pub(crate) diverted: Option<Diverter>,
    /// It asks not to be shown.
    pub(crate) private: bool,
}

/// Who sent a call on to another target.
#[derive(Clone, Debug)]
pub(crate) struct Diverter {
    /// Its number: what was dialled before, or that of the party that transferred.
    pub(crate) number: String,
    /// It asks not to be shown.
    pub(crate) private: bool,
}

/// Reads them.
pub(crate) fn claims(message: &Message) -> Claims {
    let user = |header: HeaderId| {
        let addresses = message.addresses(header);
        addresses.iter().find_map(user_of)
    };
    Claims {
        asserted: user(HeaderId::PAssertedIdentity).or_else(|| user(HeaderId::RemotePartyId)),
        diverted: diverter(message),
        private: is_private(message),
    }
}

/// RFC 5806 and RFC 7044 section 10.1 let it be named and not shown.
fn diverter(message: &Message) -> Option<Diverter> {
    let mut named = message.addresses(HeaderId::Diversion);
    named.extend(message.addresses(HeaderId::HistoryInfo));
    let by = named.iter().find(|address| user_of(address).is_some())?;
    let hidden = is_shielded(by) || asks(message, &["history"]) || {
        let headers = by.uri.headers.as_deref().unwrap_or_default();
        headers.to_ascii_lowercase().contains("privacy=history")
    };
    Some(Diverter {
        number: user_of(by)?,
        private: hidden,
    })
}

fn user_of(address: &NameAddr) -> Option<String> {
    let user = address.uri.user_unescaped()?;
    (!user.is_empty() && user.len() <= MAX_USER_BYTES).then_some(user)
}

/// Longest identity believed, in bytes.
const MAX_USER_BYTES: usize = 128;

fn is_private(message: &Message) -> bool {
    let by_party = message.addresses(HeaderId::RemotePartyId);
    asks(message, &["id", "user", "header", "session"]) || by_party.iter().any(is_shielded)
}

/// Whether Privacy has one of these values (RFC 3323 section 4.2).
fn asks(message: &Message, for_any: &[&str]) -> bool {
    let mut asked = message
        .values(HeaderId::Privacy)
        .flat_map(|line| line.split([';', ',']));
    asked.any(|value| for_any.contains(&value.trim()))
}

/// Remote-Party-ID and Diversion say it of each party.
fn is_shielded(party: &NameAddr) -> bool {
    matches!(party.param("privacy"), Some("full" | "name" | "uri"))
}

/// From toward a target.
pub(crate) fn from(core: &mut Core, call: &Call, candidate: &Candidate, flow: Flow) -> NameAddr {
    let tag = ("tag".to_owned(), Some(core.endpoint.new_tag()));
    let login = login(candidate, candidate.signalling(&call.directory));
    if call.who.private && login.is_none() {
        let host = Host::Name("anonymous.invalid".to_owned());
        return NameAddr {
            display: Some("Anonymous".to_owned()),
            uri: Uri::sip(Some("anonymous"), host, None),
            params: vec![tag],
        };
    }
    let display = call
        .who
        .display
        .clone()
        .filter(|_| candidate.caller == call.who.caller && login.is_none());
    NameAddr {
        display,
        uri: uri(core, candidate, flow, login.unwrap_or(&candidate.caller)),
        params: vec![tag],
    }
}

fn login<'a>(candidate: &'a Candidate, signalling: &Signalling) -> Option<&'a str> {
    match (&candidate.leg, signalling.naming.from) {
        (LegTarget::Gateway(gateway), FromUser::Login) => {
            let by_auth = gateway.auth.as_ref().map(|auth| auth.username.as_str());
            gateway.naming.from_user.as_deref().or(by_auth)
        }
        (LegTarget::Gateway(_), FromUser::Caller) | (LegTarget::Devices { .. }, _) => None,
    }
}

/// A user at the domain we speak as toward a target.
fn uri(core: &Core, candidate: &Candidate, flow: Flow, user: &str) -> Uri {
    let user = Some(user).filter(|user| !user.is_empty());
    let domain = match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.naming.from_domain.as_deref(),
        LegTarget::Devices { .. } => None,
    };
    match domain.and_then(|domain| Host::parse(domain).ok()) {
        Some(host) => Uri::sip(user, host, None),
        None => {
            let ours = core.endpoint.contact(flow.listener, "call").uri;
            Uri::sip(user, ours.host, ours.port)
        }
    }
}

/// The identity headers a target is sent, then what its header rules make of all.
pub(crate) fn headers(
    core: &Core,
    call: &Call,
    candidate: &Candidate,
    flow: Flow,
    mut draft: Draft,
) -> Draft {
    let signalling = candidate.signalling(&call.directory);
    let trusted = signalling.trust == Trust::Trusted;
    let told = !call.who.private || trusted;
    let asserts = match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.naming.send_pai,
        LegTarget::Devices { .. } => trusted,
    };
    let address = |user: &str| NameAddr::new(uri(core, candidate, flow, user));
    if asserts && told {
        draft = draft.header("P-Asserted-Identity", address(&candidate.caller));
    }
    if signalling.naming.remote_party_id && told {
        let privacy = if call.who.private { "full" } else { "off" };
        let party = address(&candidate.caller)
            .with_param("party", Some("calling"))
            .with_param("screen", Some("yes"))
            .with_param("privacy", Some(privacy));
        draft = draft.header("Remote-Party-ID", party);
    }
    if trusted && call.who.private {
        draft = draft.header("Privacy", "id");
    }
    if let Some(by) = call.who.diverted.as_ref() {
        // Referred-By has no way to say that it is not to be shown.
        if trusted && !by.private && call.links.serves.is_some() {
            draft = draft.header("Referred-By", address(&by.number));
        }
        if told && (trusted || !by.private) {
            let (from, to) = (address(&by.number), address(&candidate.number));
            draft = diversion(signalling, by, (from, to), draft);
        }
    }
    by_rules(signalling, draft)
}

/// Who sent the call on, and to which number, as the target likes to hear it.
fn diversion(
    signalling: &Signalling,
    by: &Diverter,
    (mut from, to): (NameAddr, NameAddr),
    draft: Draft,
) -> Draft {
    match signalling.naming.diversion {
        Diverted::Nothing => draft,
        Diverted::Diversion => {
            from = from.with_param("reason", Some("unconditional"));
            if by.private {
                from = from.with_param("privacy", Some("full"));
            }
            draft.header("Diversion", from)
        }
        Diverted::HistoryInfo => {
            from.uri.headers = by.private.then(|| "Privacy=history".to_owned());
            draft
                .header("History-Info", from.with_param("index", Some("1")))
                .header("History-Info", to.with_param("index", Some("1.1")))
        }
    }
}

/// Whether a peer is told what we are: one rule for our requests and our answers.
pub(crate) fn names_product(signalling: &Signalling) -> bool {
    let is_name = |name: &String| {
        ["User-Agent", "Server"]
            .iter()
            .any(|is| name.eq_ignore_ascii_case(is))
    };
    !signalling.remove_headers.iter().any(is_name)
}

/// Names and values were checked when they were saved; the printer lets no line break through.
fn by_rules(signalling: &Signalling, mut draft: Draft) -> Draft {
    let is_named = |held: &str| {
        let mut named = signalling.remove_headers.iter();
        named.any(|name| held.eq_ignore_ascii_case(name))
    };
    if !signalling.remove_headers.is_empty() {
        draft.headers.retain(|(held, _)| !is_named(held));
    }
    if !names_product(signalling) {
        draft = draft.without_product();
    }
    signalling
        .add_headers
        .iter()
        .fold(draft, |draft, line| draft.header(&line.name, &line.value))
}

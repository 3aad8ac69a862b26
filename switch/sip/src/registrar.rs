//! Bindings of phones (RFC 3261 section 10, RFC 3327 Path), without authentication: the caller did that.
//!
//! Users and their few bindings live in ordered maps, next to one index by expiry and one by connection.
//! Texts are kept as they came, boxed to size, and taken apart when asked for. A request is judged whole
//! before any of it takes effect.

mod judge;

use crate::{
    flow::Flow,
    message::{HeaderId, Message},
    time::Mono,
    value::Uri,
};
use judge::Wishes;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// User agents are for display; what is longer is cut.
const MAX_USER_AGENT: usize = 64;
/// Proxies between a phone and us.
const MAX_PATH: usize = 8;

/// One phone of an address of record.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What the phone wrote.
    pub contact: Uri,
    /// Where it really is: requests go there, behind NAT or not.
    pub flow: Flow,
    /// Path values, nearest proxy first; a Route set for requests to the phone.
    pub path: Vec<String>,
    /// Of the REGISTER.
    pub call_id: String,
    /// Of the REGISTER.
    pub cseq: u32,
    /// From this instant on the binding is no more.
    pub expires_at: Mono,
    /// At most 64 bytes of it.
    pub user_agent: String,
    /// Preference, 0..=1000.
    pub q_thousandths: u16,
    /// `+sip.instance` with `reg-id`: the phone itself, whatever its address (RFC 5626).
    pub instance: Option<String>,
}

/// The operator's limits.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarConfig {
    /// Less is answered 423.
    pub min_expires_s: u32,
    /// More is cut to it.
    pub max_expires_s: u32,
    /// For phones that name none.
    pub default_expires_s: u32,
    /// More are answered 403.
    pub max_bindings_per_user: usize,
    /// More are answered 503.
    pub max_users: usize,
}

/// How a REGISTER is to be answered.
#[derive(Clone, Debug)]
pub enum RegisterAnswer {
    /// 200 with these Contact header values.
    Accepted {
        /// Every binding of the user, with the seconds it has left.
        contacts: Vec<String>,
        /// What the request did.
        change: Change,
    },
    /// 423 with Min-Expires.
    TooBrief {
        /// For the Min-Expires header.
        min_expires_s: u32,
    },
    /// 400, 403 (too many bindings), 500 (old CSeq) or 503 (too many users).
    Refused {
        /// The status.
        status: u16,
        /// Its reason phrase.
        reason: &'static str,
    },
}

/// What a REGISTER did; of several things the first in this order: added, refreshed, removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A query.
    None,
    /// A phone is new.
    Added,
    /// A phone stays, maybe at another address.
    Refreshed,
    /// A phone is gone.
    Removed,
}

/// A binding at rest.
#[derive(Clone, Debug)]
struct Record {
    serial: u64,
    contact: Box<str>,
    flow: Flow,
    path: Box<[Box<str>]>,
    call_id: Box<str>,
    cseq: u32,
    expires_at: Mono,
    user_agent: Box<str>,
    q_thousandths: u16,
    instance: Option<Box<str>>,
}

impl Record {
    fn to_binding(&self) -> Option<Binding> {
        Some(Binding {
            contact: Uri::parse(&self.contact).ok()?,
            flow: self.flow,
            path: self.path.iter().map(ToString::to_string).collect(),
            call_id: self.call_id.to_string(),
            cseq: self.cseq,
            expires_at: self.expires_at,
            user_agent: self.user_agent.to_string(),
            q_thousandths: self.q_thousandths,
            instance: self.instance.as_deref().map(str::to_owned),
        })
    }

    fn contact_value(&self, now: Mono) -> String {
        let left_ms = self.expires_at.since(now).as_millis();
        let left_s = left_ms.div_ceil(1000);
        let contact = &self.contact;
        match self.q_thousandths {
            1000 => format!("<{contact}>;expires={left_s}"),
            q => format!("<{contact}>;expires={left_s};q=0.{q:03}"),
        }
    }
}

/// Who is registered, and where.
#[derive(Debug)]
pub struct Registrar {
    config: RegistrarConfig,
    users: BTreeMap<Arc<str>, Vec<Record>>,
    deadlines: BTreeMap<(Mono, u64), Arc<str>>,
    /// Bindings over connections, to be dropped with them.
    connections: BTreeMap<(Flow, u64), Arc<str>>,
    serial: u64,
    bindings: usize,
}

impl Registrar {
    /// Nobody is registered.
    #[must_use]
    pub fn new(config: RegistrarConfig) -> Self {
        Self {
            config,
            users: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            connections: BTreeMap::new(),
            serial: 0,
            bindings: 0,
        }
    }

    /// New limits, for what comes from now on.
    pub fn configure(&mut self, config: RegistrarConfig) {
        self.config = config;
    }

    /// `user` is the authenticated device's name. All of the request takes effect, or nothing does (RFC
    /// 3261 section 10.3, step 7). What has expired is collected first, by [`Self::handle_timeout`]: here it
    /// would still count.
    pub fn handle_register(
        &mut self,
        now: Mono,
        user: &str,
        flow: Flow,
        request: &Message,
    ) -> RegisterAnswer {
        let held = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let wishes = match judge::judge(&self.config, held, request) {
            Ok(wishes) => wishes,
            Err(answer) => return answer,
        };
        if held.is_empty() && self.users.len() >= self.config.max_users && wishes.adds() > 0 {
            return RegisterAnswer::Refused {
                status: 503,
                reason: "Too Many Users",
            };
        }
        let change = self.apply(now, user, flow, request, wishes);
        let held = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let contacts = held
            .iter()
            .map(|record| record.contact_value(now))
            .collect();
        RegisterAnswer::Accepted { contacts, change }
    }

    fn apply(
        &mut self,
        now: Mono,
        user: &str,
        flow: Flow,
        request: &Message,
        wishes: Wishes,
    ) -> Change {
        let change = wishes.change();
        for serial in wishes.removals() {
            self.remove(user, serial);
        }
        for wish in wishes.bindings() {
            let path = request
                .headers("Path")
                .take(MAX_PATH)
                .map(Into::into)
                .collect();
            let agent = request.header("User-Agent").unwrap_or_default();
            self.insert(
                user,
                Record {
                    serial: 0,
                    contact: wish.contact,
                    flow,
                    path,
                    call_id: request.call_id().into(),
                    cseq: request.cseq(),
                    expires_at: now + Duration::from_secs(u64::from(wish.expires_s)),
                    user_agent: cut(agent, MAX_USER_AGENT).into(),
                    q_thousandths: wish.q_thousandths,
                    instance: wish.instance,
                },
            );
        }
        change
    }

    /// Best first: by q, then the most recently heard of; expired ones left out.
    #[must_use]
    pub fn bindings(&self, now: Mono, user: &str) -> Vec<Binding> {
        let held = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let mut live: Vec<&Record> = held.iter().filter(|r| r.expires_at > now).collect();
        live.sort_by_key(|r| {
            (
                std::cmp::Reverse(r.q_thousandths),
                std::cmp::Reverse(r.serial),
            )
        });
        live.into_iter().filter_map(Record::to_binding).collect()
    }

    /// Puts back a binding kept over a restart, in place of one with the same contact; beyond the limits
    /// it is left out.
    pub fn restore(&mut self, user: &str, binding: Binding) {
        let contact: Box<str> = binding.contact.to_string().into();
        let held = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let same = held
            .iter()
            .find(|record| record.contact == contact)
            .map(|r| r.serial);
        let crowded = held.is_empty() && self.users.len() >= self.config.max_users;
        let full = same.is_none() && held.len() >= self.config.max_bindings_per_user;
        if crowded || full {
            return;
        }
        if let Some(serial) = same {
            self.remove(user, serial);
        }
        self.insert(
            user,
            Record {
                serial: 0,
                contact,
                flow: binding.flow,
                path: binding
                    .path
                    .into_iter()
                    .map(String::into_boxed_str)
                    .collect(),
                call_id: binding.call_id.into(),
                cseq: binding.cseq,
                expires_at: binding.expires_at,
                user_agent: binding.user_agent.into(),
                q_thousandths: binding.q_thousandths.min(1000),
                instance: binding.instance.map(Into::into),
            },
        );
    }

    /// A connection is gone, and with it the phones behind it. A refused datagram ends nothing: the phone
    /// may be back before its binding ends.
    pub fn handle_flow_failed(&mut self, flow: Flow) -> Vec<(String, Binding)> {
        let range = self.connections.range((flow, 0)..=(flow, u64::MAX));
        let lost: Vec<(Arc<str>, u64)> = range.map(|((_, s), user)| (user.clone(), *s)).collect();
        self.remove_all(lost)
    }

    /// Drops every binding of a user, as an operator may ask.
    pub fn remove_user(&mut self, user: &str) -> Vec<(String, Binding)> {
        let Some((name, held)) = self.users.get_key_value(user) else {
            return Vec::new();
        };
        let gone = held.iter().map(|r| (name.clone(), r.serial)).collect();
        self.remove_all(gone)
    }

    /// Drops expired bindings and tells whose.
    pub fn handle_timeout(&mut self, now: Mono) -> Vec<(String, Binding)> {
        let due = self.deadlines.range(..=(now, u64::MAX));
        let due: Vec<(Arc<str>, u64)> = due.map(|((_, s), user)| (user.clone(), *s)).collect();
        self.remove_all(due)
    }

    fn remove_all(&mut self, gone: Vec<(Arc<str>, u64)>) -> Vec<(String, Binding)> {
        let removed = gone.into_iter().filter_map(|(user, serial)| {
            let record = self.remove(&user, serial)?;
            Some((user.to_string(), record.to_binding()?))
        });
        removed.collect()
    }

    /// When [`Self::handle_timeout`] is due next.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Mono> {
        self.deadlines.first_key_value().map(|((at, _), _)| *at)
    }

    /// Bindings kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bindings
    }

    /// Whether nobody is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings == 0
    }

    fn insert(&mut self, user: &str, mut record: Record) {
        self.serial += 1;
        record.serial = self.serial;
        let name: Arc<str> = match self.users.get_key_value(user) {
            Some((name, _)) => name.clone(),
            None => user.into(),
        };
        self.deadlines
            .insert((record.expires_at, record.serial), name.clone());
        if record.flow.transport.is_reliable() {
            self.connections
                .insert((record.flow, record.serial), name.clone());
        }
        self.users.entry(name).or_default().push(record);
        self.bindings += 1;
    }

    fn remove(&mut self, user: &str, serial: u64) -> Option<Record> {
        let held = self.users.get_mut(user)?;
        let at = held.iter().position(|record| record.serial == serial)?;
        let record = held.remove(at);
        if held.is_empty() {
            self.users.remove(user);
        }
        self.deadlines.remove(&(record.expires_at, serial));
        self.connections.remove(&(record.flow, serial));
        self.bindings -= 1;
        Some(record)
    }
}

fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

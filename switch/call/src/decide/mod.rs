//! The one decision function (design.md section 6): pure, traced, shared by live calls and the simulator.
//!
//! [`decide`] recognises the caller, checks what the account may do, rewrites numbers, quotes each level and
//! finds and orders the routes. It owns no state: the directory, the facts of the call and the live counts
//! come in, a decision with its [`Trace`] goes out. Must not know money balances (the ledger does) or SIP.

mod admit;
mod inbound;
mod order;
mod price;
mod recognise;
mod route;
mod trace;

pub use recognise::Inbound;
pub(crate) use route::GATEWAY_DOWN;
pub use trace::{Step, Trace};

use crate::{
    cause::{self, Cause},
    directory::{Account, Directory, Gateway, MediaMode, Route, signalling::Trust},
};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{AccountId, DidId, GatewayId, Quote, RouteId, UpstreamId, UtcMs};
use tandem_sdp::convert::Format;
use tandem_sip::Transport;

/// What is known of a call when it arrives.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// Where the INVITE came from.
    pub remote: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// The device name, once its digest was verified.
    pub device: Option<String>,
    /// The upstream registration it came in by, once its Contact and its source were recognised.
    pub via: Option<UpstreamId>,
    /// For the simulator: act as this account, whatever the source.
    pub as_account: Option<AccountId>,
    /// The caller's number or name, as sent.
    pub caller: String,
    /// The caller by an identity header; counts for trusted accounts only.
    pub asserted: Option<String>,
    /// The user part of the Request-URI.
    pub dialled: String,
    /// When.
    pub at: UtcMs,
    /// Codec names of the offer, lower case; empty if the INVITE had no offer.
    pub codecs: Vec<String>,
    /// 0..10_000: picks among equal priority by share. Drawn by the caller from its generator.
    pub draw: u16,
}

impl CallFacts {
    /// The caller as this account is believed.
    #[must_use]
    pub fn caller_of(&self, account: &Account) -> &str {
        match (account.signalling.trust, &self.asserted) {
            (Trust::Trusted, Some(asserted)) => asserted,
            (Trust::Trusted, None) | (Trust::Untrusted, _) => &self.caller,
        }
    }
}

/// Live counts that limits are checked against.
pub trait Usage {
    /// Calls up of an account or reseller (its whole branch).
    fn account_calls(&self, account: AccountId) -> u32;
    /// Calls begun within the last second.
    fn account_cps(&self, account: AccountId) -> u32;
    /// Calls up, ringing included, at a gateway.
    fn gateway_calls(&self, gateway: GatewayId) -> u32;
    /// Calls sent within the last second.
    fn gateway_cps(&self, gateway: GatewayId) -> u32;
    /// Calls up by a dial plan row.
    fn route_calls(&self, route: RouteId) -> u32;
    /// Calls up by a DID.
    fn did_calls(&self, did: DidId) -> u32;
    /// All calls up.
    fn total_calls(&self) -> u32;
    /// All calls begun within the last second.
    fn total_cps(&self) -> u32;
    /// Calls up whose audio is coded anew.
    fn transcoded_calls(&self) -> u32;
    /// Percent of one processor core that this takes.
    fn coding_percent(&self) -> u32;
    /// (answered, attempts, answered seconds) of late, for quality routing.
    fn quality(&self, gateway: GatewayId) -> (u64, u64, u64);
    /// Why no call may be sent to a gateway: what its hosts said last; None while it is up.
    fn gateway_down(&self, gateway: GatewayId) -> Option<String>;
    /// Why no call may be sent through an upstream registration; None while it is registered.
    fn upstream_down(&self, upstream: UpstreamId) -> Option<String>;
    /// Whether a device has a phone registered.
    fn is_registered(&self, username: &str) -> bool;
}

/// No calls up, every device registered, every gateway up, every upstream registered: what the command line's `decide` assumes.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdleUsage;

impl Usage for IdleUsage {
    fn account_calls(&self, _: AccountId) -> u32 {
        0
    }
    fn account_cps(&self, _: AccountId) -> u32 {
        0
    }
    fn gateway_calls(&self, _: GatewayId) -> u32 {
        0
    }
    fn gateway_cps(&self, _: GatewayId) -> u32 {
        0
    }
    fn route_calls(&self, _: RouteId) -> u32 {
        0
    }
    fn did_calls(&self, _: DidId) -> u32 {
        0
    }
    fn total_calls(&self) -> u32 {
        0
    }
    fn total_cps(&self) -> u32 {
        0
    }
    fn transcoded_calls(&self) -> u32 {
        0
    }
    fn coding_percent(&self) -> u32 {
        0
    }
    fn quality(&self, _: GatewayId) -> (u64, u64, u64) {
        (0, 0, 0)
    }
    fn gateway_down(&self, _: GatewayId) -> Option<String> {
        None
    }
    fn upstream_down(&self, _: UpstreamId) -> Option<String> {
        None
    }
    fn is_registered(&self, _: &str) -> bool {
        true
    }
}

/// The answer and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is to be done.
    pub outcome: Outcome,
    /// Every step that led there.
    pub trace: Trace,
    /// The account, once recognised, refused or not.
    pub account: Option<Arc<Account>>,
}

/// What is to be done with a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It may be placed, if the money is there.
    Admitted(Box<Admission>),
    /// It may not.
    Refused(Refusal),
    /// Not recognised by address: ask for digest credentials.
    Challenge,
}

/// Why not, and the status where the dial plan sets one of its own.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// From the catalogue.
    pub cause: &'static Cause,
    /// Status and reason phrase instead of the cause's, from a `reject` row.
    pub status: Option<(u16, String)>,
}

impl Refusal {
    /// Status and reason phrase for the caller.
    #[must_use]
    pub fn answer(&self) -> (u16, &str) {
        match &self.status {
            Some((status, reason)) => (*status, reason),
            None => (self.cause.sip_status, self.cause.reason),
        }
    }
}

impl From<&'static Cause> for Refusal {
    fn from(cause: &'static Cause) -> Self {
        Self {
            cause,
            status: None,
        }
    }
}

/// A call that may be placed, if the money is there.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The customer, as the caller is dealt with.
    pub account: Arc<Account>,
    /// The number called in, if it is one.
    pub inbound: Option<Inbound>,
    /// Client first, then resellers.
    pub levels: Vec<LevelQuote>,
    /// What the client's tariff was asked for.
    pub rating_number: String,
    /// Caller ID after the account's rules.
    pub caller: String,
    /// In the order to try; never empty.
    pub candidates: Vec<Candidate>,
    /// Seconds; 0 means no limit.
    pub max_duration_s: u32,
}

/// One level's price.
#[derive(Clone, Debug)]
pub struct LevelQuote {
    /// Client or reseller.
    pub account: Arc<Account>,
    /// At the instant of the facts; taken again at the answer.
    pub quote: Quote,
    /// The number it was taken for, after this level's tariff rules.
    pub number: String,
}

/// One route to try.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The dial plan row; None where a DID leads to its account's phones.
    pub route: Option<Arc<Route>>,
    /// Where it leads.
    pub leg: LegTarget,
    /// As sent to this target.
    pub number: String,
    /// As sent to this target.
    pub caller: String,
    /// From the gateway's cost tariff, if it has one.
    pub cost: Option<Quote>,
    /// What it may be offered.
    pub codecs: Codecs,
    /// Direct only if the account and the target both allow it.
    pub media: MediaMode,
}

/// What a target may be offered, and the caller be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codecs {
    /// Names that both sides may speak, in order of preference; None allows all.
    pub own: Option<Vec<String>>,
    /// The caller's offer has one of them; else its audio will be coded anew.
    pub fits: bool,
    /// What the switch may code on the caller's leg and on the target's; empty where it may not.
    pub coded: (Vec<Format>, Vec<Format>),
}

impl Codecs {
    /// Names in the order the target is offered them; empty if nothing is left out or added.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = self.own.clone().unwrap_or_default();
        for format in &self.coded.1 {
            if !names.iter().any(|name| name == format.name()) {
                names.push(format.name().to_owned());
            }
        }
        names
    }
}

/// Where a leg goes.
#[derive(Clone, Debug)]
pub enum LegTarget {
    /// A terminator, or our account at one.
    Gateway(Arc<Gateway>),
    /// Registered phones, all rung at once.
    Devices {
        /// Whose.
        account: AccountId,
        /// Their names.
        usernames: Vec<String>,
    },
}

/// Decides. The same inputs give the same answer, always.
#[must_use]
pub fn decide(directory: &Directory, facts: &CallFacts, usage: &dyn Usage) -> Decision {
    let mut trace = Trace::default();
    let recognised = match recognise::recognise(directory, facts, &mut trace) {
        recognise::Recognition::Unknown => {
            return Decision {
                outcome: Outcome::Challenge,
                trace,
                account: None,
            };
        }
        recognise::Recognition::Known(known) => known,
    };
    let account = Some(Arc::clone(&recognised.account));
    let call = Call {
        directory,
        facts,
        usage,
    };
    let outcome = match admission(&call, recognised, &mut trace) {
        Ok(admission) => Outcome::Admitted(Box::new(admission)),
        Err(refusal) => Outcome::Refused(refusal),
    };
    Decision {
        outcome,
        trace,
        account,
    }
}

/// What a call would be priced by at each level, client first, whether or not there is a route for it.
///
/// # Errors
/// Why it has no price, or that the caller is not recognised.
pub fn quote_levels(directory: &Directory, facts: &CallFacts) -> Result<Vec<LevelQuote>, Refusal> {
    let mut trace = Trace::default();
    let known = match recognise::recognise(directory, facts, &mut trace) {
        recognise::Recognition::Unknown => return Err((&cause::UNKNOWN_SOURCE).into()),
        recognise::Recognition::Known(known) => known,
    };
    let call = Call {
        directory,
        facts,
        usage: &IdleUsage,
    };
    let chain = directory
        .chain(known.account.id)
        .ok_or(Refusal::from(&cause::BROKEN_CHAIN))?;
    let chain = as_dealt_with(chain, &known);
    let numbers = admit::rewrite(&call, &known, &mut trace)?;
    price::quote_levels(&call, &chain, &numbers, &mut trace)
}

/// What every step may look at.
struct Call<'a> {
    directory: &'a Directory,
    facts: &'a CallFacts,
    usage: &'a dyn Usage,
}

fn admission(
    call: &Call<'_>,
    known: recognise::Known,
    trace: &mut Trace,
) -> Result<Admission, Refusal> {
    let chain = admit::check_chain(call, &known.account, trace)?;
    let chain = as_dealt_with(chain, &known);
    if let Some(inbound) = &known.inbound {
        inbound::check(call, inbound, trace)?;
    }
    let numbers = admit::rewrite(call, &known, trace)?;
    admit::check_lists(call, &chain, &numbers, trace)?;
    admit::check_limits(call, &chain, trace)?;
    let levels = price::quote_levels(call, &chain, &numbers, trace)?;
    let candidates = match &known.inbound {
        Some(inbound) if numbers.own => inbound::phones(call, inbound, &numbers, &chain, trace)?,
        Some(_) | None => route::candidates(call, (&chain, known.reach), &numbers, &levels, trace)?,
    };
    let settings = &call.directory.settings;
    Ok(Admission {
        max_duration_s: shorter(known.account.max_duration_s, settings.max_duration_s),
        account: known.account,
        inbound: known.inbound,
        levels,
        rating_number: numbers.rating,
        caller: numbers.caller,
        candidates,
    })
}

/// The client's place in its chain, as the caller is dealt with.
fn as_dealt_with(mut chain: Vec<Arc<Account>>, known: &recognise::Known) -> Vec<Arc<Account>> {
    if let Some(client) = chain.first_mut() {
        *client = Arc::clone(&known.account);
    }
    chain
}

/// The shorter of two limits where 0 means none.
fn shorter(a: u32, b: u32) -> u32 {
    if a == 0 || (b != 0 && b < a) { b } else { a }
}

/// Notes a refusal in the trace and returns it.
fn refuse(trace: &mut Trace, cause: &'static Cause, detail: String) -> Refusal {
    trace.steps.push(Step::Refused {
        code: cause.code.to_owned(),
        detail,
    });
    cause.into()
}

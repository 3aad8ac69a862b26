//! The one decision function (design.md section 6): pure, traced, shared by live calls and the simulator.

use crate::{
    cause::Cause,
    directory::{Account, Directory, Gateway, MediaMode, Route, Target},
};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{AccountId, GatewayId, Quote, RouteId, UtcMs};
use tandem_sip::Transport;

/// What is known of a call when it arrives.
#[derive(Clone, Debug)]
pub struct CallFacts {
    pub remote: SocketAddr,
    pub transport: Transport,
    /// The device name, once its digest was verified.
    pub device: Option<String>,
    /// For the simulator: act as this account, whatever the source.
    pub as_account: Option<AccountId>,
    pub caller: String,
    pub dialled: String,
    pub at: UtcMs,
    /// Codec names of the offer, lower case; empty if the INVITE had no offer.
    pub codecs: Vec<String>,
    /// 0..10_000: picks among equal priority by share. Drawn by the caller from its generator.
    pub draw: u16,
}

/// Live counts that limits are checked against.
pub trait Usage {
    fn account_calls(&self, account: AccountId) -> u32;
    fn account_cps(&self, account: AccountId) -> u32;
    fn gateway_calls(&self, gateway: GatewayId) -> u32;
    fn gateway_cps(&self, gateway: GatewayId) -> u32;
    fn route_calls(&self, route: RouteId) -> u32;
    fn total_calls(&self) -> u32;
    fn total_cps(&self) -> u32;
    /// (answered, attempts, answered seconds) of late, for quality routing.
    fn quality(&self, gateway: GatewayId) -> (u64, u64, u64);
    /// Registered phones of a device.
    fn is_registered(&self, username: &str) -> bool;
}

#[derive(Clone, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    pub trace: Trace,
}
#[derive(Clone, Debug)]
pub enum Outcome {
    Admitted(Box<Admission>),
    Refused(&'static Cause),
    /// Not recognised by address: ask for digest credentials.
    Challenge,
}

/// A call that may be placed, if the money is there.
#[derive(Clone, Debug)]
pub struct Admission {
    pub account: Arc<Account>,
    /// Client first, then resellers.
    pub levels: Vec<LevelQuote>,
    pub rating_number: String,
    pub caller: String,
    /// In the order to try.
    pub candidates: Vec<Candidate>,
    pub max_duration_s: u32,
    pub max_hops: u8,
}
#[derive(Clone, Debug)]
pub struct LevelQuote {
    pub account: Arc<Account>,
    pub quote: Quote,
}
#[derive(Clone, Debug)]
pub struct Candidate {
    pub route: Arc<Route>,
    pub leg: LegTarget,
    /// As sent to this target.
    pub number: String,
    pub caller: String,
    pub cost: Option<Quote>,
    pub codecs: Vec<String>,
    pub media: MediaMode,
}
#[derive(Clone, Debug)]
pub enum LegTarget {
    Gateway(Arc<Gateway>),
    /** usernames to ring */
    Devices {
        account: AccountId,
        usernames: Vec<String>,
    },
}

/// Every step with its reason, in order; serialised into the CDR and shown by the simulator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    pub steps: Vec<Step>,
}
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    Recognised {
        account: AccountId,
        by: String,
    },
    Rewritten {
        stage: String,
        rules: String,
        from: String,
        to: String,
    },
    Quoted {
        account: AccountId,
        tariff: i64,
        rate: i64,
        prefix: String,
        price_per_minute: String,
    },
    /// A route that will be tried, in this order.
    Kept {
        route: i64,
        target: String,
        prefix: String,
        priority: u16,
        number: String,
        price: String,
        cost: String,
    },
    Dropped {
        route: i64,
        target: String,
        prefix: String,
        priority: u16,
        reason: String,
    },
    Refused {
        code: String,
        detail: String,
    },
    /// Added while hunting: why a candidate was left.
    Tried {
        route: i64,
        target: String,
        outcome: String,
        after_ms: u64,
    },
}

/// Decides. The same inputs give the same answer, always.
pub fn decide(directory: &Directory, facts: &CallFacts, usage: &dyn Usage) -> Decision {
    todo!()
}
pub fn target_name(directory: &Directory, target: &Target) -> String {
    todo!()
}

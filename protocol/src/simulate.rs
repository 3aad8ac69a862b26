//! The call simulator, pricing and number rules: the questions that change nothing.

use crate::{
    account::Transport,
    cdr::{Cost, LevelCharge},
    dialplan::{ListSide, ListVerdict},
    id::{AccountId, GatewayId, RouteId, TariffId},
    value::{Price, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A call to decide without placing it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecideParams {
    /// Act as this account, whatever the source.
    pub account: Option<AccountId>,
    /// As after the digest of this device.
    pub device: Option<String>,
    /// `address:port` the call would come from.
    pub source: Option<String>,
    /// How it would come.
    pub transport: Transport,
    /// Caller number.
    pub caller: String,
    /// Dialled number.
    pub dialled: String,
    /// When; now if none.
    pub at: Option<UtcMs>,
    /// Codec names in lower case; empty for an INVITE without offer.
    pub codecs: Vec<String>,
    /// Which live counts limits are checked against.
    pub usage: UsageMode,
    /// 0 to 9999: picks among equal priority by share; 0 if none.
    pub draw: Option<u16>,
    /// Also price the call as if it lasted so long.
    pub duration_s: Option<u32>,
}

/// Which live counts limits are checked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageMode {
    /// As if nothing else was going on; phones as registered now.
    #[default]
    Idle,
    /// As it is now.
    Live,
}

/// What the switch would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecideResult {
    /// Outcome.
    pub outcome: Outcome,
    /// Disconnect cause, if refused.
    pub cause: Option<CauseInfo>,
    /// Whose call.
    pub account: Option<AccountId>,
    /// As rated.
    pub rating_number: Option<String>,
    /// Client first, then its resellers upward. `billed_secs` and `charge` are for `duration_s`, else 0.
    pub levels: Vec<LevelCharge>,
    /// In the order they would be tried.
    pub candidates: Vec<Candidate>,
    /// Longest talk, seconds, by the limits (not by the money).
    pub max_duration_s: Option<u32>,
    /// Every step with its reason.
    pub trace: Vec<TraceStep>,
}

/// Outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Would be placed, if the money is there.
    Admitted,
    /// Would be refused.
    Refused,
    /// Not recognised by address: would be asked for digest credentials.
    Challenge,
}

/// A disconnect cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseInfo {
    /// Stable code.
    pub code: String,
    /// SIP status to the caller.
    pub sip_status: u16,
    /// What happened.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

/// A target that would be tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Dial plan row; none where a DID leads to phones.
    pub route: Option<RouteId>,
    /// Gateway; none for phones.
    pub gateway: Option<GatewayId>,
    /// Name of the target.
    pub target: String,
    /// Number as sent to it.
    pub number: String,
    /// Caller as sent to it.
    pub caller: String,
    /// Its price; `cost` is for `duration_s`, else 0.
    pub cost: Option<Cost>,
    /// Codecs offered to it.
    pub codecs: Vec<String>,
}

/// A step of a decision. Steps of a newer switch that this client does not know arrive as `other`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum TraceStep {
    /// Whose call.
    Recognised {
        /// Account.
        account: AccountId,
        /// By what.
        by: String,
    },
    /// A number was rewritten.
    Rewritten {
        /// Whose rule: `account`, `tech prefix`, `route 7`, `gateway berlin`, ...
        stage: String,
        /// Which number: `dialled`, `rating`, `caller`.
        number: String,
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// The entry of a block- or allowlist that decided.
    Listed {
        /// The entry's id.
        entry: i64,
        /// Whose list; none for the switch's own.
        account: Option<AccountId>,
        /// Which number.
        side: ListSide,
        /// Its prefix.
        prefix: String,
        /// What it says.
        verdict: ListVerdict,
    },
    /// A level was priced.
    Quoted {
        /// Level.
        account: AccountId,
        /// Tariff id.
        tariff: i64,
        /// Rate id.
        rate: i64,
        /// Its prefix.
        prefix: String,
        /// Price per minute.
        price_per_minute: Price,
    },
    /// A route that will be tried, in this order.
    Kept {
        /// Route id; none where a DID leads to phones.
        route: Option<i64>,
        /// Name of its target.
        target: String,
        /// Its prefix.
        prefix: String,
        /// Its priority.
        priority: u16,
        /// Number as sent to it.
        number: String,
        /// Cost per minute in the gateway's currency, if it has a cost tariff.
        cost_per_minute: Option<Price>,
    },
    /// A route that will not be tried.
    Dropped {
        /// Route id.
        route: i64,
        /// Name of its target.
        target: String,
        /// Its prefix.
        prefix: String,
        /// Its priority.
        priority: u16,
        /// Why.
        reason: String,
    },
    /// The call is refused.
    Refused {
        /// Disconnect cause.
        code: String,
        /// Details.
        detail: String,
    },
    /// A target answered 3xx and this number was looked at.
    Redirected {
        /// Name of the target.
        by: String,
        /// The number it named.
        number: String,
        /// `followed`, or why not.
        outcome: String,
    },
    /// A candidate that was tried and left.
    Tried {
        /// Route id, if it is one's target.
        route: Option<i64>,
        /// Name of its target.
        target: String,
        /// Why it was left.
        outcome: String,
        /// Milliseconds it took.
        after_ms: u64,
    },
    /// A party of the call transferred the other one; in the trace of both calls.
    Transferred {
        /// `caller` or `called`: who asked for it, in the call that it left.
        by: String,
        /// The number asked for; empty where the target was a call of its own.
        number: String,
        /// The other call.
        call: i64,
        /// `asked`, `placed for`, `joined`, or `failed` with a status.
        outcome: String,
    },
    /// A phone took the place of another one of its account.
    Replaced {
        /// `caller` or `called`.
        side: String,
        /// The phone's user name.
        by: String,
    },
    /// The recording could not be begun, or ended before the call.
    Unrecorded {
        /// Why.
        reason: String,
    },
    /// A sound could not be played.
    Unplayed {
        /// Why, with the file.
        reason: String,
    },
    /// Why a side hung up, by its own word.
    Reason {
        /// `caller` or `called`.
        side: String,
        /// `Q.850;cause=16`, ...
        said: String,
    },
    /// So many further steps of the call were not kept.
    Omitted {
        /// How many.
        steps: u32,
    },
    /// A step this protocol has no name for.
    Other {
        /// As written, JSON.
        text: String,
    },
}

/// A number and duration to price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateParams {
    /// By this tariff. Either this or `account`.
    pub tariff: Option<TariffId>,
    /// As a call of this account: its number rules, tariff overrides and resellers.
    pub account: Option<AccountId>,
    /// Number, as dialled.
    pub number: String,
    /// Caller number, for tariffs by caller.
    pub caller: String,
    /// When it is answered; now if none.
    pub at: Option<UtcMs>,
    /// Answered milliseconds.
    pub duration_ms: u64,
}

/// What it would cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateResult {
    /// Number after the rating rules.
    pub rating_number: String,
    /// One for a tariff; client first, then its resellers upward, for an account.
    pub levels: Vec<RatedLevel>,
}

/// One level's price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RatedLevel {
    /// Whose; none if a tariff was asked for.
    pub account: Option<AccountId>,
    /// Charge; `account` in it is 0 if a tariff was asked for.
    pub charge: LevelCharge,
    /// Seconds of the first block: what admission reserves.
    pub first_block_s: u64,
}

/// Number rules to try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TryRuleParams {
    /// As the operator writes them.
    pub rules: String,
    /// Which number.
    #[serde(default)]
    pub key: RuleKey,
    /// Number.
    pub number: String,
}

/// Which number a rule rewrites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKey {
    /// `DP:`, or no key: toward the dial plan.
    #[default]
    ToPlan,
    /// `DN:`: toward the terminator.
    ToGateway,
    /// `TP:`: rating number.
    Rating,
    /// `CP:`: caller ID.
    Caller,
}

/// What the rules do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TryRuleResult {
    /// Number after the rules; none if they are at fault.
    pub number: Option<String>,
    /// The fault.
    pub fault: Option<RuleFault>,
}

/// Where a rule string is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleFault {
    /// Byte offset in the rules.
    pub at: u32,
    /// Why.
    pub reason: String,
}

//! Every step of a decision with its reason, in order: kept in the CDR, shown by the simulator and by "why?".

use crate::directory::lists::{ListSide, ListVerdict};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, CallId, RateId, RouteId, TariffId};

/// Steps kept of what happens while a call is up: its parties decide how many there are.
const MAX_NOTED: usize = 200;

/// The steps, in the order they were taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Those of the decision, bounded by the hop limits of the hunt, then those noted.
    pub steps: Vec<Step>,
    #[serde(skip)]
    noted: usize,
}

impl Trace {
    /// Adds what happened to the call; beyond a limit such steps are only counted, in the last one.
    pub(crate) fn note(&mut self, step: Step) {
        if self.noted < MAX_NOTED {
            self.noted += 1;
            self.steps.push(step);
        } else if let Some(Step::Omitted { steps }) = self.steps.last_mut() {
            *steps = steps.saturating_add(1);
        } else {
            self.steps.push(Step::Omitted { steps: 1 });
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Whose call it is and by what.
    Recognised {
        /// The customer.
        account: AccountId,
        /// `digest alice`, `address 10.0.0.0/8`, `DID 4930123`, `simulator`.
        by: String,
    },
    /// A rule changed a number.
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
    /// The entry of a block- or allowlist that decided for its scope.
    Listed {
        /// The entry.
        entry: i64,
        /// Whose list; None for the switch's own.
        account: Option<AccountId>,
        /// Which number it is held against.
        side: ListSide,
        /// Its prefix.
        prefix: String,
        /// What it says.
        verdict: ListVerdict,
    },
    /// A level's price.
    Quoted {
        /// Client or reseller.
        account: AccountId,
        /// Its tariff.
        tariff: TariffId,
        /// The row found.
        rate: RateId,
        /// Its prefix.
        prefix: String,
        /// Per minute, in the tariff's currency.
        price_per_minute: Decimal,
    },
    /// A route that will be tried, in this order.
    Kept {
        /// The dial plan row; None where a DID leads to its account's phones.
        route: Option<RouteId>,
        /// Its target's name.
        target: String,
        /// Its prefix.
        prefix: String,
        /// Its priority; lower first.
        priority: u16,
        /// The number as sent.
        number: String,
        /// Cost per minute in the gateway's currency, if it has a cost tariff.
        cost_per_minute: Option<Decimal>,
    },
    /// A route that will not be tried.
    Dropped {
        /// The dial plan row.
        route: RouteId,
        /// Its target's name.
        target: String,
        /// Its prefix.
        prefix: String,
        /// Its priority.
        priority: u16,
        /// Why.
        reason: String,
    },
    /// The end of a refused call.
    Refused {
        /// From the catalogue of causes.
        code: String,
        /// What exactly.
        detail: String,
    },
    /// Added while hunting: a target answered 3xx and this number was looked at.
    Redirected {
        /// The target's name.
        by: String,
        /// The number of its Contact.
        number: String,
        /// `followed`, or why not.
        outcome: String,
    },
    /// Added when a party transferred the other one: in the trace of both calls.
    Transferred {
        /// `caller` or `called`: who asked for it, in the call that it left.
        by: String,
        /// The number asked for; empty where the target was a call of its own.
        number: String,
        /// The other call.
        call: CallId,
        /// `asked`, `placed for`, `joined`, `failed 486`, ...
        outcome: String,
    },
    /// Added when a phone took the place of another one of its account (RFC 3891).
    Replaced {
        /// `caller` or `called`.
        side: String,
        /// The phone's user name.
        by: String,
    },
    /// Added at the end: why a side hung up, by its own word (RFC 3326).
    Reason {
        /// `caller` or `called`.
        side: String,
        /// `Q.850;cause=16`, ...
        said: String,
    },
    /// Added when it happens: the recording could not be begun, or ended before the call.
    Unrecorded {
        /// Why.
        reason: String,
    },
    /// Added at the end: so many further steps were not kept.
    Omitted {
        /// How many.
        steps: u32,
    },
    /// Added when it happens: a sound could not be played.
    Unplayed {
        /// Why, with the file.
        reason: String,
    },
    /// Added while hunting: how an attempt ended.
    Tried {
        /// The dial plan row, if it is one's target.
        route: Option<RouteId>,
        /// Its target's name.
        target: String,
        /// `answered`, `503 Service Unavailable`, `no response`, ...
        outcome: String,
        /// Milliseconds from the attempt to its end.
        after_ms: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::{MAX_NOTED, Step, Trace};

    #[test]
    fn what_is_noted_has_an_end_and_the_rest_is_counted() {
        let mut trace = Trace::default();
        let step = |said: usize| Step::Reason {
            side: "caller".to_owned(),
            said: said.to_string(),
        };
        for said in 0..MAX_NOTED + 7 {
            trace.note(step(said));
        }
        assert_eq!(trace.steps.len(), MAX_NOTED + 1);
        assert_eq!(trace.steps[MAX_NOTED - 1], step(MAX_NOTED - 1));
        assert_eq!(trace.steps[MAX_NOTED], Step::Omitted { steps: 7 });
    }
}

//! DIDs: the numbers at which others call in, each with the account that has it and where its calls go.
//!
//! Whoever has the number pays: a call to its phones is priced as set for the number, one sent on elsewhere as a call
//! of its own to there.

use super::{Account, CallerIdRule, Gateway, Signalling, signalling::Transfer};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use tandem_billing::{
    AccountId, DidId, GatewayId, TariffId, UpstreamId,
    number_rule::{NumberRules, RuleKey},
    prefix::PrefixMap,
};

/// Numbers sent on from one to the next within the table before it counts as a loop.
const MAX_FORWARDS: usize = 8;

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Did {
    /// Row id.
    pub id: DidId,
    /// Digits of E.164, without `+`.
    pub number: String,
    /// Where its calls may come from; any gateway or upstream registration if None.
    #[serde(default)]
    pub source: Option<DidSource>,
    /// Who has it and pays; None while it is in stock.
    pub account: Option<AccountId>,
    /// Where its calls go.
    pub target: DidTarget,
    /// What calls to the account's phones cost it; what the account pays for the number if None.
    #[serde(default)]
    pub tariff: Option<TariffId>,
    /// Calls up at once by it; 0 means no limit of its own.
    #[serde(default)]
    pub max_calls: u32,
    /// Calls to one that is not are refused.
    #[serde(default = "super::spec::yes")]
    pub enabled: bool,
}

/// Who may send calls for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DidSource {
    /// Its hosts.
    Gateway(GatewayId),
    /// Whoever calls our Contact at its registrar.
    Upstream(UpstreamId),
}

/// Where calls to a number go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DidTarget {
    /// All registered phones of the account.
    Phones,
    /// Where this number leads when the account dials it, at its expense.
    Forward(String),
    /// Nowhere.
    Refuse {
        /// 400 to 699.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

impl Did {
    /// Its account as the peer that calls is dealt with: on the gateway's terms, but at the account's expense. What the
    /// account says of its own phones does not hold for it, and what it says of numbers dialled not for its own number.
    #[must_use]
    pub fn caller(&self, owner: &Account, gateway: &Gateway) -> Account {
        let own = &owner.signalling;
        let mut account = Account {
            signalling: Signalling {
                transfer: Transfer::Refused,
                recording: own.recording,
                recording_tone: own.recording_tone,
                ..gateway.signalling.clone()
            },
            codecs: gateway.codecs.clone(),
            media: gateway.media,
            srtp: gateway.srtp,
            ..owner.clone()
        };
        if self.target == DidTarget::Phones {
            account.rules = NumberRules::default();
            account.caller_id = CallerIdRule::Pass;
            if let Some(tariff) = self.tariff {
                account.tariff = Some(tariff);
                account.dnis_tariffs = PrefixMap::default();
                account.ani_tariffs = PrefixMap::default();
            }
        }
        account
    }
}

/// A number as a gateway's calls name it: by its `DP:` rules, without `+`.
#[must_use]
pub fn called(gateway: &Gateway, number: &str) -> String {
    let number = gateway.rules.apply(RuleKey::ToPlan, number);
    plain(&number).to_owned()
}

fn plain(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}

/// All of them, by number.
#[derive(Clone, Debug, Default)]
pub struct Dids(HashMap<String, Arc<Did>>);

impl Dids {
    /// Of a number given twice the last one holds.
    #[must_use]
    pub fn build(dids: impl IntoIterator<Item = Did>) -> Self {
        let by_number = |did: Did| (did.number.clone(), Arc::new(did));
        Self(dids.into_iter().map(by_number).collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Did>> {
        self.0.values()
    }

    /// The number, if somebody has it: one in stock leads nowhere.
    #[must_use]
    pub fn of(&self, number: &str) -> Option<&Arc<Did>> {
        self.0.get(number).filter(|did| did.account.is_some())
    }

    /// Whether a number that is sent on comes back to where it began, or never ends. `rewritten`: a number as the plan
    /// sees it when the account dials it.
    #[must_use]
    pub fn is_loop(
        &self,
        first: &Did,
        rewritten: impl Fn(AccountId, &str) -> Option<String>,
    ) -> bool {
        let mut did = first;
        for _ in 0..MAX_FORWARDS {
            let (DidTarget::Forward(to), Some(account)) = (&did.target, did.account) else {
                return false;
            };
            let number = rewritten(account, to);
            match number.and_then(|number| self.of(plain(&number))) {
                Some(next) => did = next,
                None => return false,
            }
        }
        true
    }
}

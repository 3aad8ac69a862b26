//! Block- and allowlists of callers and dialled numbers (features.md section 3).
//!
//! Within one scope the entry with the longest prefix wins, so that an exception is written as a longer one. The
//! switch's own entries and those of the topmost account of a chain are one scope (on equal length the account's
//! entry wins): both are the operator's. Each account below is a scope of its own, and every scope must let a
//! call pass: a reseller can narrow what it was given, never widen it. Pure data; the store fills it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tandem_billing::{AccountId, prefix::PrefixMap};

/// Which number of a call an entry is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSide {
    /// Who calls, as sent.
    Caller,
    /// What is dialled, before and after the account's rules.
    Dialled,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListVerdict {
    /// Refused.
    Block,
    /// Passes, though a shorter entry blocks it.
    Allow,
}

/// One entry as the store or a JSON directory has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// Row id; 0 where there are no rows.
    #[serde(default)]
    pub id: i64,
    /// Whose; None for every call.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Held against which number.
    pub side: ListSide,
    /// What it says.
    pub verdict: ListVerdict,
    /// What the number begins with; empty fits all.
    pub prefix: String,
}

/// The entry that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Row id.
    pub id: i64,
    /// Whose; None for the switch's own.
    pub account: Option<AccountId>,
    /// Its prefix.
    pub prefix: String,
    /// What it says.
    pub verdict: ListVerdict,
}

type Entries = PrefixMap<(i64, ListVerdict)>;

/// All lists.
#[derive(Clone, Debug, Default)]
pub struct CallLists {
    lists: BTreeMap<(Option<AccountId>, ListSide), Entries>,
}

impl CallLists {
    /// From all entries; of two with one account, side and prefix the later one counts.
    #[must_use]
    pub fn build(entries: impl IntoIterator<Item = ListEntry>) -> Self {
        let mut grouped: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in entries {
            let list: &mut Vec<_> = grouped.entry((entry.account, entry.side)).or_default();
            list.push((entry.prefix, (entry.id, entry.verdict)));
        }
        let lists = grouped
            .into_iter()
            .map(|(key, entries)| (key, PrefixMap::build(entries)));
        Self {
            lists: lists.collect(),
        }
    }

    /// The deciding entry of each scope that has one, outermost first; `chain` is client first.
    #[must_use]
    pub fn decide(&self, chain: &[AccountId], side: ListSide, numbers: &[&str]) -> Vec<Listed> {
        let mut chain = chain.iter().rev().copied();
        let outermost = self.longest(&[chain.next(), None], side, numbers);
        let below = chain.filter_map(|account| self.longest(&[Some(account)], side, numbers));
        outermost.into_iter().chain(below).collect()
    }

    /// The longest match in some lists; of equally long ones the first list's.
    fn longest(
        &self,
        accounts: &[Option<AccountId>],
        side: ListSide,
        numbers: &[&str],
    ) -> Option<Listed> {
        let mut best: Option<Listed> = None;
        for account in accounts {
            let Some(entries) = self.lists.get(&(*account, side)) else {
                continue;
            };
            for (prefix, (id, verdict)) in numbers.iter().filter_map(|n| entries.longest(n)) {
                if best
                    .as_ref()
                    .is_none_or(|best| prefix.len() > best.prefix.len())
                {
                    best = Some(Listed {
                        id: *id,
                        account: *account,
                        prefix: prefix.to_owned(),
                        verdict: *verdict,
                    });
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ListVerdict::{Allow, Block};

    fn entry(id: i64, account: i64, verdict: ListVerdict, prefix: &str) -> ListEntry {
        ListEntry {
            id,
            account: (account != 0).then_some(AccountId(account)),
            side: ListSide::Dialled,
            verdict,
            prefix: prefix.into(),
        }
    }

    #[test]
    fn the_longest_entry_of_each_scope_decides() {
        let lists = CallLists::build([
            entry(1, 0, Block, "44"),
            entry(2, 0, Allow, "4420"),
            entry(3, 5, Block, "4420"),
            entry(4, 5, Allow, "4477"),
            entry(5, 6, Allow, "44"),
            entry(6, 6, Block, ""),
        ]);
        for (chain, number, expected) in [
            (&[][..], "49", &[][..]),
            (&[], "441", &[(1, Block)]),
            (&[], "44201", &[(2, Allow)]),
            // Directly below the operator: its entries weigh as much as the switch's own.
            (&[5], "44201", &[(3, Block)]),
            (&[5], "44771", &[(4, Allow)]),
            (&[6], "441", &[(5, Allow)]),
            (&[6], "49", &[(6, Block)]),
            // Below a reseller: it cannot open what is blocked above.
            (&[6, 7], "441", &[(1, Block), (5, Allow)]),
            (&[6, 5], "44771", &[(4, Allow), (5, Allow)]),
            (&[6, 7], "49", &[(6, Block)]),
        ] {
            let chain: Vec<AccountId> = chain.iter().map(|id| AccountId(*id)).collect();
            let decided = lists.decide(&chain, ListSide::Dialled, &[number]);
            let decided: Vec<_> = decided.iter().map(|l| (l.id, l.verdict)).collect();
            assert_eq!(decided, expected, "{chain:?} {number}");
        }
        let both = lists.decide(&[AccountId(5)], ListSide::Dialled, &["00441", "44771"]);
        assert_eq!(both[0].id, 4, "either form of the number");
        assert!(lists.decide(&[], ListSide::Caller, &["441"]).is_empty());
    }
}

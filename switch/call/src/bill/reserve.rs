//! Admission: the fee and the first block at every level, or a longer slice, or a refusal that names the level.

use super::{Bill, Unpaid, credit_limit, day, funds, slice};
use crate::{decide::LevelQuote, switch::state::Core};
use tandem_billing::{CallId, Micros, ledger::Level};

/// Reserves for a call about to be placed. `longest_s` 0 means no limit.
pub(crate) fn reserve(
    core: &mut Core,
    call: CallId,
    levels: Vec<LevelQuote>,
    longest_s: u32,
) -> Result<Bill, Unpaid> {
    let longest_s = if longest_s == 0 {
        u64::MAX
    } else {
        u64::from(longest_s)
    };
    let until_s = {
        // This call is one more to share with.
        let funds = funds(core, &levels, &[], 1);
        slice::next_end(&funds, 0, slice_s(core), longest_s)
    };
    let holds: Vec<Level> = levels
        .iter()
        .map(|level| Level {
            account: level.account.id,
            amount: level.quote.charge_secs(until_s),
            credit_limit: credit_limit(core, level),
        })
        .collect();
    day::check(core, &holds, &[])?;
    core.ledger.reserve(call, &holds)?;
    Ok(Bill {
        holds: holds
            .iter()
            .map(|level| level.amount)
            .collect::<Vec<Micros>>(),
        levels,
        cost: None,
        paid_until_s: until_s,
        longest_s,
        hold_seq: 0,
        warned: false,
    })
}

/// The longest slice reserved at once, at least a second.
pub(crate) fn slice_s(core: &Core) -> u64 {
    u64::from(core.directory.settings.max_slice_s.max(1))
}

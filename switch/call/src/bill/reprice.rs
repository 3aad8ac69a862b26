//! The price at the answer: the rows in force then rate the whole call (rating.md section 1.3), at every level
//! and at the gateway that answered.

use super::{Cost, Unpaid, day, funds, reserve::slice_s, slice};
use crate::{
    call::Call,
    cause,
    decide::{Candidate, LegTarget, LevelQuote},
    switch::state::Core,
};
use tandem_billing::{Micros, Quote, QuoteError, number_rule::RuleKey};

/// Notes the price of the gateway that answered.
pub(crate) fn take_cost(call: &mut Call, candidate: Candidate) {
    let LegTarget::Gateway(gateway) = &candidate.leg else {
        return;
    };
    call.bill.cost = candidate.cost.map(|quote| Cost {
        gateway: gateway.id,
        number: gateway.rules.apply(RuleKey::Rating, &candidate.number),
        quote,
    });
}

/// Takes every quote again at this instant and sees that the hold pays for it, raising it if it must; the journal
/// learns both with the answer.
pub(crate) fn reprice(core: &mut Core, call: &mut Call) -> Result<(), Unpaid> {
    requote(core, call).map_err(|error| Unpaid {
        cause: &cause::NO_RATE,
        detail: error.to_string(),
    })?;
    let bill = &call.bill;
    let funds = funds(core, &bill.levels, &bill.holds, 0);
    let covered = covered_s(&bill.levels, &bill.holds, bill.paid_until_s);
    let least = slice::next_end(&funds, 0, 1, bill.longest_s);
    if covered.is_some_and(|until_s| until_s >= least.min(bill.longest_s)) {
        call.bill.paid_until_s = covered.unwrap_or(least);
        return Ok(());
    }
    let until_s = slice::next_end(&funds, 0, slice_s(core), bill.longest_s);
    let levels = call.bill.holds_until(core, until_s);
    day::check(core, &levels, &call.bill.holds)?;
    core.ledger.extend(call.id, &levels)?;
    call.bill.take_holds(&levels, until_s);
    Ok(())
}

/// The seconds that the holds pay for at the quotes, up to a cap; None if not even the first block.
fn covered_s(levels: &[LevelQuote], holds: &[Micros], cap_s: u64) -> Option<u64> {
    levels
        .iter()
        .zip(holds)
        .try_fold(cap_s, |until_s, (level, held)| {
            level.quote.affordable_secs(*held, until_s)
        })
}

fn requote(core: &Core, call: &mut Call) -> Result<(), QuoteError> {
    let (tariffs, at) = (&call.directory.tariffs, core.now.utc);
    let again = |quote: &Quote, number: &str| tariffs.quote(quote.tariff, number, at);
    for level in &mut call.bill.levels {
        level.quote = again(&level.quote, &level.number)?;
    }
    if let Some(cost) = call.bill.cost.as_mut() {
        // A terminator whose rate has just ended still takes what it took when the route was chosen.
        if let Ok(quote) = again(&cost.quote, &cost.number) {
            cost.quote = quote;
        }
    }
    Ok(())
}

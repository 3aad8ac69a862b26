//! The price of a call that is redirected before it was answered: the new number's, at every level.

use super::{Unpaid, funds, reserve::slice_s, slice};
use crate::{call::Call, decide::LevelQuote, journal::Record, switch::state::Core};

/// Exchanges the quotes and sees that the hold pays for the first slice at the new price; the old price stays if
/// it cannot.
pub(crate) fn exchange(
    core: &mut Core,
    call: &mut Call,
    levels: Vec<LevelQuote>,
) -> Result<(), Unpaid> {
    let old = std::mem::replace(&mut call.bill.levels, levels);
    let bill = &call.bill;
    let until_s = {
        let funds = funds(core, &bill.levels, &bill.holds, 0);
        slice::next_end(&funds, 0, slice_s(core), bill.longest_s)
    };
    let holds = bill.holds_until(core, until_s);
    if let Err(error) = core.ledger.extend(call.id, &holds) {
        call.bill.levels = old;
        return Err(error.into());
    }
    call.bill.take_holds(&holds, until_s);
    call.bill.hold_seq = core.record(Record::Extended {
        call: call.id,
        levels: holds,
        paid_until_s: until_s,
    });
    Ok(())
}

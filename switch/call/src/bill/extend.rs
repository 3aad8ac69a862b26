//! The next slice, in time: begun some seconds before the paid one runs out, tried again until its last
//! moment, and the call is cut exactly there if it cannot be paid.

use super::{Unpaid, day, funds, reserve::slice_s, slice, warn};
use crate::{
    call::{Call, Stage},
    cause,
    journal::Record,
    switch::{end, state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_sip::Mono;

/// The next slice is begun this long before the last one ends, or at half of a shorter one.
const LEAD: Duration = Duration::from_secs(5);
/// A slice that could not be paid is tried again this often: a top-up may come.
const RETRY: Duration = Duration::from_secs(1);

/// The instant an answered second ends.
fn instant(call: &Call, second: u64) -> Option<Mono> {
    let answered = call.marks.answered?;
    Some(answered.mono + Duration::from_secs(second))
}

/// Arms cut-off and extension for what is paid now.
pub(crate) fn arm(core: &mut Core, call: &Call) {
    let paid_s = call.bill.paid_until_s;
    let Some(cut) = instant(call, paid_s) else {
        return;
    };
    core.timers.arm(Timer::CutOff(call.id), cut);
    warn::arm(core, call);
    if paid_s >= call.bill.longest_s {
        core.timers.disarm(Timer::Extend(call.id));
        return;
    }
    let left = cut.since(core.now.mono);
    let ahead = LEAD.min(left / 2);
    core.arm_in(Timer::Extend(call.id), left.saturating_sub(ahead));
}

/// The extension falls due.
pub(crate) fn handle_extend(core: &mut Core, call: &mut Call) {
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering | Stage::Ending => return,
    }
    if extend(core, call).is_ok() {
        return arm(core, call);
    }
    let again = core.now.mono + RETRY;
    if instant(call, call.bill.paid_until_s).is_some_and(|cut| again < cut) {
        core.timers.arm(Timer::Extend(call.id), again);
    }
}

/// The last paid second is over: one more try, then the end.
pub(crate) fn handle_cut_off(core: &mut Core, call: &mut Call) {
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering | Stage::Ending => return,
    }
    if call.bill.paid_until_s >= call.bill.longest_s {
        return end::end(core, call, &cause::MAX_DURATION, end::Left::Nobody);
    }
    match extend(core, call) {
        Ok(()) => arm(core, call),
        Err(unpaid) => {
            let cause = if *unpaid.cause == cause::DAILY_LIMIT {
                &cause::DAILY_LIMIT_REACHED
            } else {
                &cause::OUT_OF_MONEY
            };
            end::end(core, call, cause, end::Left::Nobody);
        }
    }
}

fn extend(core: &mut Core, call: &mut Call) -> Result<(), Unpaid> {
    let bill = &call.bill;
    let until_s = {
        let funds = funds(core, &bill.levels, &bill.holds, 0);
        slice::next_end(&funds, bill.paid_until_s, slice_s(core), bill.longest_s)
    };
    let levels = bill.holds_until(core, until_s);
    day::check(core, &levels, &bill.holds)?;
    core.ledger.extend(call.id, &levels)?;
    call.bill.take_holds(&levels, until_s);
    core.record(Record::Extended {
        call: call.id,
        levels,
        paid_until_s: until_s,
    });
    core.feed.touch(call.id);
    Ok(())
}

//! The beep before a call is cut, by whichever limit comes first: a level's balance, its limit of the day, or the
//! longest duration. When it is due depends on what other calls spend meanwhile, so it is looked at again each time it
//! would be.

use super::funds;
use crate::{
    call::{Call, Stage},
    media::play,
    switch::{state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_billing::Micros;

/// Hold or slice have changed: the warning is looked at when what is paid comes to its last seconds.
pub(crate) fn arm(core: &mut Core, call: &Call) {
    look_at(core, call, call.bill.paid_until_s);
}

/// Arms the look at the warning of a call that might be cut at a second.
fn look_at(core: &mut Core, call: &Call, end_s: u64) {
    let ahead_s = u64::from(core.directory.settings.media.sounds.money_warning_s);
    let Some(answered) = call.marks.answered.filter(|_| ahead_s != 0) else {
        return core.timers.disarm(Timer::Warn(call.id));
    };
    let at = answered.mono + Duration::from_secs(end_s.saturating_sub(ahead_s));
    core.timers.arm(Timer::Warn(call.id), at.max(core.now.mono));
}

/// The time may have come.
pub(crate) fn handle_due(core: &mut Core, call: &mut Call) {
    let ahead_s = u64::from(core.directory.settings.media.sounds.money_warning_s);
    let Some(answered) = call.marks.answered.filter(|_| call.stage == Stage::Talking) else {
        return;
    };
    let end_s = ends_s(core, call, ahead_s);
    let passed_s = core.now.mono.since(answered.mono).as_secs();
    if passed_s.saturating_add(ahead_s) < end_s {
        call.bill.warned = false;
        return look_at(core, call, end_s);
    }
    if !std::mem::replace(&mut call.bill.warned, true) {
        play::warn(core, call);
    }
}

/// The second at which the call is cut, as far as it matters: not more than `ahead_s` and one behind what is paid.
fn ends_s(core: &Core, call: &Call, ahead_s: u64) -> u64 {
    let bill = &call.bill;
    let cap_s = bill
        .paid_until_s
        .saturating_add(ahead_s + 1)
        .min(bill.longest_s);
    let funds = funds(core, &bill.levels, &bill.holds, 0);
    let ends = funds.iter().map(|level| {
        let calls = i64::try_from(level.calls).unwrap_or(i64::MAX).max(1);
        let share = Micros(level.spendable.0.max(0) / calls);
        let money = level.held.saturating_add(share);
        level.quote.affordable_secs(money, cap_s).unwrap_or(0)
    });
    ends.min()
        .unwrap_or(cap_s)
        .max(bill.paid_until_s.min(cap_s))
}

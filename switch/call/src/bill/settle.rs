//! The end of the money: what was used is charged at every level, the rest of the hold is free again, and the
//! CDR leaves with its entries in one batch.

use super::cdr;
use crate::{
    call::Call,
    decide::Step,
    journal::Record,
    switch::{alarm, state::Core},
};
use tandem_billing::{
    AccountId, Micros,
    cdr::{Cost, LevelCharge},
    ledger::Entry,
};

/// Books an ended call, once.
pub(crate) fn book(core: &mut Core, call: &mut Call) {
    let Some(mut end) = call.end.filter(|end| !end.booked) else {
        return;
    };
    end.booked = true;
    call.end = Some(end);
    let charges = match call.marks.answered {
        Some(_) => charges(call, end.duration_ms),
        None => Vec::new(),
    };
    let (charges, entries) = close_hold(core, call, charges);
    let cost = call
        .marks
        .answered
        .and_then(|_| cost(call, end.duration_ms));
    let mut cdr = cdr::of_call(call, end.at.utc);
    cdr.duration_ms = end.duration_ms;
    end.cause.code.clone_into(&mut cdr.cause);
    cdr.charges = charges;
    cdr.cost = cost;
    core.record(Record::Ended {
        cdr: Box::new(cdr),
        entries,
    });
    core.feed.gone(call.id, end.cause.code);
}

/// Settles or releases. Should the ledger refuse, nothing is charged, and alert and trace say so: a charge
/// without its entry would make balance and CDRs differ for ever.
fn close_hold(
    core: &mut Core,
    call: &mut Call,
    charges: Vec<LevelCharge>,
) -> (Vec<LevelCharge>, Vec<Entry>) {
    let booked = if call.marks.answered.is_some() {
        let amounts: Vec<(AccountId, Micros)> =
            charges.iter().map(|c| (c.account, c.charge)).collect();
        core.ledger.settle(call.id, core.now.utc, &amounts)
    } else {
        core.ledger.release(call.id).map(|()| Vec::new())
    };
    match booked {
        Ok(entries) => {
            alarm::booked(core, &entries);
            (charges, entries)
        }
        Err(error) => {
            alarm::unsettled(core, call.id, call.who.account.id, &error);
            call.trace.note(Step::Refused {
                code: "switch.ledger".to_owned(),
                detail: error.to_string(),
            });
            (Vec::new(), Vec::new())
        }
    }
}

/// Each level's charge, never above its hold.
fn charges(call: &Call, duration_ms: u64) -> Vec<LevelCharge> {
    let levels = call.bill.levels.iter().zip(&call.bill.holds);
    levels
        .map(|(level, held)| {
            let quote = &level.quote;
            let charge = quote.charge(duration_ms, 0);
            LevelCharge {
                account: level.account.id,
                tariff: quote.tariff,
                rate: quote.rate,
                prefix: quote.prefix.clone(),
                description: quote.description.clone(),
                currency: quote.currency,
                price_per_minute: quote.price_per_minute,
                billed_secs: charge.billed_secs,
                charge: charge.amount.min(*held),
            }
        })
        .collect()
}

fn cost(call: &Call, duration_ms: u64) -> Option<Cost> {
    let cost = call.bill.cost.as_ref()?;
    let taken = cost.quote.charge(duration_ms, 0);
    Some(Cost {
        gateway: cost.gateway,
        tariff: cost.quote.tariff,
        rate: cost.quote.rate,
        prefix: cost.quote.prefix.clone(),
        currency: cost.quote.currency,
        price_per_minute: cost.quote.price_per_minute,
        billed_secs: taken.billed_secs,
        cost: taken.amount,
    })
}

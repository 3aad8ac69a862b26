//! What every call leaves behind, as it would be written at any moment of it.

use crate::{
    call::Call,
    cause::{self, Cause},
    decide::{CallFacts, Trace},
    journal::OpenCall,
};
use tandem_billing::{
    AccountId, CallId, UtcMs,
    cdr::{Cdr, MediaStats},
    exchange::KeptRatios,
};

/// The CDR of a call, without charges and cost.
pub(crate) fn of_call(call: &Call, ended_at: UtcMs) -> Cdr {
    let target = call.target.as_ref();
    let (media_a, media_b) = call.media.stats();
    Cdr {
        call: call.id,
        a_call_id: call.who.call_id.clone(),
        b_call_id: target.and_then(|target| target.call_id.clone()),
        attempts: 1,
        account: Some(call.who.account.id),
        source: call.who.source.to_string(),
        caller: call.who.caller.clone(),
        dialled: call.who.dialled.clone(),
        sent_number: target.map(|target| target.number.clone()),
        rating_number: Some(call.who.rating_number.clone()),
        started_at: call.began.utc,
        ringing_at: call.marks.ringing_at,
        answered_at: call.marks.answered.map(|answered| answered.utc),
        ended_at,
        duration_ms: 0,
        pdd_ms: call.marks.pdd_ms,
        route: target.and_then(|target| target.route),
        gateway: target.and_then(|target| target.gateway),
        callee_account: target.and_then(|target| target.callee_account),
        transfer: call.links.with,
        cause: cause::CRASHED.code.to_owned(),
        sip_status: call.marks.status,
        codec: call.media.codec.clone(),
        codec_b: call.media.codec_b.clone(),
        charges: Vec::new(),
        cost: None,
        exchange: exchange(call),
        recording: call.media.recording.names(),
        media_a,
        media_b,
        trace: text(&call.trace),
    }
}

/// Ratios in force at the answer of all currencies the call is paid in.
fn exchange(call: &Call) -> Option<KeptRatios> {
    let answered = call.marks.answered.map(|answered| answered.utc);
    let at = answered.or(call.marks.answer_journalled)?;
    let levels = call.bill.levels.iter().map(|level| level.quote.currency);
    let cost = call.bill.cost.as_ref().map(|cost| cost.quote.currency);
    call.directory.ratios.kept(levels.chain(cost), at)
}

/// What the journal keeps of an open call.
pub(crate) fn open_call(call: &Call, now: UtcMs) -> OpenCall {
    OpenCall {
        cdr: of_call(call, now),
        quotes: call.bill.quotes(),
        cost: call
            .bill
            .cost
            .as_ref()
            .map(|cost| (cost.gateway, cost.quote.clone())),
        holds: call.bill.holds(),
        paid_until_s: call.bill.paid_until_s,
    }
}

/// A call that was refused before it began.
pub(crate) struct Refused<'a> {
    pub(crate) call_id: &'a str,
    pub(crate) facts: &'a CallFacts,
    pub(crate) account: AccountId,
    pub(crate) trace: &'a Trace,
    pub(crate) cause: &'static Cause,
    pub(crate) status: u16,
}

pub(crate) fn of_refusal(now: UtcMs, call: CallId, refused: &Refused<'_>) -> Cdr {
    Cdr {
        call,
        a_call_id: refused.call_id.to_owned(),
        b_call_id: None,
        attempts: 1,
        account: Some(refused.account),
        source: refused.facts.remote.to_string(),
        caller: refused.facts.caller.clone(),
        dialled: refused.facts.dialled.clone(),
        sent_number: None,
        rating_number: None,
        started_at: now,
        ringing_at: None,
        answered_at: None,
        ended_at: now,
        duration_ms: 0,
        pdd_ms: None,
        route: None,
        gateway: None,
        callee_account: None,
        transfer: None,
        cause: refused.cause.code.to_owned(),
        sip_status: Some(refused.status),
        codec: None,
        codec_b: None,
        charges: Vec::new(),
        cost: None,
        exchange: None,
        recording: None,
        media_a: MediaStats::default(),
        media_b: MediaStats::default(),
        trace: text(refused.trace),
    }
}

fn text(trace: &Trace) -> String {
    serde_json::to_string(trace).unwrap_or_default()
}

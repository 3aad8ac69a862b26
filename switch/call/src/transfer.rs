//! A party sends the other one on (REFER: RFC 3515, RFC 5589), or a phone takes the place of another dialog of its
//! account (INVITE with Replaces: RFC 3891).
//!
//! The switch acts itself and passes neither across. [`refer`] judges what is asked, [`place`] calls the target at
//! the expense of the party that transfers, [`early`] takes a target that it has called itself and that still rings, [`join`] moves the leg of the party that stays into the call it goes on
//! in, [`notify`] tells the one that transfers how it goes, [`replaces`] lets a phone step in. No leg is unpaid at
//! any moment: the call that lost its talk goes on being paid as a rider of the other one until that ends.

pub(crate) mod early;
pub(crate) mod join;
pub(crate) mod notify;
pub(crate) mod place;
pub(crate) mod refer;
pub(crate) mod replaces;

use crate::{
    call::{Call, Stage},
    cause::{self, Blame, Cause},
    decide::Step,
    leg::{change, refresh},
    media,
    switch::{end, state::Core, timer::Timer},
};
use notify::News;
use tandem_billing::CallId;
use tandem_sdp::{Direction, Side};
use tandem_sip::Mono;

/// Transfers that may lead to one call, one after the other: each leaves a rider that is paid to the end.
pub(crate) const MAX_DEPTH: u8 = 5;

/// Transfers asked for within one call.
pub(crate) const MAX_ASKED: u8 = 16;

/// How a call stands to others.
#[derive(Default)]
pub(crate) struct Links {
    /// A transfer that one of its parties asked for and that is not decided.
    pub(crate) pending: Option<Box<Pending>>,
    /// The call whose party this one was placed for, until that has come over.
    pub(crate) serves: Option<CallId>,
    /// The talk goes on in that call; here it is only paid.
    pub(crate) rides: Option<CallId>,
    /// Calls that are paid until this one ends.
    pub(crate) riders: Vec<CallId>,
    /// The last call that a transfer connected it with.
    pub(crate) with: Option<CallId>,
    /// A leg whose place a phone took that has not confirmed yet.
    pub(crate) replaced: Option<Box<replaces::Replaced>>,
    /// Transfers that led here.
    pub(crate) depth: u8,
    /// Transfers its parties asked for.
    pub(crate) asked: u8,
}

/// A transfer under way.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Who asked for it.
    pub(crate) by: Side,
    /// As asked.
    pub(crate) number: String,
    /// The call the other party is to go over to.
    pub(crate) target: CallId,
    /// The side of it where that party will stand.
    pub(crate) place: Side,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
    pub(crate) news: News,
    /// Times that it could not take place yet.
    pub(crate) waits: u8,
}

/// What the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call placed for it.
    Blind,
    /// A call that the one that transfers had placed itself and that nobody had answered.
    Early,
    /// Another call of the one that transfers.
    Attended,
}

/// Whether the one that transfers is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    Gone,
}

/// What one call has to tell another; carried by the table of calls, since a verb sees one call only. What is said
/// of a transfer names its target, since by then another transfer may be under way.
pub(crate) enum Letter {
    /// A call placed for a transfer enters the table.
    Placed(Box<Call>),
    /// `target`, which rings, is for a party of `of` from here on.
    Adopt {
        target: CallId,
        of: CallId,
        depth: u8,
    },
    /// `target`, which was placed for `to`, rings.
    Rings {
        to: CallId,
        target: CallId,
        status: u16,
    },
    /// `target`, where a party of `to` wanted to go over, has failed.
    Failed {
        to: CallId,
        target: CallId,
        status: u16,
    },
    /// `target` has answered, or may have become free: the transfer of `of` takes place.
    Join { of: CallId, target: CallId },
    /// `of` does not wait for `target` any more, which was placed for it.
    Forsake { target: CallId, of: CallId },
    /// A call linked with `to` ended; it was over before if a side of it was lost at `lost`.
    End {
        to: CallId,
        cause: &'static Cause,
        lost: Option<Mono>,
    },
}

impl Call {
    /// Whether somebody is at a side.
    pub(crate) fn is_there(&self, side: Side) -> bool {
        let gone = self
            .links
            .pending
            .as_ref()
            .is_some_and(|pending| pending.by == side && pending.presence == Presence::Gone);
        let awaited = self.links.serves.is_some() && side == Side::A;
        self.links.rides.is_none() && !gone && !awaited
    }

    /// Whether a transfer of its parties leads to `target`.
    pub(crate) fn goes_to(&self, target: CallId) -> bool {
        let pending = self.links.pending.as_ref();
        pending.is_some_and(|pending| pending.target == target)
    }

    /// Whether both parties are there, so that requests may go from one to the other.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_there(Side::A) && self.is_there(Side::B)
    }
}

fn name(side: Side) -> String {
    match side {
        Side::A => "caller".to_owned(),
        Side::B => "called".to_owned(),
    }
}

/// What the CDRs of both calls say of a transfer.
fn note(call: &mut Call, (by, number): (Side, &str), other: CallId, outcome: &str) {
    call.trace.note(Step::Transferred {
        by: name(by),
        number: number.to_owned(),
        call: other,
        outcome: outcome.to_owned(),
    });
}

/// The one that transfers hung up before it was decided: the other party waits alone.
pub(crate) fn leave(core: &mut Core, call: &mut Call, side: Side) {
    let Some(pending) = call.links.pending.as_mut() else {
        return;
    };
    pending.presence = Presence::Gone;
    core.timers.disarm(Timer::Session(call.id, side));
    change::forsake(core, call, side);
    refresh::forsake(core, call, side);
    media::note_direction(core, call, Direction::Inactive);
    core.feed.touch(call.id);
}

/// What the party was to go over to has failed. The call goes on as if nothing had been, unless the one that asked
/// has gone.
pub(crate) fn failed(core: &mut Core, call: &mut Call, status: u16) {
    let Some(pending) = call.links.pending.as_deref() else {
        return;
    };
    let (by, presence, target) = (pending.by, pending.presence, pending.target);
    let (number, kind) = (pending.number.clone(), pending.kind);
    core.timers.disarm(Timer::Join(call.id));
    note(call, (by, &number), target, &format!("failed {status}"));
    forsake(core, call.id, target, kind);
    match presence {
        Presence::Here => {
            notify::finish(core, call, status);
            call.links.pending = None;
        }
        Presence::Gone => {
            let left = match by {
                Side::A => end::Left::Caller,
                Side::B => end::Left::Callee,
            };
            end::end(core, call, &cause::TRANSFER_FAILED, left);
        }
    }
}

/// Nobody goes over to the target any more: a call placed for that has lost its sense.
fn forsake(core: &mut Core, of: CallId, target: CallId, kind: Kind) {
    match kind {
        Kind::Blind | Kind::Early => core.letters.push_back(Letter::Forsake { target, of }),
        Kind::Attended => {}
    }
}

/// The call it was placed for does not want it any more.
pub(crate) fn forsaken(core: &mut Core, call: &mut Call, of: CallId) {
    if call.links.serves != Some(of) {
        return;
    }
    call.links.serves = None;
    let cause = match call.stage {
        Stage::Hunting | Stage::Answering => &cause::CALLER_CANCELLED,
        Stage::Talking | Stage::Ending => &cause::JOINED_ENDED,
    };
    end::end(core, call, cause, end::Left::Caller);
}

/// The call is over: what hangs together with it ends, too. `before` is the stage it ended in.
pub(crate) fn part(core: &mut Core, call: &mut Call, before: Stage, cause: &'static Cause) {
    core.timers.disarm(Timer::Join(call.id));
    replaces::abandon(core, call);
    if let Some(to) = call.links.serves.take() {
        let status = match before {
            Stage::Hunting | Stage::Answering => call.marks.status.unwrap_or(480),
            Stage::Talking | Stage::Ending => 480,
        };
        core.letters.push_back(Letter::Failed {
            to,
            target: call.id,
            status,
        });
    }
    if let Some(pending) = call.links.pending.take() {
        forsake(core, call.id, pending.target, pending.kind);
    }
    let linked = call.links.rides.into_iter();
    let cause = match cause.blame {
        Blame::Nobody | Blame::Network | Blame::Switch => cause,
        // What ended one payer's call is no fault of the other's.
        Blame::Caller | Blame::Account | Blame::Callee | Blame::Gateway | Blame::Operator => {
            &cause::JOINED_ENDED
        }
    };
    for to in linked.chain(std::mem::take(&mut call.links.riders)) {
        let lost = call.marks.billed_to;
        core.letters.push_back(Letter::End { to, cause, lost });
    }
}

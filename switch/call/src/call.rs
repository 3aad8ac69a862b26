//! One call: an attempt to connect a caller, its two legs, its money and its audio, as plain data.
//!
//! The verbs stand in [`crate::leg`], [`crate::hunt`] and [`crate::bill`]; each gets the shared core and one
//! call. Which stage allows which verb is decided in the verb, every stage listed.

use crate::{
    Directory,
    bill::Bill,
    cause::Cause,
    decide::Trace,
    directory::Account,
    hunt::Hunt,
    identity::Diverter,
    io::Now,
    leg::{Answer, Leg, Own, Passing, Reliable},
    media::CallMedia,
    transfer::Links,
};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{AccountId, CallId, DidId, GatewayId, RouteId, UtcMs};
use tandem_sdp::Side;
use tandem_sip::{Mono, endpoint::ServerTxn, value::EndReason};

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Someone to answer is looked for.
    Hunting,
    /// The called side answered; the caller's 200 waits for the hold to be durable.
    Answering,
    /// The caller was sent its 200: time counts.
    Talking,
    /// Over. The CDR may wait for the relay's last counters, our BYE for the caller's ACK.
    Ending,
}

/// One call.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) stage: Stage,
    /// When the INVITE came.
    pub(crate) began: Now,
    /// The snapshot it was decided by.
    pub(crate) directory: Arc<Directory>,
    pub(crate) who: Who,
    pub(crate) caller: CallerLeg,
    pub(crate) callee: Option<Leg>,
    /// Until somebody answered.
    pub(crate) hunt: Option<Box<Hunt>>,
    /// What the called side said at its answer, until the caller has confirmed it.
    pub(crate) answer: Option<Answer>,
    pub(crate) passing: Vec<Passing>,
    /// Requests of our own under way.
    pub(crate) own: Vec<Own>,
    pub(crate) media: CallMedia,
    pub(crate) bill: Bill,
    pub(crate) target: Option<Target>,
    pub(crate) marks: Marks,
    pub(crate) end: Option<End>,
    pub(crate) trace: Trace,
    /// To other calls, by transfers.
    pub(crate) links: Links,
}

/// Who calls whom.
pub(crate) struct Who {
    /// Of the A leg when the call began; a transfer may put another leg in its place.
    pub(crate) call_id: String,
    pub(crate) account: Arc<Account>,
    /// Where the INVITE came from.
    pub(crate) source: SocketAddr,
    /// Client first, then its resellers.
    pub(crate) chain: Vec<AccountId>,
    pub(crate) caller: String,
    /// The caller's name, when its caller ID is passed on.
    pub(crate) display: Option<String>,
    /// The caller asked not to be shown (RFC 3323).
    pub(crate) private: bool,
    /// Who sent the call on, if that is to be believed.
    pub(crate) diverted: Option<Diverter>,
    pub(crate) dialled: String,
    /// The number called in, if it is one of ours.
    pub(crate) did: Option<DidId>,
    pub(crate) rating_number: String,
}

/// The A leg: dialog from the start, and the INVITE we must answer.
pub(crate) struct CallerLeg {
    pub(crate) leg: Leg,
    /// None where we placed the call ourselves.
    pub(crate) invite: Option<ServerTxn>,
    pub(crate) confirm: Confirm,
    pub(crate) reliable: Reliable,
}

/// Whether the caller's dialog may be ended with BYE (RFC 3261 section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// No 2xx was sent.
    Unanswered,
    /// The 2xx awaits its ACK.
    Awaited,
    /// The 2xx awaits its ACK, and BYE follows.
    ThenBye,
    /// It was ACKed, or never will be.
    Done,
}

/// The target tried last; the one that answered, if one did.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) route: Option<RouteId>,
    pub(crate) gateway: Option<GatewayId>,
    pub(crate) callee_account: Option<AccountId>,
    pub(crate) name: String,
    pub(crate) number: String,
    pub(crate) call_id: Option<String>,
    /// Counted in the usage table.
    pub(crate) counted: bool,
}

/// What the CDR notes of the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) ringing_at: Option<UtcMs>,
    pub(crate) early_media: bool,
    pub(crate) pdd_ms: Option<u64>,
    /// The answer was handed to the journal; our 200 waits for it to be durable.
    pub(crate) answer_journalled: Option<UtcMs>,
    /// When our 200 was sent: from here time is billed. The wall clock is that of the journalled answer.
    pub(crate) answered: Option<Now>,
    /// A side was lost: what it had is billed to its last sign of life.
    pub(crate) billed_to: Option<Mono>,
    /// The status the caller got.
    pub(crate) status: Option<u16>,
    /// Why the side that hung up did: the other one is told.
    pub(crate) reason: EndReason,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) cause: &'static Cause,
    pub(crate) at: Now,
    /// From the answer, never above what is paid for.
    pub(crate) duration_ms: u64,
    /// The CDR is written.
    pub(crate) booked: bool,
}

impl Call {
    pub(crate) fn leg(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::A => Some(&self.caller.leg),
            Side::B => self.callee.as_ref(),
        }
    }

    pub(crate) fn leg_mut(&mut self, side: Side) -> Option<&mut Leg> {
        match side {
            Side::A => Some(&mut self.caller.leg),
            Side::B => self.callee.as_mut(),
        }
    }

    /// Nothing more is to come: it can be dropped.
    pub(crate) fn is_over(&self) -> bool {
        let booked = self.end.is_some_and(|end| end.booked);
        match self.caller.confirm {
            Confirm::Unanswered | Confirm::Done => booked,
            Confirm::Awaited | Confirm::ThenBye => false,
        }
    }

    /// Milliseconds since the answer, at most what is paid for.
    pub(crate) fn answered_ms(&self, now: Mono) -> u64 {
        let Some(answered) = self.marks.answered else {
            return 0;
        };
        let passed = now.since(answered.mono).as_millis();
        u64::try_from(passed)
            .unwrap_or(u64::MAX)
            .min(self.bill.paid_until_s.saturating_mul(1000))
    }
}

//! The INVITE client transaction: RFC 3261 figure 5 with the Accepted state of RFC 6026 section 7.2.
//!
//! A pure table: state and input in, state and actions out. CANCEL's wait for a final response
//! (RFC 3261 section 9.1) is part of it; forks are told apart by whoever carries the actions out.

use super::{client::ClientAction as Do, timers::Timer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Sent, nothing heard.
    Calling,
    /// A provisional came.
    Proceeding,
    /// A 2xx came: forks may send more of them.
    Accepted,
    /// Another final came and was ACKed.
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Provisional,
    Success,
    Failure,
    TimerA,
    TimerB,
    TimerD,
    TimerM,
    CancelWait,
    TransportFailed,
}

impl Input {
    pub(super) fn from_timer(timer: Timer) -> Option<Self> {
        match timer {
            Timer::A => Some(Self::TimerA),
            Timer::B => Some(Self::TimerB),
            Timer::D => Some(Self::TimerD),
            Timer::M => Some(Self::TimerM),
            Timer::CancelWait => Some(Self::CancelWait),
            Timer::E | Timer::F | Timer::G | Timer::H | Timer::I | Timer::J => None,
            Timer::K | Timer::L | Timer::Repeat | Timer::Trying | Timer::Unanswered => None,
        }
    }
}

pub(super) fn step(state: State, input: Input) -> (State, &'static [Do]) {
    use Input as I;
    use State as S;
    match (state, input) {
        (S::Calling, I::Provisional) => (
            S::Proceeding,
            &[
                Do::Disarm(Timer::A),
                Do::Disarm(Timer::B),
                Do::Report,
                Do::SendCancel,
            ],
        ),
        (S::Calling, I::Success) => (
            S::Accepted,
            &[
                Do::Disarm(Timer::A),
                Do::Disarm(Timer::B),
                Do::ReportFork,
                Do::Arm(Timer::M),
            ],
        ),
        (S::Calling, I::Failure) => (
            S::Completed,
            &[
                Do::Disarm(Timer::A),
                Do::Disarm(Timer::B),
                Do::SendAck,
                Do::Report,
                Do::Arm(Timer::D),
            ],
        ),
        (S::Calling, I::TimerA) => (S::Calling, &[Do::Resend, Do::Rearm(Timer::A)]),
        (S::Calling, I::TimerB) => (S::Terminated, &[Do::ReportTimeout]),
        (S::Calling, I::TransportFailed) => (S::Terminated, &[Do::ReportTransportFailed]),
        (S::Calling, I::TimerD | I::TimerM | I::CancelWait) => (S::Calling, &[]),

        (S::Proceeding, I::Provisional) => (S::Proceeding, &[Do::Report]),
        (S::Proceeding, I::Success) => (
            S::Accepted,
            &[
                Do::Disarm(Timer::CancelWait),
                Do::ReportFork,
                Do::Arm(Timer::M),
            ],
        ),
        (S::Proceeding, I::Failure) => (
            S::Completed,
            &[
                Do::Disarm(Timer::CancelWait),
                Do::SendAck,
                Do::Report,
                Do::Arm(Timer::D),
            ],
        ),
        (S::Proceeding, I::CancelWait) => (S::Terminated, &[Do::ReportTimeout]),
        // Nothing is sent in this state (section 17.1.1.2 names Calling and Completed only): the peer may
        // still answer over a connection of its own.
        (S::Proceeding, I::TransportFailed) => (S::Proceeding, &[]),
        (S::Proceeding, I::TimerA | I::TimerB | I::TimerD | I::TimerM) => (S::Proceeding, &[]),

        (S::Accepted, I::Success) => (S::Accepted, &[Do::ReportFork]),
        (S::Accepted, I::TimerM) => (S::Terminated, &[]),
        (S::Accepted, I::Provisional | I::Failure) => (S::Accepted, &[]),
        // The ACK to a 2xx is the user's own (RFC 6026 section 7.2): its loss ends nothing here.
        (S::Accepted, I::TransportFailed) => (S::Accepted, &[]),
        (S::Accepted, I::TimerA | I::TimerB | I::TimerD | I::CancelWait) => (S::Accepted, &[]),

        (S::Completed, I::Failure) => (S::Completed, &[Do::ResendAck]),
        (S::Completed, I::TimerD) => (S::Terminated, &[]),
        // The user has had its final response; there is nothing left to tell.
        (S::Completed, I::TransportFailed) => (S::Terminated, &[]),
        (S::Completed, I::Provisional | I::Success) => (S::Completed, &[]),
        (S::Completed, I::TimerA | I::TimerB | I::TimerM | I::CancelWait) => (S::Completed, &[]),

        (S::Terminated, I::Provisional | I::Success | I::Failure) => (S::Terminated, &[]),
        (S::Terminated, I::TimerA | I::TimerB | I::TimerD) => (S::Terminated, &[]),
        (S::Terminated, I::TimerM | I::CancelWait | I::TransportFailed) => (S::Terminated, &[]),
    }
}

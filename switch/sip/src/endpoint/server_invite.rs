//! The INVITE server transaction: RFC 3261 figure 7 with the Accepted state of RFC 6026 section 7.1.
//!
//! Accepted is split in two: until the ACK to the 2xx came the 2xx is repeated, afterwards only repeated
//! INVITEs are absorbed. Transport errors change nothing (RFC 6026 section 7.1), so there is no such input.

use super::{server::ServerAction as Do, timers::Timer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No final response yet.
    Proceeding,
    /// A non-2xx final was sent, its ACK is awaited.
    Completed,
    /// That ACK came.
    Confirmed,
    /// A 2xx was sent, its ACK is awaited.
    Accepted,
    /// That ACK came.
    Acknowledged,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The INVITE again.
    Repeated,
    Ack,
    Provisional,
    Success,
    Failure,
    Trying,
    TimerG,
    TimerH,
    TimerI,
    TimerL,
    Repeat,
}

impl Input {
    pub(super) fn from_timer(timer: Timer) -> Option<Self> {
        match timer {
            Timer::Trying => Some(Self::Trying),
            Timer::G => Some(Self::TimerG),
            Timer::H => Some(Self::TimerH),
            Timer::I => Some(Self::TimerI),
            Timer::L => Some(Self::TimerL),
            Timer::Repeat => Some(Self::Repeat),
            Timer::A | Timer::B | Timer::D | Timer::E | Timer::F | Timer::J => None,
            Timer::K | Timer::M | Timer::CancelWait | Timer::Unanswered => None,
        }
    }
}

pub(super) fn step(state: State, input: Input) -> (State, &'static [Do]) {
    use Input as I;
    use State as S;
    match (state, input) {
        (S::Proceeding, I::Repeated) => (
            S::Proceeding,
            &[Do::Disarm(Timer::Trying), Do::ResendOrTrying],
        ),
        (S::Proceeding, I::Trying) => (S::Proceeding, &[Do::Disarm(Timer::Trying), Do::SendTrying]),
        (S::Proceeding, I::Provisional) => (S::Proceeding, &[Do::Disarm(Timer::Trying), Do::Send]),
        (S::Proceeding, I::Success) => (
            S::Accepted,
            &[
                Do::Disarm(Timer::Trying),
                Do::Send,
                Do::AwaitAck,
                Do::Arm(Timer::Repeat),
                Do::Arm(Timer::L),
            ],
        ),
        (S::Proceeding, I::Failure) => (
            S::Completed,
            &[
                Do::Disarm(Timer::Trying),
                Do::Send,
                Do::Arm(Timer::G),
                Do::Arm(Timer::H),
            ],
        ),
        (S::Proceeding, I::Ack) => (S::Proceeding, &[]),
        (S::Proceeding, I::TimerG | I::TimerH | I::TimerI | I::TimerL | I::Repeat) => {
            (S::Proceeding, &[])
        }

        (S::Completed, I::Repeated) => (S::Completed, &[Do::Resend]),
        (S::Completed, I::Ack) => (
            S::Confirmed,
            &[
                Do::Disarm(Timer::G),
                Do::Disarm(Timer::H),
                Do::Forget,
                Do::Arm(Timer::I),
            ],
        ),
        (S::Completed, I::TimerG) => (S::Completed, &[Do::Resend, Do::Rearm(Timer::G)]),
        (S::Completed, I::TimerH) => (S::Terminated, &[]),
        (S::Completed, I::Provisional | I::Success | I::Failure | I::Trying) => (S::Completed, &[]),
        (S::Completed, I::TimerI | I::TimerL | I::Repeat) => (S::Completed, &[]),

        (S::Confirmed, I::TimerI) => (S::Terminated, &[]),
        (S::Confirmed, I::Repeated | I::Ack) => (S::Confirmed, &[]),
        (S::Confirmed, I::Provisional | I::Success | I::Failure | I::Trying) => (S::Confirmed, &[]),
        (S::Confirmed, I::TimerG | I::TimerH | I::TimerL | I::Repeat) => (S::Confirmed, &[]),

        (S::Accepted, I::Ack) => (
            S::Acknowledged,
            &[Do::Disarm(Timer::Repeat), Do::ReportAck, Do::Forget],
        ),
        (S::Accepted, I::Repeat) => (S::Accepted, &[Do::Resend, Do::Rearm(Timer::Repeat)]),
        (S::Accepted, I::TimerL) => (S::Terminated, &[Do::ReportAckTimeout]),
        // The 2xx is repeated by its own timer only (RFC 6026 section 7.1).
        (S::Accepted, I::Repeated) => (S::Accepted, &[]),
        (S::Accepted, I::Provisional | I::Success | I::Failure | I::Trying) => (S::Accepted, &[]),
        (S::Accepted, I::TimerG | I::TimerH | I::TimerI) => (S::Accepted, &[]),

        (S::Acknowledged, I::TimerL) => (S::Terminated, &[]),
        (S::Acknowledged, I::Repeated | I::Ack) => (S::Acknowledged, &[]),
        (S::Acknowledged, I::Provisional | I::Success | I::Failure) => (S::Acknowledged, &[]),
        (S::Acknowledged, I::Trying | I::TimerG | I::TimerH | I::TimerI | I::Repeat) => {
            (S::Acknowledged, &[])
        }

        (S::Terminated, I::Repeated | I::Ack | I::Trying) => (S::Terminated, &[]),
        (S::Terminated, I::Provisional | I::Success | I::Failure) => (S::Terminated, &[]),
        (S::Terminated, I::TimerG | I::TimerH | I::TimerI | I::TimerL | I::Repeat) => {
            (S::Terminated, &[])
        }
    }
}

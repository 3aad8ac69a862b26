//! The server transaction of every request but INVITE and ACK: RFC 3261 figure 8.
//!
//! One arc is ours: a request its user never answered is forgotten after 64*T1, in silence, since no
//! client waits any more (RFC 4320 section 4.2). Transport errors change nothing, as in RFC 6026.

use super::{server::ServerAction as Do, timers::Timer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was answered.
    Trying,
    /// A provisional was sent.
    Proceeding,
    /// A final was sent.
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The request again.
    Repeated,
    Provisional,
    Final,
    TimerJ,
    Unanswered,
}

impl Input {
    pub(super) fn from_timer(timer: Timer) -> Option<Self> {
        match timer {
            Timer::J => Some(Self::TimerJ),
            Timer::Unanswered => Some(Self::Unanswered),
            Timer::A | Timer::B | Timer::D | Timer::E | Timer::F | Timer::G => None,
            Timer::H | Timer::I | Timer::K | Timer::L | Timer::M => None,
            Timer::Repeat | Timer::Trying | Timer::CancelWait => None,
        }
    }
}

pub(super) fn step(state: State, input: Input) -> (State, &'static [Do]) {
    use Input as I;
    use State as S;
    const FINAL: &[Do] = &[
        Do::Disarm(Timer::Unanswered),
        Do::Send,
        Do::ForgetRequest,
        Do::Arm(Timer::J),
    ];
    match (state, input) {
        (S::Trying, I::Provisional) => (S::Proceeding, &[Do::Send]),
        (S::Trying, I::Final) => (S::Completed, FINAL),
        (S::Trying, I::Unanswered) => (S::Terminated, &[]),
        (S::Trying, I::Repeated | I::TimerJ) => (S::Trying, &[]),

        (S::Proceeding, I::Repeated) => (S::Proceeding, &[Do::Resend]),
        (S::Proceeding, I::Provisional) => (S::Proceeding, &[Do::Send]),
        (S::Proceeding, I::Final) => (S::Completed, FINAL),
        (S::Proceeding, I::Unanswered) => (S::Terminated, &[]),
        (S::Proceeding, I::TimerJ) => (S::Proceeding, &[]),

        (S::Completed, I::Repeated) => (S::Completed, &[Do::Resend]),
        (S::Completed, I::TimerJ) => (S::Terminated, &[]),
        (S::Completed, I::Provisional | I::Final | I::Unanswered) => (S::Completed, &[]),

        (S::Terminated, I::Repeated | I::Provisional | I::Final) => (S::Terminated, &[]),
        (S::Terminated, I::TimerJ | I::Unanswered) => (S::Terminated, &[]),
    }
}

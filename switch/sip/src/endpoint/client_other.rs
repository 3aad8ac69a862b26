//! The client transaction of every request but INVITE and ACK: RFC 3261 figure 6.

use super::{client::ClientAction as Do, timers::Timer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Sent, nothing heard.
    Trying,
    /// A provisional came.
    Proceeding,
    /// A final came.
    Completed,
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Provisional,
    Final,
    TimerE,
    TimerF,
    TimerK,
    TransportFailed,
}

impl Input {
    pub(super) fn from_timer(timer: Timer) -> Option<Self> {
        match timer {
            Timer::E => Some(Self::TimerE),
            Timer::F => Some(Self::TimerF),
            Timer::K => Some(Self::TimerK),
            Timer::A | Timer::B | Timer::D | Timer::G | Timer::H | Timer::I | Timer::J => None,
            Timer::L | Timer::M | Timer::Repeat | Timer::Trying => None,
            Timer::CancelWait | Timer::Unanswered => None,
        }
    }
}

pub(super) fn step(state: State, input: Input) -> (State, &'static [Do]) {
    use Input as I;
    use State as S;
    const FINAL: &[Do] = &[
        Do::Disarm(Timer::E),
        Do::Disarm(Timer::F),
        Do::Report,
        Do::Arm(Timer::K),
    ];
    match (state, input) {
        (S::Trying, I::Provisional) => (S::Proceeding, &[Do::Report]),
        (S::Trying, I::Final) => (S::Completed, FINAL),
        (S::Trying, I::TimerE) => (S::Trying, &[Do::Resend, Do::Rearm(Timer::E)]),
        (S::Trying, I::TimerF) => (S::Terminated, &[Do::ReportTimeout]),
        (S::Trying, I::TransportFailed) => (S::Terminated, &[Do::ReportTransportFailed]),
        (S::Trying, I::TimerK) => (S::Trying, &[]),

        (S::Proceeding, I::Provisional) => (S::Proceeding, &[Do::Report]),
        (S::Proceeding, I::Final) => (S::Completed, FINAL),
        (S::Proceeding, I::TimerE) => (S::Proceeding, &[Do::Resend, Do::RearmSlow(Timer::E)]),
        (S::Proceeding, I::TimerF) => (S::Terminated, &[Do::ReportTimeout]),
        (S::Proceeding, I::TransportFailed) => (S::Terminated, &[Do::ReportTransportFailed]),
        (S::Proceeding, I::TimerK) => (S::Proceeding, &[]),

        (S::Completed, I::TimerK) => (S::Terminated, &[]),
        (S::Completed, I::Provisional | I::Final) => (S::Completed, &[]),
        (S::Completed, I::TimerE | I::TimerF | I::TransportFailed) => (S::Completed, &[]),

        (S::Terminated, I::Provisional | I::Final | I::TransportFailed) => (S::Terminated, &[]),
        (S::Terminated, I::TimerE | I::TimerF | I::TimerK) => (S::Terminated, &[]),
    }
}

//! What a client makes of the live feed: deltas in order, twice, late, and with one missing.

use tandem_protocol::{
    AccountId,
    live::{
        Applied, CallGone, CallState, FeedEvent, LiveCall, LiveDelta, LiveMoney, LiveSnapshot,
        LiveState, Registration,
    },
};

fn call(id: i64, state: CallState) -> LiveCall {
    LiveCall {
        call: id.into(),
        state,
        caller: String::new(),
        dialled: String::new(),
        account: None,
        account_name: String::new(),
        gateway: None,
        target_name: String::new(),
        destination: String::new(),
        codec: None,
        codec_b: None,
        started_at: Default::default(),
        answered_at: None,
        money: LiveMoney::default(),
        recorded: false,
        media_a: Default::default(),
        media_b: Default::default(),
    }
}

fn delta(from: u64, to: u64, calls: Vec<LiveCall>, gone: &[i64]) -> FeedEvent {
    let gone = gone.iter().map(|id| CallGone {
        call: (*id).into(),
        cause: "x".into(),
    });
    let delta = LiveDelta {
        from,
        to,
        calls,
        calls_gone: gone.collect(),
        ..LiveDelta::default()
    };
    FeedEvent::Delta(Box::new(delta))
}

fn at(seq: u64) -> LiveState {
    let mut state = LiveState::default();
    let calls = vec![call(1, CallState::Ringing)];
    state.apply(FeedEvent::Snapshot(Box::new(LiveSnapshot {
        seq,
        calls,
        ..LiveSnapshot::default()
    })));
    state
}

#[test]
fn deltas_apply_by_their_numbers() {
    for (from, to, expected, seq) in [
        (5, 6, Applied::Moved, 6),
        (3, 6, Applied::Moved, 6),
        (2, 5, Applied::Old, 5),
        (6, 7, Applied::Gap, 5),
    ] {
        let mut state = at(5);
        assert_eq!(
            state.apply(delta(from, to, Vec::new(), &[])),
            expected,
            "{from}..{to}"
        );
        assert_eq!(state.seq(), seq);
    }
}

#[test]
fn rows_are_whole_and_endings_take_them_out() {
    let mut state = at(5);
    state.apply(delta(
        5,
        6,
        vec![call(1, CallState::Answered), call(2, CallState::Ringing)],
        &[],
    ));
    assert_eq!(state.calls[&1.into()].state, CallState::Answered);
    let again = delta(4, 7, vec![call(2, CallState::Answered)], &[1]);
    assert_eq!(
        (state.apply(again.clone()), state.apply(again)),
        (Applied::Moved, Applied::Old)
    );
    assert_eq!(state.calls.keys().copied().collect::<Vec<_>>(), [2.into()]);
}

#[test]
fn a_phone_that_came_back_is_there() {
    let mut state = at(5);
    let phone = Registration {
        username: "alice".into(),
        account: AccountId(1),
        contact: "sip:alice@192.0.2.9".into(),
        source: String::new(),
        transport: "udp".into(),
        user_agent: String::new(),
        expires_at: Default::default(),
    };
    let both = LiveDelta {
        from: 5,
        to: 6,
        registrations: vec![phone.clone()],
        registrations_gone: vec![phone.key()],
        ..LiveDelta::default()
    };
    state.apply(FeedEvent::Delta(Box::new(both)));
    assert_eq!(state.registrations.get(&phone.key()), Some(&phone));
}

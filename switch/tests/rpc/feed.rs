//! The live feed through the server: a snapshot, then numbered deltas; after a gap a snapshot again.

use crate::office::{self, Desk};
use serde_json::json;
use tandem_billing::{
    AccountId, CallId, Currency, GatewayId, Micros, RouteId, UtcMs, cdr::MediaStats,
};
use tandem_call::monitor::{CallState, Change, FeedEvent, LiveCall, LiveRegistration};
use tandem_protocol::live::{Applied, FeedEvent as WireEvent, LiveState};

pub fn live_call(call: i64, chain: &[i64]) -> LiveCall {
    LiveCall {
        call: CallId(call),
        state: CallState::Ringing,
        caller: "1".into(),
        dialled: "442071".into(),
        account: chain.first().map(|id| AccountId(*id)),
        account_name: "acme".into(),
        chain: chain.iter().map(|id| AccountId(*id)).collect(),
        did: None,
        route: Some(RouteId(1)),
        gateway: Some(GatewayId(1)),
        target_name: "carrier".into(),
        destination: "UK".into(),
        codec: None,
        codec_b: None,
        started_at: UtcMs(office::BEGIN_MS),
        answered_at: None,
        currency: Currency::try_from("EUR".to_owned()).ok(),
        price_per_minute: Micros(60_000),
        charge: Micros(5),
        charged_until_s: 30,
        cost: Micros(3),
        margin: Some(Micros(2)),
        paid_until_s: 30,
        recorded: false,
        media_a: MediaStats::default(),
        media_b: MediaStats::default(),
    }
}

fn registration(username: &str) -> LiveRegistration {
    LiveRegistration {
        username: username.into(),
        account: AccountId(1),
        contact: format!("sip:{username}@192.0.2.9"),
        source: "192.0.2.9:5060".into(),
        transport: "udp",
        user_agent: "phone".into(),
        expires_at: UtcMs(office::BEGIN_MS + 60_000),
    }
}

/// Follows the feed until the state fits; how many snapshots came.
async fn follow(
    desk: &mut Desk,
    state: &mut LiveState,
    fits: impl Fn(&LiveState) -> bool,
) -> usize {
    let mut snapshots = 0;
    while !fits(state) {
        let event = desk.event().await;
        snapshots += usize::from(matches!(event, WireEvent::Snapshot(_)));
        assert_ne!(state.apply(event), Applied::Gap, "deltas follow each other");
    }
    snapshots
}

#[test]
fn a_subscriber_gets_a_snapshot_and_then_what_changes() {
    office::open(|office| async move {
        office.core.put_call(live_call(1, &[1]));
        let mut desk = office.admin().await;
        desk.call("live.subscribe", json!({})).await;
        assert!(office.core.is_watched());
        let mut state = LiveState::default();
        assert_eq!(
            follow(&mut desk, &mut state, |s| s.calls.contains_key(&1.into())).await,
            1
        );

        let mut second = live_call(2, &[1]);
        office.tell(Change::Call(Box::new(second.clone())));
        office.tell(Change::Registration(registration("alice")));
        let joined = |s: &LiveState| s.calls.len() == 2 && s.registrations.len() == 1;
        assert_eq!(
            follow(&mut desk, &mut state, joined).await,
            0,
            "deltas alone"
        );
        assert_eq!(
            (
                state.counters.calls,
                state.counters.ringing,
                state.counters.connected
            ),
            (2, 2, 0)
        );

        second.state = CallState::Answered;
        second.charge = Micros(60_000);
        office.tell(Change::Call(Box::new(second)));
        office.tell(Change::CallGone {
            call: CallId(1),
            cause: "answered.caller_hangup",
        });
        let gone = Change::RegistrationGone {
            username: "alice".into(),
            contact: "sip:alice@192.0.2.9".into(),
        };
        office.tell(gone);
        let left = |s: &LiveState| s.calls.len() == 1 && s.registrations.is_empty();
        assert_eq!(follow(&mut desk, &mut state, left).await, 0);
        assert_eq!(
            state.calls.values().next().map(|c| c.money.charge.0),
            Some(60_000)
        );
        assert_eq!(state.counters.connected, 1);
    });
}

#[test]
fn a_missed_event_brings_a_snapshot() {
    office::open(|office| async move {
        let mut desk = office.admin().await;
        desk.call("live.subscribe", json!({})).await;
        let mut state = LiveState::default();
        state.apply(desk.event().await);
        // The core knows of this call, but its event is lost on the way.
        office.core.put_call(live_call(1, &[1]));
        let _lost = office.core.next_event();
        let seq = office.core.next_event();
        office.core.put_call(live_call(2, &[1]));
        office.sink.push(FeedEvent {
            seq,
            change: Change::Call(Box::new(live_call(2, &[1]))),
        });
        let snapshots = follow(&mut desk, &mut state, |s| s.calls.len() == 2).await;
        assert_eq!(snapshots, 1);
        office.tell(Change::CallGone {
            call: CallId(1),
            cause: "answered.caller_hangup",
        });
        assert_eq!(
            follow(&mut desk, &mut state, |s| s.calls.len() == 1).await,
            0,
            "and deltas go on"
        );
    });
}

#[test]
fn a_subscription_ends_with_its_session() {
    office::open(|office| async move {
        let mut desk = office.admin().await;
        let subscription = desk.call("live.subscribe", json!({})).await;
        desk.event().await;
        assert_eq!(
            desk.client
                .call_named("live.unsubscribe", json!([subscription]))
                .await
                .ok(),
            Some(json!(true))
        );
        desk.call("live.subscribe", json!({})).await;
        desk.event().await;
        desk.call("session.logout", json!({})).await;
        let watching = office.admin().await;
        watching.call("live.snapshot", json!({})).await;
        office.tell(Change::Call(Box::new(live_call(1, &[1]))));
        drop(desk.client);
        assert!(
            desk.live.recv().await.is_none(),
            "nothing was told after logging out"
        );
    });
}

#[test]
fn registrations_are_listed_and_removed() {
    office::open(|office| async move {
        let mut admin = office.admin().await;
        let sample = crate::edits::fill(&admin).await;
        for name in ["alice", "bob"] {
            let edit =
                json!({ "account": sample.account, "username": name, "password": "s3cret-word" });
            admin.create("device.create", edit).await;
            office.core.put_registration(registration(name));
        }
        admin.call("live.subscribe", json!({})).await;
        admin.event().await;
        let sorted = json!({ "sort": [{ "field": "username", "descending": true }], "limit": 1 });
        let page = admin.call("registration.list", sorted).await;
        assert_eq!(
            (&page["total"], &page["rows"][0]["username"]),
            (&json!(2), &json!("bob"))
        );
        admin
            .call("registration.remove", json!({ "username": "alice" }))
            .await;
        let twice = admin
            .refused("registration.remove", json!({ "username": "alice" }))
            .await;
        assert_eq!(twice, tandem_protocol::ErrorCode::NotFound);
    });
}

//! The same operator at work: decisions, prices, figures over time, live calls and phones.

use super::sample::{ACCOUNTS, DESTINATIONS, GATEWAYS, NOW_MS, cost, level, steps};
use serde_json::{Value, json};
use tandem_protocol::{
    AccountId, CallId, GatewayId, Micros, UtcMs,
    cdr::MediaStats,
    live::{
        CallState, GatewayHealth, GatewayStatus, HostHealth, LiveCall, LiveMoney, Registration,
    },
};

/// Calls to the UK are admitted; Cuba is refused.
pub fn decision(params: &Value) -> Value {
    let seconds = params["duration_s"].as_i64().unwrap_or_default();
    let candidate = |route: i64, target: &str, gateway: i64| {
        json!({
            "route": route, "gateway": gateway, "target": target, "number": "442079460000", "caller": "493020100",
            "cost": cost(seconds), "codecs": ["pcma", "g729"],
        })
    };
    if params["dialled"]
        .as_str()
        .unwrap_or_default()
        .contains("53")
    {
        return json!({
            "outcome": "refused", "account": 1, "rating_number": "5378301122", "levels": [], "candidates": [],
            "max_duration_s": null, "trace": [{ "step": "refused", "code": "rate.blocked", "detail": "prefix 53 is blocked" }],
            "cause": { "code": "rate.blocked", "sip_status": 403, "text": "The destination is blocked in the tariff",
                       "remedy": "Unblock the rate, or give the account another tariff." },
        });
    }
    json!({
        "outcome": "admitted", "cause": null, "account": 1, "rating_number": "442079460000",
        "levels": [level(1, seconds), level(9, seconds)],
        "candidates": [candidate(2, "carrier-a", 1), candidate(1, "premium", 3)], "max_duration_s": 14_400,
        "trace": steps(),
    })
}

pub fn rated(params: &Value) -> Value {
    let seconds = (params["duration_ms"].as_i64().unwrap_or_default() + 999) / 1000;
    let rated = |account: i64| json!({ "account": account, "charge": level(account, seconds), "first_block_s": 60 });
    json!({ "rating_number": params["number"], "levels": [rated(1), rated(9)] })
}

/// A wave per figure, so that plots have a shape.
pub fn history(now_ms: i64, params: &Value) -> Value {
    let from = params["from"].as_i64().unwrap_or_default();
    let step = ((now_ms - from) / 200).max(1);
    let figures = params["figures"].as_array().cloned().unwrap_or_default();
    let series = figures.iter().enumerate().map(|(at, figure)| {
        let (base, swing) = [(220.0, 60.0), (150.0, 45.0), (900.0, 8.0), (6.0, 2.5), (47.0, 6.0), (184.0, 20.0), (1.8, 0.5), (50.0, 9.0)][at % 8];
        let points: Vec<Value> = (0..200_i64)
            .map(|n| {
                let phase = n as f64 / 17.0 + at as f64;
                json!({ "at": from + n * step, "value": base + swing * phase.sin() + swing / 4.0 * (phase * 7.0).cos() })
            })
            .collect();
        json!({ "figure": figure, "points": points })
    });
    series.collect::<Vec<_>>().into()
}

/// The third is down, the fourth switched off.
fn health(at: usize) -> GatewayHealth {
    let down_since = (at == 2).then_some(UtcMs(NOW_MS - 400_000));
    let answer = if at == 2 { "no answer" } else { "200" };
    GatewayHealth {
        enabled: at != 3,
        watched: true,
        down_since,
        hosts: vec![HostHealth {
            address: "192.0.2.1:5060".into(),
            transport: "udp".into(),
            down_since,
            resting: false,
            answered_at: Some(UtcMs(NOW_MS - 9_000)),
            answer: Some(answer.into()),
            round_trip_us: (at != 2).then_some(12_300),
        }],
    }
}

pub fn gateway_status() -> Vec<GatewayStatus> {
    let rows = GATEWAYS.iter().zip([
        (61, 20_114, 9_801),
        (38, 15_020, 7_100),
        (12, 9_202, 5_903),
        (0, 90, 11),
    ]);
    let rows =
        rows.enumerate().map(
            |(at, ((name, _), (calls, attempts, answered)))| GatewayStatus {
                gateway: GatewayId(at as i64 + 1),
                name: (*name).into(),
                calls,
                attempts,
                answered,
                failed: attempts - answered,
                answered_ms: answered * 171_000,
                pdd_ms_sum: attempts * 1_730,
                health: health(at),
            },
        );
    rows.collect()
}

pub fn registrations(now_ms: i64) -> Vec<Registration> {
    let names = [
        ("anna-desk", 3),
        ("anna-mobile", 3),
        ("carla", 5),
        ("cabin-1", 6),
        ("cabin-2", 6),
        ("cabin-3", 6),
    ];
    let rows = names
        .iter()
        .enumerate()
        .map(|(at, (name, account))| Registration {
            username: (*name).into(),
            account: AccountId(*account),
            contact: format!("sip:{name}@192.168.1.{}:5060", 20 + at),
            source: format!("203.0.113.{}:{}", 40 + at, 40_000 + at),
            transport: "udp".into(),
            user_agent: if at % 2 == 0 {
                "Grandstream GXP2170 1.0.11".into()
            } else {
                "baresip 3.9.0".into()
            },
            expires_at: UtcMs(now_ms + 20_000 + at as i64 * 340_000),
        });
    rows.collect()
}

pub fn calls(count: usize, now_ms: i64) -> Vec<LiveCall> {
    (0..count).map(|at| call(at as i64, now_ms)).collect()
}

fn call(at: i64, now_ms: i64) -> LiveCall {
    let place = usize::try_from(at).unwrap_or_default();
    let (prefix, destination, _) = DESTINATIONS[place % DESTINATIONS.len()];
    let state = match at % 9 {
        3 => CallState::Ringing,
        5 => CallState::Trying,
        7 => CallState::EarlyMedia,
        _ => CallState::Answered,
    };
    let ago = if state == CallState::Answered {
        at * 7_919 % 1_500
    } else {
        at % 23
    };
    let started = now_ms - ago * 1_000 - 8_000;
    let stats = MediaStats {
        packets: 4_000 + 31 * at.unsigned_abs(),
        bytes: 688_000,
        lost: at.unsigned_abs() % 130,
        jitter_us: 1_900 + 140 * (place as u32 % 40),
        mos_x100: Some(437 - (place as u16 % 30)),
        ..MediaStats::default()
    };
    let mut call = LiveCall {
        call: CallId(at + 1),
        state,
        caller: format!("4930{}", 200_100 + at),
        dialled: format!("{prefix}207946{at:04}"),
        account: Some(AccountId(at % 6 + 1)),
        account_name: ACCOUNTS[place % 6].0.into(),
        gateway: Some(GatewayId(at % 3 + 1)),
        target_name: GATEWAYS[place % 3].0.into(),
        destination: destination.into(),
        codec: (state == CallState::Answered).then(|| "pcma".into()),
        codec_b: None,
        started_at: UtcMs(started),
        answered_at: (state == CallState::Answered).then_some(UtcMs(started + 6_000)),
        money: LiveMoney {
            currency: "EUR".into(),
            price_per_minute: Micros(9_050 + at % 13 * 1_750),
            ..LiveMoney::default()
        },
        recorded: false,
        media_a: stats,
        media_b: stats,
    };
    run_on(&mut call, now_ms);
    call
}

/// What the switch would say of the call's money now.
pub fn run_on(call: &mut LiveCall, now_ms: i64) {
    let seconds = call
        .answered_at
        .map_or(0, |at| (now_ms - at.0).max(0) / 1000);
    let charge = call.money.price_per_minute.0 * seconds / 60;
    let cost = if call.call.0 % 17 == 4 {
        charge * 6 / 5
    } else {
        charge * 4 / 5
    };
    call.money.charge = Micros(charge);
    call.money.cost = Some(Micros(cost));
    call.money.margin = Some(Micros(charge - cost));
}

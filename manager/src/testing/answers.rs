//! Which method does what to the fake switch's memory.

use super::{PASSWORD, live, store::Store, traces};
use crate::resource::{int_at, text_at};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tandem_protocol::{ErrorCode, METHODS, RpcError};

pub fn answer(
    store: &mut Store,
    now_ms: i64,
    method: &str,
    params: &Value,
) -> Result<Value, RpcError> {
    if !METHODS.iter().any(|info| info.name == method) {
        return Err(RpcError::new(
            ErrorCode::NoMethod,
            format!("no such method: {method}"),
        ));
    }
    match method {
        "session.login" => log_in(params),
        "session.change_password" | "registration.remove" => Ok(json!({})),
        "live.subscribe" => Ok(json!(7)),
        "live.snapshot" => Ok(json!(store.snapshot())),
        "live.hangup" => store.hang_up(int_at(params, "call")).map(|_| json!({})),
        "decide" => Ok(live::decision(params)),
        "rate" => Ok(live::rated(params)),
        "number_rule.try" => Ok(tried(params)),
        "setting.list" => Ok(store.settings.clone().into()),
        "setting.set" => set(store, params),
        "system.info" => Ok(json!({
            "version": "0.1.0", "now": now_ms, "started_at": now_ms - 93_784_000, "directory_version": 214,
        })),
        "system.history" => Ok(live::history(now_ms, params)),
        "system.verify" => Ok(json!({ "clean": true, "faults": [] })),
        "system.backup" => Ok(json!({ "file": "tandem-2026-03-01.db", "bytes": 48_211_968 })),
        "live.record" => Ok(json!({})),
        "recording.read" => Ok(recorded(params)),
        "sip_trace.list" => Ok(json!(store.traces)),
        "sip_trace.start" => traces::start(store, now_ms, params),
        "sip_trace.stop" => traces::stop(store, params),
        "sip_trace.delete" => traces::delete(store, params),
        "sip_trace.read" => traces::read(store, params),
        "sip_trace.export" => traces::export(params),
        "gateway.probe" | "upstream.register" => {
            let table = method.split('.').next().unwrap_or_default();
            store.get(table, int_at(params, "id")).map(|_| json!({}))
        }
        "payment.create" => pay(store, now_ms, params),
        _ => resource(store, method, params),
    }
}

/// A recording of 600,000 bytes, more than one piece.
fn recorded(params: &Value) -> Value {
    const TOTAL: i64 = 600_000;
    let left = TOTAL - int_at(params, "offset");
    let piece = usize::try_from(left.min(int_at(params, "limit"))).unwrap_or_default();
    let base64 = BASE64_STANDARD.encode(vec![7_u8; piece]);
    json!({ "name": "2026-03-01-1.wav", "total": TOTAL, "base64": base64 })
}

fn log_in(params: &Value) -> Result<Value, RpcError> {
    if text_at(params, "password") != PASSWORD {
        return Err(RpcError::new(
            ErrorCode::BadCredentials,
            "wrong login or password",
        ));
    }
    let rights: Vec<Value> = tandem_protocol::Area::ALL
        .iter()
        .map(|area| json!({ "area": area, "right": "change" }))
        .collect();
    Ok(json!({
        "login": 1, "name": params["login"], "role": "admin", "rights": rights, "account": null,
        "idle_limit_s": 900, "version": "0.1.0",
    }))
}

fn resource(store: &mut Store, method: &str, params: &Value) -> Result<Value, RpcError> {
    let (table, verb) = method.split_once('.').unwrap_or((method, ""));
    let known = store.tables.keys().copied().find(|known| *known == table);
    let Some(table) = known else {
        return Err(RpcError::new(
            ErrorCode::Unavailable,
            format!("{method} is not played"),
        ));
    };
    match verb {
        "list" => {
            let params = serde_json::from_value(params.clone())
                .map_err(|error| RpcError::invalid("filter", error.to_string()))?;
            store.list(table, &params)
        }
        "get" => store.get(table, int_at(params, "id")),
        "add_range" => store.add_range(table, params),
        "create" => store.create(table, params["edit"].clone()),
        "update" => store.update(table, params),
        "delete" => store.delete(table, int_at(params, "id")),
        _ => Err(RpcError::new(ErrorCode::NoMethod, method)),
    }
}

fn set(store: &mut Store, params: &Value) -> Result<Value, RpcError> {
    let key = text_at(params, "key");
    let setting = store
        .settings
        .iter_mut()
        .find(|setting| text_at(setting, "key") == key);
    let Some(setting) = setting else {
        return Err(RpcError::new(ErrorCode::NotFound, key));
    };
    setting["value"] = params["value"].clone();
    Ok(setting.clone())
}

fn pay(store: &mut Store, now_ms: i64, params: &Value) -> Result<Value, RpcError> {
    let key = format!("pay:{}", text_at(params, "request_id"));
    let entry = json!({
        "id": null, "key": key, "account": params["account"], "kind": params["kind"], "amount": params["amount"],
        "balance_after": params["amount"], "at": now_ms, "call": null, "operator": 1, "note": params["note"],
    });
    for table in ["payment", "ledger"] {
        if let Some(rows) = store.tables.get_mut(table) {
            rows.push(entry.clone());
        }
    }
    Ok(json!({ "entry": entry, "repeated": false }))
}

/// Only enough of the language to show both outcomes.
fn tried(params: &Value) -> Value {
    let (rules, number) = (text_at(params, "rules"), text_at(params, "number"));
    match rules.find("->->") {
        Some(at) => {
            json!({ "number": null, "fault": { "at": at, "reason": "a rule has one arrow" } })
        }
        None => json!({ "number": number.strip_prefix("00").unwrap_or(number), "fault": null }),
    }
}

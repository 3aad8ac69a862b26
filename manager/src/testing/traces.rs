//! The fake switch's SIP traces: each has the messages of one answered call, as a switch between two legs sees them.

use super::store::Store;
use crate::resource::int_at;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tandem_protocol::{
    CallId, ErrorCode, RpcError, TraceId, UtcMs,
    sip_trace::{
        SipTrace, TraceDirection, TraceMessage, TraceMessages, TraceReadParams, TraceStartParams,
    },
};

const CALLER: &str = "192.0.2.44:5060";
const CALLEE: &str = "198.51.100.9:5060";

/// Direction, peer and first line of each message.
const CALL: [(TraceDirection, &str, &str); 11] = [
    (
        TraceDirection::In,
        CALLER,
        "INVITE sip:4472079460001@203.0.113.5 SIP/2.0",
    ),
    (TraceDirection::Out, CALLER, "SIP/2.0 100 Trying"),
    (
        TraceDirection::Out,
        CALLEE,
        "INVITE sip:4472079460001@198.51.100.9 SIP/2.0",
    ),
    (
        TraceDirection::In,
        CALLEE,
        "SIP/2.0 503 Service Unavailable",
    ),
    (
        TraceDirection::Out,
        CALLEE,
        "ACK sip:4472079460001@198.51.100.9 SIP/2.0",
    ),
    (TraceDirection::In, CALLEE, "SIP/2.0 180 Ringing"),
    (TraceDirection::Out, CALLER, "SIP/2.0 180 Ringing"),
    (TraceDirection::In, CALLEE, "SIP/2.0 200 OK"),
    (TraceDirection::Out, CALLER, "SIP/2.0 200 OK"),
    (
        TraceDirection::In,
        CALLER,
        "ACK sip:203.0.113.5:5060 SIP/2.0",
    ),
    (
        TraceDirection::In,
        CALLER,
        "BYE sip:203.0.113.5:5060 SIP/2.0",
    ),
];

fn message(number: usize, from_ms: i64) -> Option<TraceMessage> {
    let (direction, remote, summary) = *CALL.get(number)?;
    let at = from_ms + i64::try_from(number).unwrap_or_default() * 37;
    Some(TraceMessage {
        number: number as u64 + 1,
        at: UtcMs(at),
        direction,
        transport: "UDP".into(),
        local: "203.0.113.5:5060".into(),
        remote: remote.into(),
        call: Some(CallId(2)),
        summary: summary.into(),
        text: format!(
            "{summary}\r\nVia: SIP/2.0/UDP {remote};branch=z9hG4bK{number:04x}\r\nCall-ID: 7c1f@{remote}\r\n\
             Proxy-Authorization: Digest username=\"1001\", response=\"********\"\r\nContent-Length: 0\r\n\r\n"
        ),
    })
}

pub fn start(store: &mut Store, now_ms: i64, params: &Value) -> Result<Value, RpcError> {
    let params: TraceStartParams = serde_json::from_value(params.clone())
        .map_err(|error| RpcError::invalid("subject", error.to_string()))?;
    let trace = SipTrace {
        id: TraceId(store.traces.len() as i64 + 1),
        subject: params.subject,
        secrets: params.secrets,
        by: "admin".into(),
        from: UtcMs(now_ms),
        until: UtcMs(now_ms + i64::from(params.seconds) * 1_000),
        running: true,
        messages: u32::try_from(CALL.len()).unwrap_or_default(),
        bytes: 2_816,
        dropped: 0,
    };
    store.traces.push(trace.clone());
    Ok(json!(trace))
}

fn find<'a>(store: &'a mut Store, params: &Value) -> Result<&'a mut SipTrace, RpcError> {
    let id = int_at(params, "id");
    let found = store.traces.iter_mut().find(|trace| trace.id.0 == id);
    found.ok_or_else(|| RpcError::new(ErrorCode::NotFound, format!("no trace {id}")))
}

pub fn stop(store: &mut Store, params: &Value) -> Result<Value, RpcError> {
    let trace = find(store, params)?;
    trace.running = false;
    Ok(json!(trace))
}

pub fn delete(store: &mut Store, params: &Value) -> Result<Value, RpcError> {
    let id = find(store, params)?.id;
    store.traces.retain(|trace| trace.id != id);
    Ok(json!({}))
}

pub fn read(store: &mut Store, params: &Value) -> Result<Value, RpcError> {
    let trace = find(store, params)?.clone();
    let params: TraceReadParams = serde_json::from_value(params.clone())
        .map_err(|error| RpcError::invalid("after", error.to_string()))?;
    let from = trace.from.0;
    let messages = (0..CALL.len()).filter_map(|number| message(number, from));
    let messages = messages
        .filter(|message| message.number > params.after)
        .collect();
    Ok(json!(TraceMessages { trace, messages }))
}

pub fn export(params: &Value) -> Result<Value, RpcError> {
    let suffix = if params["format"] == "pcap" {
        "pcap"
    } else {
        "txt"
    };
    let name = format!("trace-{}.{suffix}", int_at(params, "id"));
    Ok(json!({ "name": name, "base64": BASE64_STANDARD.encode(format!("the {suffix} of it")) }))
}

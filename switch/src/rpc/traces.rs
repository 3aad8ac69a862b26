//! SIP traces: begun, read and exported by admins, and by resellers for accounts of their branch.

use super::{Api, Caller, fault};
use crate::trace::{self, Direction, Kept, Order, Secrets, Status, Subject, View};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::Arc;
use tandem_billing::{AccountId, CallId as Call, GatewayId as Gateway};

use tandem_protocol::{
    CallId, ErrorCode, GatewayId, Role, RpcError, TraceId, UtcMs,
    sip_trace::{
        SipTrace, TraceDirection, TraceExportParams, TraceFile, TraceFormat, TraceMessage,
        TraceMessages, TraceReadParams, TraceRef, TraceSecrets, TraceStartParams, TraceSubject,
    },
    system::Empty,
};
use tandem_store::Act;

const SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;
const BYTES: std::ops::RangeInclusive<u32> = 4_096..=16_777_216;
const LIMIT: std::ops::RangeInclusive<u32> = 1..=500;

/// What the caller may see; the table of roles lets admins and resellers come here, nobody else.
fn view(caller: &Caller) -> View {
    match caller.role {
        Role::Admin => View::All,
        Role::Reseller | Role::Operator | Role::Viewer => {
            View::Branch(caller.branch.unwrap_or(AccountId(0)))
        }
    }
}

/// Begins one.
pub async fn start(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: TraceStartParams,
) -> Result<SipTrace, RpcError> {
    let view = view(&caller);
    in_range("seconds", params.seconds, &SECONDS)?;
    in_range("bytes", params.bytes, &BYTES)?;
    let secrets = match (params.secrets, view) {
        (TraceSecrets::Masked, _) => Secrets::Masked,
        (TraceSecrets::Kept, View::All) => Secrets::Kept,
        (TraceSecrets::Kept, View::Branch(_)) => {
            return Err(
                RpcError::new(ErrorCode::Forbidden, "only admins see secrets").at("secrets"),
            );
        }
    };
    let from = api.clock.now();
    let order = Order {
        subject: subject(&api, &caller, params.subject, view)?,
        view,
        login: caller.login,
        by: caller.name.clone(),
        secrets,
        bytes: usize::try_from(params.bytes).unwrap_or(usize::MAX),
        from,
        until: tandem_billing::UtcMs(from.0 + i64::from(params.seconds) * 1_000),
    };
    tracing::info!(login = caller.login.0, subject = ?order.subject, secrets = ?secrets, "SIP trace begun");
    let begun = api.tracer.start(order).map_err(|refused| {
        RpcError::new(ErrorCode::TooMany, refused.to_string())
            .remedy("delete one with sip_trace.delete")
    })?;
    let id = begun.id;
    let trace = wire(begun);
    if let Err(error) = audit(&api, &caller, &trace).await {
        // Nobody listens in without a trace of it.
        let _ = api.tracer.delete(id, view, api.clock.now());
        return Err(error);
    }
    Ok(trace)
}

/// Who follows whose messages is for the audit log.
async fn audit(api: &Api, caller: &Caller, trace: &SipTrace) -> Result<(), RpcError> {
    let account = match trace.subject {
        TraceSubject::Account(id) => Some(AccountId(id.0)),
        TraceSubject::Call(_) | TraceSubject::Gateway(_) | TraceSubject::Source(_) => None,
    };
    let detail = serde_json::json!({
        "subject": trace.subject, "secrets": trace.secrets, "until": trace.until,
    });
    let act = Act {
        actor: caller.actor(),
        at: api.clock.now(),
        action: "start",
        resource: "sip_trace",
        id: trace.id.0,
        account,
        detail: detail.as_object().cloned().unwrap_or_default(),
    };
    let writer = api.writer.clone();
    let noted = api.blocking(move || writer.note(act)).await?;
    noted.map_err(|error| fault::internal("audit log", error))
}

fn subject(
    api: &Api,
    caller: &Caller,
    wished: TraceSubject,
    view: View,
) -> Result<Subject, RpcError> {
    match (wished, view) {
        (TraceSubject::Account(id), _) => {
            let account = AccountId(id.0);
            if !api.in_scope(account, caller) {
                return Err(fault::not_found("account", id));
            }
            Ok(Subject::Account(account))
        }
        (
            TraceSubject::Call(_) | TraceSubject::Gateway(_) | TraceSubject::Source(_),
            View::Branch(_),
        ) => {
            Err(RpcError::new(ErrorCode::Forbidden, "resellers trace accounts only").at("subject"))
        }
        (TraceSubject::Call(id), View::All) => Ok(Subject::Call(Call(id.0))),
        (TraceSubject::Gateway(id), View::All) => {
            let gateway = Gateway(id.0);
            if !api.directory().gateways.contains_key(&gateway) {
                return Err(fault::not_found("gateway", id));
            }
            Ok(Subject::Gateway(gateway))
        }
        (TraceSubject::Source(ip), View::All) => Ok(Subject::Source(ip)),
    }
}

/// Ends one.
pub async fn stop(api: Arc<Api>, caller: Arc<Caller>, at: TraceRef) -> Result<SipTrace, RpcError> {
    let stopped = api.tracer.stop(at.id.0, view(&caller), api.clock.now());
    stopped.map(wire).ok_or_else(|| missing(at.id))
}

/// Forgets one.
pub async fn delete(api: Arc<Api>, caller: Arc<Caller>, at: TraceRef) -> Result<Empty, RpcError> {
    if api.tracer.delete(at.id.0, view(&caller), api.clock.now()) {
        Ok(Empty {})
    } else {
        Err(missing(at.id))
    }
}

/// All there are.
pub async fn list(api: Arc<Api>, caller: Arc<Caller>, _: Empty) -> Result<Vec<SipTrace>, RpcError> {
    let traces = api.tracer.list(view(&caller), api.clock.now());
    Ok(traces.into_iter().map(wire).collect())
}

/// Messages.
pub async fn read(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: TraceReadParams,
) -> Result<TraceMessages, RpcError> {
    in_range("limit", params.limit, &LIMIT)?;
    let limit = usize::try_from(params.limit).unwrap_or(usize::MAX);
    let read = api
        .tracer
        .read(params.id.0, view(&caller), params.after, limit);
    let (status, messages) = read.ok_or_else(|| missing(params.id))?;
    Ok(TraceMessages {
        trace: wire(status),
        messages: messages.into_iter().map(message).collect(),
    })
}

/// A file.
pub async fn export(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: TraceExportParams,
) -> Result<TraceFile, RpcError> {
    let read = api.tracer.read(params.id.0, view(&caller), 0, usize::MAX);
    let (_, messages) = read.ok_or_else(|| missing(params.id))?;
    let id = params.id;
    let make = move || match params.format {
        TraceFormat::Text => (
            format!("sip-trace-{id}.txt"),
            trace::text(&messages).into_bytes(),
        ),
        TraceFormat::Pcap => (format!("sip-trace-{id}.pcap"), trace::capture(&messages)),
    };
    let (name, content) = api.blocking(make).await?;
    Ok(TraceFile {
        name,
        base64: BASE64_STANDARD.encode(content),
    })
}

fn missing(id: TraceId) -> RpcError {
    fault::not_found("SIP trace", id)
}

fn in_range(
    field: &str,
    value: u32,
    range: &std::ops::RangeInclusive<u32>,
) -> Result<(), RpcError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(RpcError::invalid(
        field,
        format!("{value} is not {least} to {most}"),
    ))
}

fn wire(status: Status) -> SipTrace {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    SipTrace {
        id: TraceId(status.id),
        subject: match status.order.subject {
            Subject::Call(id) => TraceSubject::Call(CallId(id.0)),
            Subject::Account(id) => TraceSubject::Account(tandem_protocol::AccountId(id.0)),
            Subject::Gateway(id) => TraceSubject::Gateway(GatewayId(id.0)),
            Subject::Source(ip) => TraceSubject::Source(ip),
        },
        secrets: match status.order.secrets {
            Secrets::Masked => TraceSecrets::Masked,
            Secrets::Kept => TraceSecrets::Kept,
        },
        by: status.order.by,
        from: UtcMs(status.order.from.0),
        until: UtcMs(status.order.until.0),
        running: status.running,
        messages: count(status.messages),
        bytes: count(status.kept_bytes),
        dropped: status.dropped,
    }
}

fn message(kept: Kept) -> TraceMessage {
    TraceMessage {
        number: kept.number,
        at: UtcMs(kept.at.0),
        direction: match kept.direction {
            Direction::In => TraceDirection::In,
            Direction::Out => TraceDirection::Out,
        },
        transport: kept.transport.via_name().to_owned(),
        local: kept.local.to_string(),
        remote: kept.remote.to_string(),
        call: kept.call.map(|call| CallId(call.0)),
        summary: kept.summary(),
        text: String::from_utf8_lossy(&kept.bytes).into_owned(),
    }
}

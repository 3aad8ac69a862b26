//! What a flow came to, as text: a line a message with what matters of it, then CDRs and ledger entries.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr};
use tandem_sdp::SessionDescription;
use tandem_sip::Message;
use tandem_tests::kit::{
    World,
    plan::SWITCH,
    world::{Wire, summary},
};

/// Headers that a ladder shows.
const SHOWN: &[&str] = &[
    "Require",
    "RSeq",
    "RAck",
    "Session-Expires",
    "Min-SE",
    "Reason",
    "Unsupported",
    "Allow-Events",
    "Retry-After",
    "P-Asserted-Identity",
    "Privacy",
    "Refer-To",
];

pub fn print(names: &BTreeMap<SocketAddr, String>, world: &World) -> String {
    let mut text = String::new();
    let mut start = None;
    for wire in world.wire() {
        let start = *start.get_or_insert(wire.at);
        let seconds = wire.at.since(start).as_millis();
        let _ = writeln!(
            text,
            "{:>4}.{:03}  {}",
            seconds / 1000,
            seconds % 1000,
            line(names, wire)
        );
    }
    for cdr in world.book.cdrs.values() {
        let _ = writeln!(
            text,
            "cdr {} {} -> {}{} {} status {} {} ms codec {} charge {} cost {}",
            cdr.call,
            cdr.caller,
            cdr.dialled,
            cdr.sent_number
                .as_ref()
                .filter(|sent| **sent != cdr.dialled)
                .map_or_else(String::new, |sent| format!(" as {sent}")),
            cdr.cause,
            cdr.sip_status.unwrap_or_default(),
            cdr.duration_ms,
            cdr.codec.as_deref().unwrap_or("-"),
            cdr.charges.first().map_or(0, |level| level.charge.0),
            cdr.cost.as_ref().map_or(0, |cost| cost.cost.0),
        );
        for step in tried(&cdr.trace) {
            let _ = writeln!(text, "  {step}");
        }
    }
    for entry in &world.book.entries {
        let _ = writeln!(
            text,
            "entry {} account {} {} balance {}",
            entry.key, entry.account, entry.amount.0, entry.balance_after.0
        );
    }
    text
}

fn line(names: &BTreeMap<SocketAddr, String>, wire: &Wire) -> String {
    let switch = SocketAddr::from(SWITCH);
    let name = |at: SocketAddr| match names.get(&at) {
        Some(name) => name.clone(),
        None if at == switch => "switch".to_owned(),
        None => at.to_string(),
    };
    let message = &wire.message;
    let mut line = format!(
        "{:>6} -> {:<6} {}",
        name(wire.from),
        name(wire.to),
        summary(message)
    );
    if message.status().is_some() {
        let _ = write!(line, " ({})", message.method());
    }
    for header in SHOWN {
        // RSeq starts at a number drawn by the switch.
        let numbered = matches!(*header, "RSeq" | "RAck");
        for value in message.headers(header) {
            // The dialog that a Replaces names is made of drawn tags.
            let value = match value.split_once("Replaces=") {
                _ if numbered => "n".to_owned(),
                Some((before, _)) => format!("{before}Replaces=..."),
                None => value.to_owned(),
            };
            let _ = write!(line, " | {header}: {value}");
        }
    }
    if message
        .content_type()
        .is_some_and(|kind| kind.starts_with("message/sipfrag"))
    {
        let said = String::from_utf8_lossy(message.body());
        let _ = write!(line, " | {}", said.trim());
    }
    line.push_str(&audio(message));
    line
}

fn audio(message: &Message) -> String {
    if message.content_type() != Some("application/sdp") || message.body().is_empty() {
        return String::new();
    }
    let Ok(sdp) = SessionDescription::parse(message.body()) else {
        return " | unreadable audio".to_owned();
    };
    let codecs: Vec<String> = sdp.codecs().into_iter().map(|codec| codec.name).collect();
    let target = sdp.audio_target().map(|at| at.ip().to_string());
    format!(
        " | {} {} at {}",
        sdp.direction().as_str(),
        codecs.join(","),
        target.unwrap_or_default()
    )
}

/// How each target was left, out of the trace.
fn tried(trace: &str) -> Vec<String> {
    let trace: tandem_call::decide::Trace = serde_json::from_str(trace).unwrap();
    let steps = trace.steps.into_iter();
    steps
        .filter_map(|step| match step {
            tandem_call::decide::Step::Tried {
                target, outcome, ..
            } => Some(format!("tried {target}: {outcome}")),
            tandem_call::decide::Step::Redirected {
                by,
                number,
                outcome,
            } => Some(format!("redirected by {by} to {number}: {outcome}")),
            tandem_call::decide::Step::Transferred {
                by,
                number,
                call,
                outcome,
            } => Some(format!(
                "transferred by {by} to {number:?}, call {call}: {outcome}"
            )),
            _ => None,
        })
        .collect()
}

//! Why a call went where it went, at which price: the steps of a decision, in words.

use crate::{
    model::names::Names,
    resource::View,
    theme::{self, Tone},
    widget,
};
use egui::Ui;
use tandem_protocol::{
    dialplan::{ListSide, ListVerdict},
    simulate::TraceStep,
};

/// Verb, tone and sentence of a step.
pub fn sentence(step: &TraceStep, names: &Names) -> (&'static str, Tone, String) {
    match step {
        TraceStep::Recognised { account, by } => (
            "Recognised",
            Tone::Info,
            format!("{} by {by}", names.get(View::Accounts, account.0)),
        ),
        TraceStep::Rewritten {
            stage,
            number,
            from,
            to,
        } => (
            "Rewritten",
            Tone::Info,
            format!("{number} {from} ➡ {to}   ({stage})"),
        ),
        TraceStep::Listed {
            entry,
            account,
            side,
            prefix,
            verdict,
        } => {
            let list = account.map_or_else(
                || "every call's list".to_owned(),
                |account| format!("the list of {}", names.get(View::Accounts, account.0)),
            );
            let side = match side {
                ListSide::Caller => "caller",
                ListSide::Dialled => "number",
            };
            let text = format!("{side} {} by entry {entry} of {list}", empty(prefix));
            match verdict {
                ListVerdict::Block => ("✖ Blocked", Tone::Bad, text),
                ListVerdict::Allow => ("✔ Allowed", Tone::Good, text),
            }
        }
        TraceStep::Quoted {
            account,
            tariff,
            prefix,
            price_per_minute,
            ..
        } => (
            "Priced",
            Tone::Info,
            format!(
                "{} pays {price_per_minute} per minute, prefix {prefix} of {}",
                names.get(View::Accounts, account.0),
                names.get(View::Tariffs, *tariff)
            ),
        ),
        TraceStep::Transferred { .. }
        | TraceStep::Replaced { .. }
        | TraceStep::Unrecorded { .. }
        | TraceStep::Unplayed { .. }
        | TraceStep::Reason { .. }
        | TraceStep::Omitted { .. } => party_sentence(step),
        _ => route_sentence(step),
    }
}

/// Of what the parties of the call did.
fn party_sentence(step: &TraceStep) -> (&'static str, Tone, String) {
    match step {
        TraceStep::Transferred {
            by,
            number,
            call,
            outcome,
        } => {
            let number = if number.is_empty() {
                String::new()
            } else {
                format!(" to {number}")
            };
            (
                "Transferred",
                Tone::Warn,
                format!("by the {by}{number}, call {call}: {outcome}"),
            )
        }
        TraceStep::Replaced { side, by } => (
            "Replaced",
            Tone::Warn,
            format!("{by} took the place of the {side} side"),
        ),
        TraceStep::Unrecorded { reason } => ("Not recorded", Tone::Bad, reason.clone()),
        TraceStep::Unplayed { reason } => ("Not played", Tone::Bad, reason.clone()),
        TraceStep::Reason { side, said } => {
            ("Reason", Tone::Weak, format!("the {side} side said {said}"))
        }
        TraceStep::Omitted { steps } => (
            "Left out",
            Tone::Weak,
            format!("{steps} further steps were not kept"),
        ),
        _ => route_sentence(step),
    }
}

/// Of what became of a route, or of the call.
fn route_sentence(step: &TraceStep) -> (&'static str, Tone, String) {
    match step {
        TraceStep::Kept {
            route,
            target,
            prefix,
            priority,
            number,
            cost_per_minute,
        } => {
            let row = route.map_or_else(String::new, |_| {
                format!("prefix {} priority {priority}, ", empty(prefix))
            });
            let cost = cost_per_minute.as_ref();
            let cost = cost.map_or_else(String::new, |cost| format!(", costs {cost} per minute"));
            let text = format!("{target}   {row}sent {number}{cost}");
            ("✔ Kept", Tone::Good, text)
        }
        TraceStep::Dropped {
            target,
            prefix,
            priority,
            reason,
            ..
        } => (
            "✖ Dropped",
            Tone::Bad,
            format!(
                "{target}   prefix {} priority {priority}: {reason}",
                empty(prefix)
            ),
        ),
        TraceStep::Refused { code, detail } => {
            ("✖ Refused", Tone::Bad, format!("{code}: {detail}"))
        }
        TraceStep::Tried {
            target,
            outcome,
            after_ms,
            ..
        } => (
            "Tried",
            Tone::Warn,
            format!("{target}: {outcome} after {after_ms} ms"),
        ),
        TraceStep::Redirected {
            by,
            number,
            outcome,
        } => (
            "Redirected",
            Tone::Warn,
            format!("{by} to {number}: {outcome}"),
        ),
        TraceStep::Other { text } => ("Step", Tone::Weak, text.clone()),
        TraceStep::Recognised { .. }
        | TraceStep::Rewritten { .. }
        | TraceStep::Listed { .. }
        | TraceStep::Quoted { .. }
        | TraceStep::Transferred { .. }
        | TraceStep::Replaced { .. }
        | TraceStep::Unrecorded { .. }
        | TraceStep::Unplayed { .. }
        | TraceStep::Reason { .. }
        | TraceStep::Omitted { .. } => ("Step", Tone::Weak, String::new()),
    }
}

fn empty(prefix: &str) -> &str {
    if prefix.is_empty() { "(any)" } else { prefix }
}

pub fn show(ui: &mut Ui, steps: &[TraceStep], names: &Names) {
    if steps.is_empty() {
        widget::weak(ui, "No decision was kept.");
        return;
    }
    for (at, step) in steps.iter().enumerate() {
        let (verb, tone, text) = sentence(step, names);
        ui.horizontal_top(|ui| {
            widget::weak(ui, format!("{:>2}", at + 1));
            ui.scope(|ui| {
                ui.set_width(theme::STEP_BADGE);
                ui.with_layout(egui::Layout::left_to_right(egui::Align::TOP), |ui| {
                    ui.set_min_width(theme::STEP_BADGE);
                    widget::toned(ui, tone, verb);
                });
            });
            ui.add(egui::Label::new(text).wrap());
        });
    }
}

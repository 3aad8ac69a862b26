//! A ladder of what happened, for people.

use crate::kit::world::summary;
use std::{cell::RefCell, net::SocketAddr, rc::Rc};
use tandem_call::{Now, journal::Record};
use tandem_sip::Message;

/// Lines, if somebody wants them.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Rc<RefCell<Vec<String>>>>);

impl Trace {
    /// One that keeps its lines.
    #[must_use]
    pub fn kept() -> Self {
        Self(Some(Rc::default()))
    }

    /// What was kept.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0
            .as_ref()
            .map(|lines| lines.borrow().clone())
            .unwrap_or_default()
    }

    fn push(&self, now: Now, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let at = now.mono.0 / 1000;
            lines
                .borrow_mut()
                .push(format!("{:>9}.{:03} {}", at / 1000, at % 1000, line()));
        }
    }

    /// In words.
    pub fn note(&self, now: Now, text: &str) {
        self.push(now, || format!("** {text}"));
    }

    /// A message passes the switch's door.
    pub fn message(&self, now: Now, peer: SocketAddr, arrow: &str, message: &Message) {
        self.push(now, || {
            let (what, id) = (summary(message), message.call_id());
            let cseq = message.header("CSeq").unwrap_or_default();
            format!("{peer:<22} {arrow} {what:<8} {cseq:<14} {id}")
        });
    }

    /// A journal record.
    pub fn record(&self, now: Now, record: &Record) {
        self.push(now, || match record {
            Record::Opened(open) => format!(
                "-- call {} of account {:?} opened ({}): {:?}",
                open.cdr.call,
                open.cdr.account.map(|id| id.0),
                open.cdr.a_call_id,
                open.holds
                    .iter()
                    .map(|level| level.amount.0)
                    .collect::<Vec<_>>()
            ),
            Record::Answered { call, open, .. } => {
                format!("-- call {call} answered, paid to {} s", open.paid_until_s)
            }
            Record::Extended {
                call,
                levels,
                paid_until_s,
            } => format!(
                "-- call {call} extended to {paid_until_s} s: {:?}",
                levels
                    .iter()
                    .map(|level| level.amount.0)
                    .collect::<Vec<_>>()
            ),
            Record::Recorded { call, files } => format!("-- call {call} recorded to {files:?}"),
            Record::Ended { cdr, entries } => format!(
                "-- call {} ended ({}): {}, {} ms, {:?}",
                cdr.call,
                cdr.a_call_id,
                cdr.cause,
                cdr.duration_ms,
                entries
                    .iter()
                    .map(|entry| entry.amount.0)
                    .collect::<Vec<_>>()
            ),
            Record::Posted(entry) => format!(
                "-- {} books {} on account {}",
                entry.key, entry.amount.0, entry.account
            ),
            Record::Alert(alert) => format!("-- alert: {}", alert.text),
            Record::Blocked(block) => {
                format!("-- {} is blocked: {}", block.network, block.reason)
            }
            Record::Unblocked { network } => format!("-- {network} is blocked no more"),
            Record::Registered(phone) => {
                format!("-- {} registers {}", phone.username, phone.contact)
            }
            Record::Unregistered { username, contact } => format!("-- {username} loses {contact}"),
        });
    }
}

//! Turns time into money. Pure functions and values: no clock, no I/O, no binary floating point.
//!
//! `rating.md` is the formula; [`quote`] and [`tariff`] follow it rule by rule. [`ledger`] holds the rules of
//! balances and holds, [`number_rule`] VoipSwitch's rewriting language, [`cdr`] what a call leaves behind,
//! [`chain`] one call at every level, [`recurring`] fees that come back, [`exchange`] dated ratios for reports.
//! Must not know SIP, SQL or who is calling.
#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]

pub mod cdr;
pub mod chain;
pub mod exchange;
mod fixed;
pub mod id;
pub mod ledger;
pub mod money;
pub mod number_rule;
pub mod prefix;
pub mod quote;
pub mod recurring;
pub mod tariff;
pub mod time;

pub use id::*;
pub use money::{Currency, Micros};
pub use quote::{Quote, QuoteError};
pub use tariff::{Tariff, TariffBook};
pub use time::UtcMs;

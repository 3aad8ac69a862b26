//! What the demo prints: how to get in, a line for each call as it ends, sums now and then. All of it is read
//! from the books, as an operator's own list of calls would be.

use super::super::{Failure, say, try_say};
use crate::{config::Config, daemon::Daemon};
use jiff::tz::TimeZone;
use std::{collections::BTreeMap, fmt::Write, net::SocketAddr};
use tandem_billing::{CallId, Micros, UtcMs};
use tandem_call::cause;
use tandem_store::{
    List, ListQuery, Reader, Scope,
    query::{CdrDetail, CdrRow, CurrencyTotal, Op, Order, Totals},
    sample::Sample,
    verify,
};

/// How to reach the demo from a manager, a script and a phone.
pub(super) fn doors(daemon: &Daemon, config: &Config, sample: &Sample, switch: SocketAddr) {
    let (login, password) = &sample.admin;
    let data = config.data.display();
    say(
        "Tandem demo: a sample operator, its customers' phones and three carriers, on this machine only.\n",
    );
    if let Some(server) = daemon.rpc() {
        say(format_args!(
            "Manager   start tandem-manager (cargo run --release -p tandem-manager) and connect to\n\
             \x20         server       {}\n\
             \x20         log-in       {login}\n\
             \x20         password     {password}\n\
             \x20         certificate  {}\n\
             \x20                      (SHA-256; the manager asks once whether it is this one)",
            server.address(),
            server.fingerprint()
        ));
        say(format_args!(
            "Script    TANDEM_PASSWORD={password} tandem-switch --data {data} rpc --server {} cdr.list",
            server.address()
        ));
    }
    say(format_args!(
        "Phone     point your own at {switch} (UDP or TCP) as one of these, and dial another's extension or name"
    ));
    for phone in &sample.phones {
        say(format_args!(
            "          {:<13} extension {}   password {:<20} {}",
            phone.username, phone.extension, phone.password, phone.owner
        ));
    }
    say(format_args!(
        "Sounds    hold a call to hear music, dial 99900 to hear an announcement: tones that the demo made itself, in\n\
         \x20         {}",
        config.sounds().display()
    ));
    say(format_args!("Books     {}", config.database().display()));
    say(
        "\nThe phones call each other and out through the carriers. Each call as it ends (Ctrl-C ends the demo):\n",
    );
    say(format_args!(
        "{:<8}  {:<12} {:<14} {:<22} {:>6}  {:<54} {:>10} {:>10}",
        "time", "caller", "dialled", "destination", "talked", "paid by", "carrier", "margin"
    ));
}

/// How much later than its end a call may be written down.
const LATE_MS: i64 = 5_000;

/// Prints calls as they end, and sums.
pub(super) struct Show {
    reader: Reader,
    printed: BTreeMap<CallId, UtcMs>,
    zone: TimeZone,
}

impl Show {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            printed: BTreeMap::new(),
            zone: TimeZone::system(),
        }
    }

    /// Calls that ended since the last look.
    pub(super) fn calls(&mut self, now: UtcMs) -> Result<(), Failure> {
        let since = now.plus_ms(-LATE_MS);
        self.printed.retain(|_, ended_at| *ended_at >= since);
        let query = ListQuery::all(Scope::All)
            .filter("ended_at", Op::Ge, since.0)
            .sort("ended_at", Order::Ascending);
        for row in self.reader.rows::<CdrRow>(List::Cdr, &query)?.rows {
            if self
                .printed
                .insert(row.call_id, row.times.ended_at)
                .is_some()
            {
                continue;
            }
            if let Some(detail) = self.reader.cdr(row.call_id, Scope::All)? {
                try_say(line(&detail, &self.zone))?;
            }
        }
        Ok(())
    }

    /// All calls so far, in one line.
    pub(super) fn sums(&self) -> Result<(), Failure> {
        let totals = self.reader.cdr_totals(&ListQuery::all(Scope::All))?;
        say(format_args!("\n{}\n", sum_line(&totals)));
        Ok(())
    }
}

/// The books after the last call.
pub(super) fn books(config: &Config) -> Result<(), Failure> {
    let report = verify::verify(&config.database())?;
    for problem in &report.problems {
        say(format_args!("WRONG: {problem}"));
    }
    let state = if report.is_clean() { "clean" } else { "WRONG" };
    say(format_args!(
        "books: {state} ({} accounts, {} ledger entries, {} calls)",
        report.accounts, report.entries, report.cdrs
    ));
    Ok(())
}

fn sum_line(totals: &Totals) -> String {
    format!(
        "so far: {} calls, {} answered; customers paid {}, the operator got {}, the carriers took {}",
        totals.calls,
        totals.answered,
        sums(&totals.charge),
        sums(&totals.revenue),
        sums(&totals.cost)
    )
}

fn sums(totals: &[CurrencyTotal]) -> String {
    if totals.is_empty() {
        return "nothing".to_owned();
    }
    let one = |total: &CurrencyTotal| format!("{} {}", money(total.amount), total.currency);
    totals.iter().map(one).collect::<Vec<_>>().join(" + ")
}

/// Four decimals at least, so that columns align.
fn money(amount: Micros) -> String {
    let mut decimal = amount.to_decimal();
    if decimal.scale() < 4 {
        decimal.rescale(4);
    }
    decimal.to_string()
}

fn line(detail: &CdrDetail, zone: &TimeZone) -> String {
    let cdr = &detail.cdr;
    let time = jiff::Timestamp::from_millisecond(cdr.times.ended_at.0).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
    );
    let mut line = format!(
        "{time:<8}  {:<12} {:<14} {:<22} ",
        cdr.numbers.caller,
        cdr.numbers.dialled,
        short(cdr.numbers.destination.as_deref().unwrap_or("-"), 22)
    );
    if cdr.times.answered_at.is_none() {
        let why = cause::by_code(&cdr.cause).map_or(cdr.cause.as_str(), |cause| cause.text);
        line.push_str(&format!("{:>6}  {why}", "-"));
        return line;
    }
    let paid: Vec<String> = detail
        .charges
        .iter()
        .map(|level| format!("{} {}", level.account_login, money(level.charge)))
        .collect();
    let cost = detail.cost.as_ref().map(|cost| money(cost.cost));
    let margin = cdr.money.margin.or(cdr.money.revenue).map(money);
    let seconds = cdr.times.duration_ms.div_ceil(1_000);
    // Writing to a string cannot fail.
    let _ = write!(
        line,
        "{seconds:>4} s  {:<54} {:>10} {:>10}",
        paid.join(" > "),
        cost.as_deref().unwrap_or("on-net"),
        margin.as_deref().unwrap_or("-")
    );
    line
}

/// The first characters of a text.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['~']).collect()
}

//! The command line. Without a command the daemon runs.
//!
//! Exit codes: 0 all well; 1 the thing asked for failed or found faults; 2 the words were wrong; 3 `rpc` reached
//! no switch; 78 (`EX_CONFIG` of sysexits.h) somebody has to act before a start can succeed.

mod admin;
mod books;
mod cases;
mod decide;
mod demo;
mod log;
#[cfg(test)]
mod manual;
mod rate;
mod rpc;
mod run;
mod service;

use crate::{
    config::{Config, ConfigError},
    daemon::StartError,
    rpc::client::ClientError,
};
use clap::{Args, Parser, Subcommand};
use std::{io::Write, path::PathBuf, process::ExitCode};
use tandem_store::StoreError;

/// Tandem: softswitch with its billing inside.
#[derive(Debug, Parser)]
#[command(name = "tandem-switch", version, about)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the configuration and the data are.
#[derive(Clone, Debug, Args)]
struct Place {
    /// Configuration file; without one the defaults hold.
    #[arg(long, short, global = true, env = "TANDEM_CONFIG")]
    config: Option<PathBuf>,
    /// Data folder; overrules the configuration.
    #[arg(long, short, global = true, env = "TANDEM_DATA")]
    data: Option<PathBuf>,
}

impl Place {
    fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        Ok(config)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the switch (the default).
    Run,
    /// Run a sample operator whose phones call over real sockets.
    Demo(demo::DemoArgs),
    /// Check the configuration and say every fault at once.
    Check,
    /// Create an admin log-in, or reset one's password. The switch must be stopped.
    Admin(admin::AdminArgs),
    /// Call a method of a running switch; the result is printed as JSON.
    Rpc(rpc::RpcArgs),
    /// Price cases of number, instant and duration from a file. No switch needed.
    #[command(after_long_help = rate::FORMAT)]
    Rate(rate::RateArgs),
    /// Decide cases of caller and number from a file: routes, prices, refusals, with the trace. No switch needed.
    #[command(after_long_help = decide::FORMAT)]
    Decide(decide::DecideArgs),
    /// Check the books: balances against entries, holds against calls, CDRs against charges.
    Verify,
    /// Copy the database while the switch runs.
    Backup {
        /// The new file; must not exist.
        to: PathBuf,
    },
}

/// Why a command failed; printed with all its causes.
type Failure = Box<dyn std::error::Error>;

/// Reads the words, does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { place, command } = Cli::parse();
    let done = match command.unwrap_or(Command::Run) {
        Command::Run => run::run(&place),
        Command::Demo(args) => demo::run(&place, &args),
        Command::Check => check(&place),
        Command::Admin(args) => admin::run(&place, &args),
        Command::Rpc(args) => rpc::run(&place, &args),
        Command::Rate(args) => rate::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Verify => books::verify(&place),
        Command::Backup { to } => books::backup(&place, &to),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            complain(failure.as_ref());
            code_of(failure.as_ref())
        }
    }
}

/// Starting again does not help: `RestartPreventExitStatus=` of the service.
const SOMEBODY_HAS_TO_ACT: u8 = 78;
/// `rpc`: the switch does not run, or it is another one.
const NO_SWITCH: u8 = 3;

fn code_of(failure: &(dyn std::error::Error + 'static)) -> ExitCode {
    let lasting = failure.is::<ConfigError>()
        || failure.downcast_ref().is_some_and(StartError::is_lasting)
        || failure.downcast_ref().is_some_and(StoreError::is_lasting);
    if lasting {
        ExitCode::from(SOMEBODY_HAS_TO_ACT)
    } else if failure.is::<ClientError>() {
        ExitCode::from(NO_SWITCH)
    } else {
        ExitCode::FAILURE
    }
}

fn complain(failure: &(dyn std::error::Error + 'static)) {
    eprintln!("tandem-switch: {failure}");
    let mut said = failure.to_string();
    let mut next = Some(failure);
    let mut remedy = None;
    while let Some(error) = next {
        let text = error.to_string();
        // Some messages hold that of their cause.
        if !said.contains(&text) {
            eprintln!("  because: {text}");
            said = text;
        }
        remedy = remedy.or(error.downcast_ref().and_then(StoreError::remedy));
        next = error.source();
    }
    if let Some(remedy) = remedy {
        eprintln!("  remedy: {remedy}");
    }
}

/// Prints a line for people or scripts. That nobody can read it is no reason to end the switch.
fn say(line: impl std::fmt::Display) {
    // See above.
    let _ = try_say(line);
}

/// Prints a line, where it is what the command is for: the one place that writes to standard output.
fn try_say(line: impl std::fmt::Display) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

fn check(place: &Place) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    say(format_args!(
        "configuration is sound; data folder {}",
        config.data.display()
    ));
    Ok(ExitCode::SUCCESS)
}

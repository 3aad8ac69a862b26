//! `verify` and `backup`: the books, checked and copied.

use super::{Failure, Place, say};
use std::{path::Path, process::ExitCode};

pub(super) fn verify(place: &Place) -> Result<ExitCode, Failure> {
    let report = tandem_store::verify::verify(&place.load()?.database())?;
    say(format_args!(
        "{} accounts, {} ledger entries, {} CDRs, {} open calls",
        report.accounts, report.entries, report.cdrs, report.open_calls
    ));
    for problem in &report.problems {
        say(format_args!("WRONG: {problem}"));
    }
    if report.problems.is_empty() {
        say("clean");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

pub(super) fn backup(place: &Place, to: &Path) -> Result<ExitCode, Failure> {
    tandem_store::backup::backup(&place.load()?.database(), to)?;
    say(format_args!("copied to {}", to.display()));
    Ok(ExitCode::SUCCESS)
}

//! `tandem-switch`: see [`tandem_switch::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tandem_switch::cli::main()
}

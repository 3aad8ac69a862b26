//! `tandem-switch`: see [`tandem_switch::cli`].

use std::process::ExitCode;

/// Journal batches are made on the core's thread and freed on the writer's: the system's allocator grows and
/// trims an arena for it at nearly every call, this one does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tandem_switch::cli::main()
}

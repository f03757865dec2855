//! The executable: starts the server or runs a command.

use std::process::ExitCode;

use anyhow::Context as _;
use callgate::server::cli::{
    self,
    output::{exit_code, is_broken_pipe},
};
use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

/// A call makes about thirty allocations, and the system allocator is slow for the larger ones.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callgate: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run() -> anyhow::Result<()> {
    let runtime = Runtime::new().context("cannot start the async runtime")?;
    let result = runtime.block_on(cli::run());
    // Does not wait for blocking threads: after a signal during start-up, one may be waiting for another process's lock.
    runtime.shutdown_background();
    result
}

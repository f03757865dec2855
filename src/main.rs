//! The command line of Callgate: starts the server or runs a command.

use std::process::ExitCode;

use anyhow::Context as _;
use callgate::server::cli::{
    self,
    output::{exit_code, is_unread},
};
use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

/// A call takes and gives back some thirty pieces of memory, the larger of which the system's allocator is slow with.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callgate: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run() -> anyhow::Result<()> {
    let runtime = Runtime::new().context("the runtime cannot be started")?;
    let done = runtime.block_on(cli::run());
    // Blocked threads are not waited for: a start that a signal broke off may be waiting for another process's lock.
    runtime.shutdown_background();
    done
}

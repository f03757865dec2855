//! The command line of Callgate: starts the server or runs a command.

use std::process::ExitCode;

use callgate::server::commands::output::{exit_code, is_unread};
use mimalloc::MiMalloc;

/// A call takes and gives back some thirty pieces of memory, the larger of which the system's allocator is slow with.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match callgate::server::commands::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callgate: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

//! The command line of Callgate: starts the server or runs a command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match callgate::server::commands::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callgate: {error:#}");
            ExitCode::from(callgate::server::commands::output::exit_code(&error))
        }
    }
}

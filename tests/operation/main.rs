//! Running the server: settings, commands, faults, logs, stopping.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod canaries;
mod command_line;
mod crashes;
mod database_faults;
mod health;
mod logging;
mod settings;
mod stop;
mod takeover;

//! Running the server: settings, commands, faults, logs, stopping.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

/// A provider of accounts that tells its secrets.
#[allow(dead_code, reason = "the tests of providers use all of it")]
#[path = "../providers"]
mod providers {
    pub mod forge;
    pub mod hostile;
    pub mod steps;
}

mod announced_stop;
mod backups;
mod caller;
mod canaries;
mod command_line;
mod crashes;
mod data_copy;
mod database_faults;
mod doctor;
mod health;
mod logging;
mod migrate;
mod program_files;
mod rolling_restart;
mod settings;
mod stop;
mod takeover;

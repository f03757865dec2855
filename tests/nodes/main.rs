//! Several nodes on one PostgreSQL database: what one node changes is in force at the others at once, and a fault of the
//! database or of the network to it lets nobody in.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod cluster;
mod database_faults;
mod fail_over;
mod logs;
mod network_faults;
mod pgbouncer;
mod revocation;
mod shared_limits;
mod soak;
mod starts;
mod tasks;

//! Attacks that take long, which only `make attack` runs.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod flood;
mod handshake;
mod slow;
mod timing;

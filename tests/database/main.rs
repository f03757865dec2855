//! The storage on PostgreSQL: several nodes that change the same rows at once, and a database that fails.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod faults;
mod limits;
mod links;
mod races;
mod settings;
mod steps;
mod transactions;

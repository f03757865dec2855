//! HTTP, TLS and pages.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack_sites;
mod bodies;
mod connections;
mod headers;
mod korean_pages;
mod korean_refusals;
mod languages;
mod pages;
mod preferences;
mod renewal;
mod smuggling;
mod transport;

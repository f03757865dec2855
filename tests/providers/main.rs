//! Logins with accounts at providers: a real one (npm's oidc-provider), and one that attacks.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack_answers;
mod attack_callbacks;
mod attack_confirmations;
mod attack_id_tokens;
mod attack_keys;
mod attack_links;
mod attack_logout_tokens;
mod attack_metadata;
mod attack_provisioning;
mod attack_starts;
mod commands;
mod confirming;
mod forge;
mod github;
mod hostile;
mod linking;
mod logging_out;
mod login;
mod provisioning;
mod real;
mod steps;
mod table;
mod tls;

//! Logins, sessions, remembered browsers, passwords and throttling.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack_sessions;
mod attack_stolen_database;
mod busy_hashing;
mod chosen_passwords;
mod concurrent_calls;
mod equal_work;
mod fresh_login;
mod my_sessions;
mod next_call;
mod password_page;
mod remember;
mod running_calls;
mod session_cookies;
mod sessions;
mod steps;
mod throttle;
mod time_limits;

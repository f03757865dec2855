//! Black-box tests: each starts the real program with a data folder and a port of its own, and talks to it as clients
//! do, over HTTPS that is verified with the development CA. One file per journey; the numbers in "security check …"
//! are those of a list of checks that SECURITY.md follows.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

mod client;
mod clock;
mod database;
mod effort;
mod page;
mod poll;
mod raw;
mod routes;
mod server;

mod account;
mod attack_crash;
mod attack_handshake;
mod attack_input;
mod attack_paths;
mod attack_places;
mod attack_sessions;
mod attack_sites;
mod attack_slow;
mod attack_stolen_database;
mod attack_timing;
mod audit_trail;
mod bodies;
mod call;
mod call_log;
mod calls_under_way;
mod canaries;
mod chosen_passwords;
mod command_line;
mod connections;
mod contract;
mod cross_site;
mod equal_work;
mod faults;
mod first_start;
mod forms;
mod fresh_login;
mod function_table;
mod guards;
mod headers;
mod health;
mod hostile_names;
mod jumping_clock;
mod kept_sessions;
mod links;
mod logging;
mod login;
mod manage_by_command;
mod manage_users;
mod openapi;
mod pages;
mod registration;
mod remember;
mod renewal;
mod resumed_calls;
mod resumed_journeys;
mod roles;
mod sessions;
mod settings;
mod shell_line;
mod smuggling;
mod stop;
mod takeover;
mod throttle;
mod transport;
mod typed_arguments;
mod typed_forms;
mod users;
mod where_logged_in;

//! The server: compiled for the native target only.
//!
//! `storage` holds all SQL and knows nothing of HTTP; `http` knows nothing of SQL. The use-cases in `accounts` connect
//! them.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod http;
pub mod listener;
pub mod model;
pub mod nodes;
pub mod oidc;
pub mod passwords;
pub mod registry;
pub mod run;
pub mod runtime;
pub mod sessions;
pub mod state;
pub mod storage;
pub mod sweeper;
pub mod telemetry;
pub mod throttle;

//! The server: everything that only the native half has.
//!
//! Inside, the storage knows nothing of HTTP and HTTP nothing of SQL; `login` and `sessions` stand between them.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod http;
pub mod listener;
pub mod model;
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

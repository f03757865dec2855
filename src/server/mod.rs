//! The server: everything that only the native half has.
//!
//! Inside, the storage knows nothing of HTTP and HTTP nothing of SQL; `login` and `sessions` stand between them.

pub mod access;
pub mod account;
pub mod actor;
pub mod audit;
pub mod background;
pub mod caller;
pub mod certificates;
pub mod clock;
pub mod commands;
pub mod cookies;
pub mod demo;
pub mod device;
pub mod door;
pub mod events;
pub mod fault;
pub mod function;
pub mod guard;
pub mod https;
pub mod kept_calls;
pub mod links;
pub mod log;
pub mod login;
pub mod logins;
pub mod matrix;
pub mod names;
pub mod openapi;
pub mod password_policy;
pub mod passwords;
pub mod reference;
pub mod registration;
pub mod remember;
pub mod roles;
pub mod schema;
pub mod secret;
pub mod services;
pub mod sessions;
pub mod settings;
pub mod startup;
pub mod stay;
pub mod stopping;
pub mod storage;
pub mod throttle;
pub mod users;

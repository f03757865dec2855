//! The use-cases behind the declared functions and the command line.

pub mod active_sessions;
pub mod actor;
pub mod closed_functions;
pub mod demo;
pub mod login;
pub mod one_time_links;
pub mod own_account;
pub mod registration;
pub mod roles;
pub mod session_renewal;
pub mod stay;
pub mod users;

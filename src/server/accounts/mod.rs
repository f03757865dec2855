//! The use-cases behind the declared functions and the command line.

pub mod active_sessions;
pub mod actor;
pub mod closed_functions;
pub mod demo;
pub mod identities;
mod linked_account;
pub mod login;
pub mod one_time_links;
pub mod own_account;
pub mod profile;
pub mod provider_login;
pub mod provider_logout;
pub mod provider_warnings;
mod provisioning;
pub mod registration;
mod role_mapping;
pub mod roles;
pub mod session_renewal;
pub mod stay;
pub mod users;

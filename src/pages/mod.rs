//! The pages, one per file. Their routes are in [`app`](crate::app).

pub mod access;
pub mod account;
pub mod audit;
pub mod calls;
pub mod confirm;
pub mod failure;
pub mod function;
pub mod home;
pub mod logged_out;
pub mod login;
pub mod not_found;
pub mod password;
pub mod register;
pub mod roles;
pub mod setup;
pub mod user;
pub mod users;
pub mod welcome;

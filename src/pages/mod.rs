//! One screen a file. The table of pages is [`app`](crate::app).

pub mod account;
pub mod confirm;
pub mod failure;
pub mod function;
pub mod home;
pub mod login;
pub mod not_found;

//! The types that browser and server exchange.
//!
//! Plain data and pure rules, with serde for the wire format and schemars for its schema. There is no clock and no
//! I/O, except that a name of a time zone is looked up, and no type prints a secret.

#![warn(missing_docs)]

pub mod answer;
pub mod audit;
pub mod codec;
pub mod example;
pub mod form_data;
pub mod function;
pub mod identity;
pub mod json;
pub mod language;
pub mod letter_case;
pub mod limits;
pub mod link;
pub mod login;
pub mod moment;
pub mod page;
pub mod pending_call;
pub mod provider;
pub mod query;
pub mod redirect_target;
pub mod refusal;
pub mod required;
pub mod role;
pub mod session;
pub mod shape;
#[cfg(test)]
pub mod strategies;
pub mod theme;
pub mod time_zone;
pub mod user;

pub use answer::Answer;
pub use json::JsonObject;
pub use language::{Language, Message};
pub use limits::{RangedInt, Text};
pub use refusal::Refusal;
pub use theme::Theme;
pub use time_zone::TimeZone;

//! What browser and server agree on: the types that cross the wire.
//!
//! Plain data and pure rules, with serde for the wire and schemars for what they look like there: no I/O, no clock, nothing
//! secret that could be printed.

pub mod answer;
pub mod asked;
pub mod audit;
pub mod function;
pub mod json;
pub mod kept_call;
pub mod letter_case;
pub mod limits;
pub mod link;
pub mod login;
#[cfg(test)]
pub mod made_up;
pub mod next;
pub mod page;
pub mod refusal;
pub mod required;
pub mod role;
pub mod session;
pub mod shape;
pub mod stay;
pub mod typed;
pub mod user;
pub mod wire;

pub use answer::Answer;
pub use json::JsonObject;
pub use limits::{Text, Whole};
pub use refusal::Refusal;

//! What browser and server agree on: the types that cross the wire.
//!
//! Plain data and pure rules, serde only: no I/O, no clock, nothing secret that could be printed.

pub mod answer;
pub mod arguments;
pub mod function;
pub mod json;
pub mod kept_call;
pub mod login;
pub mod next;
pub mod page;
pub mod refusal;
pub mod user;

pub use answer::Answer;
pub use json::JsonObject;
pub use refusal::Refusal;

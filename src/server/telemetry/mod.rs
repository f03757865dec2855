//! The log, request contexts, request ids, and internal errors.

pub mod error;
pub mod log;
pub mod request;
pub mod request_id;

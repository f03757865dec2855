//! The log, the request that a line belongs to, and internal errors.

pub mod error;
pub mod log;
pub mod request;
pub mod request_id;

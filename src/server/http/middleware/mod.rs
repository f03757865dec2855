//! The middleware, one per file. [`http`](super) defines the order.

pub mod catch_panic;
pub mod client_ip;
pub mod csrf;
pub mod negotiate_language;
pub mod request_context;
pub mod security_headers;
pub mod session;
pub mod slow_reader;
pub mod validate_request;

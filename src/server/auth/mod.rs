//! Authentication and authorization: cookies, callers, remembered browsers and guards.

pub mod authenticate;
pub mod caller;
pub mod cookies;
pub mod device;
pub mod guard;
pub mod language;
pub mod remember;
pub mod sample_caller;
pub mod security_log;

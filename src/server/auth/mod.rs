//! Who calls: cookies, sessions, remembered browsers and guards.

pub mod caller;
pub mod cookies;
pub mod device;
pub mod guard;
pub mod remember;
pub mod security_log;

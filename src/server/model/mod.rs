//! Plain values that are stored, logged and passed between layers.

pub mod call_record;
pub mod clock;
pub mod event;
pub mod login;
pub mod network;
pub mod no_duplicate_keys;
pub mod paging;
pub mod profile;
pub mod token;
pub mod user_name;

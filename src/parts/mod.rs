//! Reusable pieces of view. Those that run in the browser are islands or parts of an island.

pub mod action_button;
pub mod arguments;
pub mod browser;
pub mod call_form;
pub mod client_code;
pub mod copyable;
pub mod events;
pub mod function_form;
pub mod guard_badge;
pub mod header;
pub mod identity;
pub mod json_editor;
pub mod language_switch;
pub mod moment;
pub mod paging;
pub mod password_field;
pub mod program;
pub mod prose;
pub mod provider;
pub mod refused;
pub mod reply;
pub mod session;
pub mod visit;
pub mod waiting;

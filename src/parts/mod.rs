//! Reusable pieces of view, and what pages share in the browser.

pub mod arguments;
pub mod browser;
pub mod curl;
pub mod guard_badge;
pub mod header;
pub mod json_editor;
pub mod mark;
pub mod password_field;
pub mod prose;
pub mod reply;
pub mod visit;
pub mod waiting;

//! The declared functions, a file per topic.
//!
//! A function is declared once, with [`function!`](crate::function): name, doc comment, guard, arguments, reply. From
//! that come its JSON endpoint, its page and form, its row in `callgate function list` and the call from a Leptos
//! page. To add one, declare it in a file here; nothing else is edited.

mod declare;

pub mod account;
pub mod audit;
pub mod echo;
pub mod list;
pub mod login;
pub mod roles;
pub mod stay;
pub mod users;
pub mod welcome;

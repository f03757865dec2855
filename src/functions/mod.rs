//! The declared functions, one file per topic.
//!
//! A function is declared once, with [`#[function]`](macro@crate::function): name, doc comment, guard, arguments,
//! reply. Its JSON endpoint, its page and form, its row in `callgate function list` and the server function for Leptos
//! pages are derived from that. To add a function, declare it in a file here; nothing else is edited.
//!
//! ```
//! use callgate::{contract::{Answer, JsonObject, Refusal, Text}, function};
//!
//! /// Greets the caller by name.
//! #[function]
//! pub async fn greet(
//!     caller: LoggedIn,
//!     /// What to say before the name.
//!     greeting: Text<1, 40>,
//!     #[serde(default)] loudly: bool,
//! ) -> Result<Answer, Refusal> {
//!     let end = if loudly { "!" } else { "." };
//!     Ok(Answer::new(format!("{greeting}, {}{end}", caller.user_id())))
//! }
//!
//! /// Echoes any JSON object that is not empty.
//! #[function]
//! #[refuses(Conflict("The object is empty.".into()))]
//! pub async fn echo(_caller: Anyone, #[body] object: JsonObject) -> Result<Answer, Refusal> {
//!     match object.as_str() {
//!         "{}" => Err(Refusal::Conflict("The object is empty.".into())),
//!         text => Ok(Answer::new(text)),
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A function without a guard does not compile:
//!
//! ```compile_fail
//! use callgate::{contract::{Answer, Refusal}, function};
//!
//! /// Greets the caller by name.
//! #[function]
//! pub async fn greet() -> Result<Answer, Refusal> {
//!     Ok(Answer::new("hello"))
//! }
//! # fn main() {}
//! ```
//!
//! Nor does a function whose first parameter is not a guard:
//!
//! ```compile_fail
//! use callgate::{contract::{Answer, Refusal}, function};
//!
//! /// Greets the caller by name.
//! #[function]
//! pub async fn greet(greeting: String) -> Result<Answer, Refusal> {
//!     Ok(Answer::new(greeting))
//! }
//! # fn main() {}
//! ```

pub mod account;
pub mod audit;
pub mod echo;
pub mod identities;
pub mod list;
pub mod login;
pub mod roles;
pub mod stay;
pub mod users;
pub mod welcome;

//! Logging in with an account at a provider (OpenID Connect, OAuth 2).
//!
//! [`start()`] begins a flow and sends the browser to the provider. [`finish`] is the callback to which the provider sends it
//! back. A flow is used up by its first callback, ends after ten minutes, and belongs to one browser, which can have
//! several at once.
//!
//! An account is identified by issuer and subject, byte by byte. Nothing is ever linked because a name or an e-mail address
//! is the same.

mod callback;
mod confirm;
mod failed;
mod flow;
mod kind;
mod link;
mod log_in;
mod start;
mod welcome;

pub use self::{callback::finish, start::start};
use crate::contract::{link::LinkCode, redirect_target::OwnPage};

/// What a flow is for.
#[derive(Debug)]
pub enum Purpose {
    Login,
    /// Links the account to the user who is logged in.
    Link,
    /// Makes the login fresh.
    Confirm,
    /// Links the account to the user of a one-time link, and logs that user in.
    Welcome(LinkCode),
}

#[derive(Debug)]
pub struct Start<'a> {
    /// The key of the provider.
    pub provider: &'a str,
    pub purpose: Purpose,
    /// The page to show afterwards.
    pub next: OwnPage,
    /// Whether to remember the browser, if the provider allows it.
    pub remember: bool,
}

/// Where the browser goes to log in.
#[derive(Debug)]
pub struct Departure {
    pub provider_name: String,
    /// The host of `url`.
    pub host: String,
    pub url: String,
}

/// The path, with its query, of the page of ours to show after a callback.
#[derive(Debug, PartialEq, Eq)]
pub struct ReturnTo(pub String);

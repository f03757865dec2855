//! Guards: who may call a function.
//!
//! A guard is a type. Its value can only be made by [`Guard::check`], so a function that holds one has proof that its
//! caller may call; the rule stands in the signature. A failure while checking is a fault, never an answer.

pub mod kinds;

use std::future::Future;

use leptos::prelude::use_context;

use super::{caller::Caller, fault::Fault};
use crate::contract::{Refusal, function::Rule};

/// A rule about who may call, and the proof that a caller may.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "the first parameter of a function is its guard, for example `caller: LoggedIn`"
)]
pub trait Guard: Sized + Send {
    /// The rule, for people and tables.
    const RULE: Rule;

    /// Checks a caller.
    ///
    /// # Errors
    /// What is missing, or a fault where that cannot be told.
    fn check(caller: &Caller) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

/// Checks the caller of the present request. The first line of every declared function.
///
/// # Errors
/// As [`Guard::check`]; also a fault where there is no caller, because the function was called outside a request.
pub async fn require<G: Guard>() -> Result<G, Refusal> {
    let caller = use_context::<Caller>().ok_or_else(|| {
        Fault::new(
            "checking a guard",
            "a function was called outside a request",
        )
    })?;
    G::check(&caller).await
}

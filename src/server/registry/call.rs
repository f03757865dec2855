//! The two ways to call a declared function: over HTTP, and directly while the server renders a page.
//!
//! In both cases the guard is checked first, a panic fails this call only, and `limits.call_seconds` applies.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::FutureExt as _;

use super::{
    Function,
    declaration::{Declared, Invoke},
};
use crate::{
    contract::Refusal,
    server::{
        auth::{caller::Caller, guard},
        telemetry::error::{InternalError, caught},
    },
};

/// If the body takes longer than this to arrive, the guard is checked again.
const STALE_AFTER: Duration = Duration::from_millis(500);

/// A call that the guard has allowed and that waits for its body.
pub struct AuthorizedCall {
    function: &'static Function,
    caller: Caller,
    invoke: Invoke,
    authorized_at: Instant,
    remaining: Duration,
}

impl Function {
    /// Checks the guard, before the body is read. Logs the refusal of a logged-in user.
    pub async fn authorize(&'static self, caller: &Caller) -> Result<AuthorizedCall, Refusal> {
        let limit = caller.state().settings().limits.call_seconds.duration();
        self.authorize_within(limit, caller.clone()).await
    }

    async fn authorize_within(&'static self, limit: Duration, caller: Caller) -> Result<AuthorizedCall, Refusal> {
        let started = Instant::now();
        let check = (self.declaration.authorize)(&caller);
        match caller.with_deadline_in(limit, self.name(), check).await {
            Ok(invoke) => Ok(AuthorizedCall {
                function: self,
                invoke,
                authorized_at: Instant::now(),
                remaining: limit.saturating_sub(started.elapsed()),
                caller,
            }),
            Err(refusal) => {
                guard::record_refusal(&caller, self.name(), &self.rule, &refusal).await;
                Err(refusal)
            }
        }
    }
}

impl AuthorizedCall {
    /// Calls the function with a request body, within the remaining time. The time that the body took to arrive does
    /// not count. If that was long, the session is looked up and the guard is checked again first.
    pub async fn call(mut self, body: String) -> Result<String, Refusal> {
        if self.authorized_at.elapsed() >= STALE_AFTER {
            self.caller.refresh().await?;
            self = self.function.authorize_within(self.remaining, self.caller).await?;
        }
        let call = caught((self.invoke)(self.function, body)).map(Result::flatten);
        let call = self.caller.with_deadline_in(self.remaining, self.function.name(), call);
        self.caller.scope(call).await
    }
}

/// The body of the generated Leptos server function: checks the guard, then calls the declared function. Pages call it
/// while they are rendered, as do other functions.
///
/// Catches panics, because Leptos runs the calls of a page in separate tasks and the page would wait forever for a dead
/// one. Enforces the call timeout, because nothing else ends such a task.
#[expect(
    clippy::manual_async_fn,
    reason = "with `Send` in the signature, a wrong guard causes one compile error and not a second one at the call"
)]
pub fn call<D: Declared>(arguments: D::Arguments) -> impl Future<Output = Result<D::Reply, Refusal>> + Send {
    async {
        let caller = Caller::current()
            .ok_or_else(|| InternalError::new("checking a guard", "a function was called outside a request"))?;
        let call = async {
            let guard = guard::check::<D::Guard>(&caller, D::NAME).await?;
            D::invoke(guard, arguments).await
        };
        caller.with_deadline(D::NAME, caught(call).map(Result::flatten)).await
    }
}

//! The two ways to a declared function: over HTTP and from a page that is being rendered.
//!
//! Either way its guard is checked first, a panic in it is a failure of this call alone, and it may take as long as
//! `limits.call_seconds` says.

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

/// After how long a wait for the body of a call its guard is asked again.
const STALE_AFTER: Duration = Duration::from_millis(500);

/// A caller whom the guard of a function has let in.
pub struct Admitted {
    function: &'static Function,
    caller: Caller,
    invoke: Invoke,
    at: Instant,
    /// How long the rest of the call may take.
    left: Duration,
}

impl Function {
    /// Asks the guard, before anything of a body is read. Where it turns a user away, that is logged.
    ///
    /// # Errors
    /// As [`Self::check`]; [`Refusal::CallTooSlow`].
    pub async fn admit(&'static self, caller: &Caller) -> Result<Admitted, Refusal> {
        let limit = caller.state().settings().limits.call();
        self.admit_within(limit, caller.clone()).await
    }

    async fn admit_within(&'static self, limit: Duration, caller: Caller) -> Result<Admitted, Refusal> {
        let began = Instant::now();
        let asking = (self.declaration.admit)(&caller);
        match caller.with_deadline_in(limit, self.name(), asking).await {
            Ok(invoke) => Ok(Admitted {
                function: self,
                invoke,
                at: Instant::now(),
                left: limit.saturating_sub(began.elapsed()),
                caller,
            }),
            Err(refusal) => {
                guard::tell(&caller, self.name(), &self.rule, &refusal).await;
                Err(refusal)
            }
        }
    }
}

impl Admitted {
    /// Calls the function with the body of a request, in what is left of its time: waiting for the body took none of it. If
    /// that wait was long, the session is looked up and the guard asked again first.
    ///
    /// # Errors
    /// Those of the function and its arguments; after a long wait those of the guard; [`Refusal::CallTooSlow`].
    pub async fn call(mut self, body: String) -> Result<String, Refusal> {
        if self.at.elapsed() >= STALE_AFTER {
            self.caller.refresh().await?;
            self = self.function.admit_within(self.left, self.caller).await?;
        }
        let call = caught((self.invoke)(self.function, body)).map(Result::flatten);
        let call = self.caller.with_deadline_in(self.left, self.function.name(), call);
        self.caller.scope(call).await
    }
}

/// Checks the guard of a function and calls it, for a page that is being rendered or another function: for what Leptos calls a
/// server function. A panic is caught because Leptos runs the calls of a page in tasks of their own, and the page would wait
/// for ever for one that is gone; the time is limited because nobody else ends such a task.
///
/// # Errors
/// Those of the guard and the function; [`Refusal::CallTooSlow`]; a fault where it is called outside a request.
#[expect(
    clippy::manual_async_fn,
    reason = "`Send` in the signature keeps a wrong guard from being a second error, where the function is called"
)]
pub fn call<D: Declared>(arguments: D::Arguments) -> impl Future<Output = Result<D::Reply, Refusal>> + Send {
    async {
        let caller = Caller::current()
            .ok_or_else(|| InternalError::new("checking a guard", "a function was called outside a request"))?;
        let call = async {
            let guard = guard::ask::<D::Guard>(&caller, D::NAME).await?;
            D::invoke(guard, arguments).await
        };
        caller.with_deadline(D::NAME, caught(call).map(Result::flatten)).await
    }
}

//! The reference of a request: what a caller quotes to the operator, and what the operator searches the log for.
//!
//! Every request has one, made here and never taken from the client. It is on every line that the request leaves in the
//! log (`request_id`), on its answer (`X-Request-Id`), and in every refusal. It is no secret and opens nothing.

use std::{fmt, future::Future};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use tracing::Instrument as _;

/// Thirteen characters of five bits each: 65 random bits.
const LENGTH: usize = 13;

/// Letters and digits that are not mistaken for one another when they are read out.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

tokio::task_local! {
    static CURRENT: Reference;
}

/// A reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reference([u8; LENGTH]);

impl Reference {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; LENGTH];
        // Without random numbers it is all "a": still a reference, and the request still gets its answer.
        let _ = getrandom::fill(&mut bytes);
        Self(bytes.map(|byte| ALPHABET[usize::from(byte % 32)]))
    }

    /// That of the present request, if this runs for one.
    pub fn of_request() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// Makes `work` that of the request with this reference.
    pub async fn over<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lets what Leptos runs in tasks of its own, such as the calls of a page that is being rendered, belong to the request
/// that started it. Comes before anything of Leptos.
pub fn follow_leptos() {
    // It is set already where this process has made another router, as in tests.
    let _ = Executor::init_custom_executor(Tasks);
}

/// Tokio's tasks, each for the request that started it.
struct Tasks;

impl CustomExecutor for Tasks {
    fn spawn(&self, work: PinnedFuture<()>) {
        tokio::spawn(along(work));
    }

    fn spawn_local(&self, work: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(along(work));
    }

    fn poll_local(&self) {}
}

/// `work`, for the present request in another task.
fn along<F: Future<Output = ()>>(work: F) -> impl Future<Output = ()> {
    let current = Reference::of_request();
    async move {
        match current {
            Some(reference) => reference.over(work).await,
            None => work.await,
        }
    }
    .in_current_span()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_short_and_never_the_same() {
        let (one, other) = (Reference::random(), Reference::random());
        assert_eq!(one.as_str().len(), LENGTH);
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_task_of_leptos_belongs_to_the_request_that_started_it() {
        follow_leptos();
        let reference = Reference::random();
        let (tell, told) = tokio::sync::oneshot::channel();
        reference
            .over(async {
                Executor::spawn(async move {
                    let _ = tell.send(Reference::of_request());
                });
            })
            .await;
        assert_eq!(told.await.unwrap(), Some(reference));
        assert_eq!(Reference::of_request(), None);
    }
}

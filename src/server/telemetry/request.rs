//! The request that a task works for: what the log and the refusals tell of it.
//!
//! It costs next to nothing while nothing is told: no line is prepared for a request that leaves none.

use std::{fmt, future::Future, net::IpAddr};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use axum::http::{Method, Uri};

use super::request_id::Reference;

/// How many characters of a method or path are told.
const TOLD: usize = 200;

tokio::task_local! {
    static CURRENT: UnderWay;
}

/// A request under way.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// Its reference.
    pub reference: Reference,
    /// The address of its client.
    pub address: Option<IpAddr>,
    /// Its method.
    pub method: Method,
    /// Its address. Only the path is told: people put secrets into queries.
    pub uri: Uri,
}

impl UnderWay {
    /// Makes `work` that of this request.
    pub fn over<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// The one that this runs for, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The reference of the one that this runs for, if any.
    pub fn reference() -> Option<Reference> {
        CURRENT.try_with(|current| current.reference).ok()
    }

    /// Tells of the one that this runs for, if any: each field with its name.
    ///
    /// # Errors
    /// That of `tell`.
    pub fn tell(mut tell: impl FnMut(&'static str, &dyn fmt::Display) -> fmt::Result) -> fmt::Result {
        let told = CURRENT.try_with(|current| {
            tell("request_id", &current.reference)?;
            if let Some(address) = &current.address {
                tell("address", address)?;
            }
            tell("method", &start_of(current.method.as_str()))?;
            tell("path", &start_of(current.uri.path()))
        });
        told.unwrap_or(Ok(()))
    }
}

/// Makes work that does not wait, such as that of a thread of its own, that of this request.
pub fn over_blocking<T>(request: Option<UnderWay>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(request, work),
        None => work(),
    }
}

/// As much of a client's text as goes into a line.
pub fn start_of(text: &str) -> &str {
    text.char_indices().nth(TOLD).map_or(text, |(end, _)| &text[..end])
}

/// Lets what Leptos runs in tasks of its own, such as the calls of a page that is being rendered, belong to the request
/// that started it. Comes before anything of Leptos.
pub fn follow_leptos() {
    // It is set already where this process has made other doors, as in tests.
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
    let current = UnderWay::current();
    async move {
        match current {
            Some(request) => request.over(work).await,
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn request() -> UnderWay {
        UnderWay {
            reference: Reference::random(),
            address: None,
            method: Method::GET,
            uri: Uri::from_static("/a?secret"),
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(start_of("short"), "short");
        assert_eq!(start_of(&"é".repeat(TOLD + 1)), "é".repeat(TOLD));
    }

    #[tokio::test]
    async fn a_task_of_leptos_belongs_to_the_request_that_started_it() {
        follow_leptos();
        let request = request();
        let reference = request.reference;
        let (tell, told) = tokio::sync::oneshot::channel();
        request
            .over(async {
                Executor::spawn(async move {
                    let _ = tell.send(UnderWay::reference());
                });
            })
            .await;
        assert_eq!(told.await.unwrap(), Some(reference));
        assert_eq!(UnderWay::reference(), None);
    }

    #[tokio::test]
    async fn the_query_is_not_told() {
        let mut told = String::new();
        request()
            .over(async { UnderWay::tell(|name, value| write!(told, "{name}={value} ")) })
            .await
            .unwrap();
        assert!(told.ends_with("method=GET path=/a "), "{told}");
    }
}

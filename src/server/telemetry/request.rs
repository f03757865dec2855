//! The request that a task works for: what the log and the refusals record of it.
//!
//! It costs next to nothing while nothing is recorded: no line is prepared for a request that leaves none.

use std::{fmt, future::Future, net::IpAddr};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use axum::http::{Method, Uri};

use super::request_id::RequestId;

/// How many characters of a method or path are recorded.
const MAX_CHARS: usize = 200;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// A request under way.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Its reference.
    pub request_id: RequestId,
    /// The address of its client.
    pub address: Option<IpAddr>,
    /// Its method.
    pub method: Method,
    /// Its address. Only the path is recorded: people put secrets into queries.
    pub uri: Uri,
}

impl RequestContext {
    /// Makes `work` that of this request.
    pub fn scope<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// The one that this runs for, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The reference of the one that this runs for, if any.
    pub fn request_id() -> Option<RequestId> {
        CURRENT.try_with(|current| current.request_id).ok()
    }

    /// Tells of the one that this runs for, if any: each field with its name.
    ///
    /// # Errors
    /// That of `record`.
    pub fn record(mut record: impl FnMut(&'static str, &dyn fmt::Display) -> fmt::Result) -> fmt::Result {
        let recorded = CURRENT.try_with(|current| {
            record("request_id", &current.request_id)?;
            if let Some(address) = &current.address {
                record("address", address)?;
            }
            record("method", &truncate(current.method.as_str()))?;
            record("path", &truncate(current.uri.path()))
        });
        recorded.unwrap_or(Ok(()))
    }
}

/// Makes work that does not wait, such as that of a thread of its own, that of this request.
pub fn scope_blocking<T>(request: Option<RequestContext>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(request, work),
        None => work(),
    }
}

/// As much of a client's text as goes into a line.
pub fn truncate(text: &str) -> &str {
    text.char_indices().nth(MAX_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// Lets what Leptos runs in tasks of its own, such as the calls of a page that is being rendered, belong to the request
/// that started it. Comes before anything of Leptos.
pub fn instrument_leptos_tasks() {
    // It is set already where this process has made other doors, as in tests.
    let _ = Executor::init_custom_executor(Tasks);
}

/// Tokio's tasks, each for the request that started it.
struct Tasks;

impl CustomExecutor for Tasks {
    fn spawn(&self, work: PinnedFuture<()>) {
        tokio::spawn(instrument(work));
    }

    fn spawn_local(&self, work: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(instrument(work));
    }

    fn poll_local(&self) {}
}

/// `work`, for the present request in another task.
fn instrument<F: Future<Output = ()>>(work: F) -> impl Future<Output = ()> {
    let current = RequestContext::current();
    async move {
        match current {
            Some(request) => request.scope(work).await,
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn request() -> RequestContext {
        RequestContext {
            request_id: RequestId::random(),
            address: None,
            method: Method::GET,
            uri: Uri::from_static("/a?secret"),
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(truncate("short"), "short");
        assert_eq!(truncate(&"é".repeat(MAX_CHARS + 1)), "é".repeat(MAX_CHARS));
    }

    #[tokio::test]
    async fn a_task_of_leptos_belongs_to_the_request_that_started_it() {
        instrument_leptos_tasks();
        let request = request();
        let reference = request.request_id;
        let (record, recorded) = tokio::sync::oneshot::channel();
        request
            .scope(async {
                Executor::spawn(async move {
                    let _ = record.send(RequestContext::request_id());
                });
            })
            .await;
        assert_eq!(recorded.await.unwrap(), Some(reference));
        assert_eq!(RequestContext::request_id(), None);
    }

    #[tokio::test]
    async fn the_query_is_not_told() {
        let mut recorded = String::new();
        request()
            .scope(async { RequestContext::record(|name, value| write!(recorded, "{name}={value} ")) })
            .await
            .unwrap();
        assert!(recorded.ends_with("method=GET path=/a "), "{recorded}");
    }
}

//! The context of the current request, for the log, the audit log and refusals.
//!
//! It is cheap for requests that log nothing, because its fields are formatted only when a line is written.

use std::{fmt, future::Future, net::IpAddr};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use axum::http::{Method, Uri};

use super::request_id::RequestId;

/// The maximum number of characters of a method or path in the log.
const MAX_CHARS: usize = 200;

tokio::task_local! {
    static CURRENT: RequestContext;
}

#[derive(Debug, Clone)]
pub struct RequestContext {
    pub request_id: RequestId,
    /// The client IP.
    pub address: Option<IpAddr>,
    pub method: Method,
    /// Only the path is recorded, because queries may contain secrets.
    pub uri: Uri,
}

impl RequestContext {
    /// Runs `work` in this context.
    pub fn scope<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// The context of the current task, if it works for a request.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The id of the current request, if any.
    pub fn request_id() -> Option<RequestId> {
        CURRENT.try_with(|current| current.request_id).ok()
    }

    /// Passes the name and the value of each field of the current context, if any, to `record`.
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

/// Runs blocking `work`, such as that of a `spawn_blocking` thread, in a request context, if there is one.
pub fn scope_blocking<T>(request: Option<RequestContext>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(request, work),
        None => work(),
    }
}

/// Cuts a text from a client to the length that the log allows.
pub fn truncate(text: &str) -> &str {
    text.char_indices().nth(MAX_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// Makes tasks that Leptos spawns, such as the calls of a page that is being rendered, inherit the request context of
/// the task that spawned them. Must be called before Leptos sets its own executor.
pub fn instrument_leptos_tasks() {
    // Fails if the executor is set already, as in tests, which build several routers in one process.
    let _ = Executor::init_custom_executor(ContextExecutor);
}

/// Spawns Tokio tasks in the request context of the spawning task.
struct ContextExecutor;

impl CustomExecutor for ContextExecutor {
    fn spawn(&self, work: PinnedFuture<()>) {
        tokio::spawn(instrument(work));
    }

    fn spawn_local(&self, work: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(instrument(work));
    }

    fn poll_local(&self) {}
}

/// Moves the current request context along with `work` to another task.
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
            request_id: RequestId::generate(),
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
    async fn a_leptos_task_inherits_the_request_context() {
        instrument_leptos_tasks();
        let request = request();
        let request_id = request.request_id;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        request
            .scope(async {
                Executor::spawn(async move {
                    let _ = sender.send(RequestContext::request_id());
                });
            })
            .await;
        assert_eq!(receiver.await.unwrap(), Some(request_id));
        assert_eq!(RequestContext::request_id(), None);
    }

    #[tokio::test]
    async fn the_query_is_not_recorded() {
        let mut recorded = String::new();
        request()
            .scope(async { RequestContext::record(|name, value| write!(recorded, "{name}={value} ")) })
            .await
            .unwrap();
        assert!(recorded.ends_with("method=GET path=/a "), "{recorded}");
    }
}

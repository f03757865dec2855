//! A cached copy of a document at a provider.
//!
//! Only one request at a time fetches it, and the others wait for the result. So a provider that hangs or fails gets few
//! requests, however many people try to log in.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::error::ProviderError;

/// How long a copy counts if it cannot be refreshed.
const MAX_AGE: Duration = Duration::from_hours(24);

/// Time between a failed fetch and the next one, if there is a copy to use meanwhile.
const RETRY: Duration = Duration::from_mins(1);

/// Time between fetches that [`Cached::newer`] asked for.
const FORCED: Duration = Duration::from_mins(1);

/// A document that was fetched, and how long the copy is fresh.
#[derive(Debug)]
pub struct Fetched<T> {
    pub document: T,
    pub fresh_for: Duration,
}

#[derive(Debug)]
pub struct Cached<T> {
    /// For the log.
    name: String,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    copy: Option<Copy<T>>,
    failed: Option<Failed>,
    forced_at: Option<Instant>,
}

#[derive(Debug)]
struct Copy<T> {
    document: Arc<T>,
    fetched_at: Instant,
    fresh_for: Duration,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    cause: String,
}

impl<T> Cached<T> {
    pub fn new(name: String) -> Self {
        let state = State {
            copy: None,
            failed: None,
            forced_at: None,
        };
        Self {
            name,
            state: Mutex::new(state),
        }
    }

    /// Returns a fresh copy. If fetching fails, returns the last copy for up to a day.
    pub async fn get(
        &self,
        fetch: impl Future<Output = Result<Fetched<T>, ProviderError>>,
    ) -> Result<Arc<T>, ProviderError> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(copy) = &state.copy
            && now - copy.fetched_at < copy.fresh_for
        {
            return Ok(copy.document.clone());
        }
        let usable = state.copy.as_ref().filter(|copy| now - copy.fetched_at < MAX_AGE);
        let usable = usable.map(|copy| copy.document.clone());
        match (&state.failed, &usable) {
            (Some(failed), Some(copy)) if now - failed.at < RETRY => return Ok(copy.clone()),
            // It failed while this request waited for it.
            (Some(failed), None) if failed.at >= asked_at => {
                let cause = failed.cause.as_str();
                return Err(ProviderError::unreachable("waiting for another request", cause));
            }
            _ => {}
        }
        match (state.fetch(fetch).await, usable) {
            (Err(error), Some(copy)) => {
                tracing::warn!(
                    cause = error.chain(),
                    "cannot refresh {}; using an older copy",
                    self.name
                );
                Ok(copy)
            }
            (result, _) => result,
        }
    }

    /// Fetches the document before its time, at most once a minute, because `copy` lacks something. Returns `None` if
    /// that is not allowed now, or if `copy` was fetched at or after `since`.
    pub async fn newer(
        &self,
        copy: &Arc<T>,
        since: Instant,
        fetch: impl Future<Output = Result<Fetched<T>, ProviderError>>,
    ) -> Result<Option<Arc<T>>, ProviderError> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(latest) = &state.copy {
            if !Arc::ptr_eq(&latest.document, copy) {
                return Ok(Some(latest.document.clone()));
            }
            if latest.fetched_at >= since {
                return Ok(None);
            }
        }
        if state.forced_at.is_some_and(|at| now - at < FORCED) {
            return Ok(None);
        }
        state.forced_at = Some(now);
        state.fetch(fetch).await.map(Some)
    }
}

impl<T> State<T> {
    async fn fetch(
        &mut self,
        fetch: impl Future<Output = Result<Fetched<T>, ProviderError>>,
    ) -> Result<Arc<T>, ProviderError> {
        match fetch.await {
            Ok(Fetched { document, fresh_for }) => {
                let document = Arc::new(document);
                self.copy = Some(Copy {
                    document: document.clone(),
                    fetched_at: Instant::now(),
                    fresh_for,
                });
                self.failed = None;
                Ok(document)
            }
            // Nothing was sent.
            Err(ProviderError::Busy) => Err(ProviderError::Busy),
            Err(error) => {
                self.failed = Some(Failed {
                    at: Instant::now(),
                    cause: error.chain(),
                });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::{advance, sleep};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// Counts how often the document, which is the count, was fetched.
    #[derive(Default)]
    struct Origin {
        fetches: Cell<u32>,
        is_down: Cell<bool>,
    }

    impl Origin {
        async fn fetch(&self) -> Result<Fetched<u32>, ProviderError> {
            self.fetches.set(self.fetches.get() + 1);
            sleep(Duration::from_millis(1)).await;
            if self.is_down.get() {
                return Err(ProviderError::unreachable("fetching", "it is down"));
            }
            Ok(Fetched {
                document: self.fetches.get(),
                fresh_for: HOUR,
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn simultaneous_requests_share_a_fetch_and_a_copy_is_refreshed_when_it_is_old() {
        let (cached, origin) = (Cached::new("test".to_owned()), Origin::default());
        let (first, second) = tokio::join!(cached.get(origin.fetch()), cached.get(origin.fetch()));
        assert_eq!((*first.unwrap(), *second.unwrap()), (1, 1));
        advance(HOUR).await;
        assert_eq!(*cached.get(origin.fetch()).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_wait_for_it_only() {
        let (cached, origin) = (Cached::new("test".to_owned()), Origin::default());
        origin.is_down.set(true);
        let (first, second) = tokio::join!(cached.get(origin.fetch()), cached.get(origin.fetch()));
        assert_eq!(first.unwrap_err().chain(), "fetching: it is down");
        assert!(second.unwrap_err().chain().ends_with("fetching: it is down"));
        assert_eq!(origin.fetches.get(), 1);
        origin.is_down.set(false);
        advance(Duration::from_millis(1)).await;
        assert_eq!(*cached.get(origin.fetch()).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_copy_serves_for_a_day_while_the_provider_is_down() {
        let (cached, origin) = (Cached::new("test".to_owned()), Origin::default());
        cached.get(origin.fetch()).await.unwrap();
        origin.is_down.set(true);
        advance(2 * HOUR).await;
        for _ in 0..3 {
            assert_eq!(*cached.get(origin.fetch()).await.unwrap(), 1);
        }
        assert_eq!(origin.fetches.get(), 2, "only one try a minute");
        advance(RETRY).await;
        assert_eq!(*cached.get(origin.fetch()).await.unwrap(), 1);
        assert_eq!(origin.fetches.get(), 3);
        advance(MAX_AGE).await;
        cached.get(origin.fetch()).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_copy_is_fetched_once_a_minute_and_an_older_one_kept_if_that_fails() {
        let (cached, origin) = (Cached::new("test".to_owned()), Origin::default());
        let start = Instant::now();
        let copy = cached.get(origin.fetch()).await.unwrap();
        assert_eq!(
            cached.newer(&copy, start, origin.fetch()).await.unwrap(),
            None,
            "it is new"
        );
        advance(Duration::from_secs(1)).await;
        let newer = cached
            .newer(&copy, Instant::now(), origin.fetch())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*newer, 2);
        let shared = cached
            .newer(&copy, Instant::now(), origin.fetch())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*shared, 2, "somebody else has fetched it");
        advance(Duration::from_secs(50)).await;
        assert_eq!(
            cached.newer(&newer, Instant::now(), origin.fetch()).await.unwrap(),
            None
        );
        assert_eq!(origin.fetches.get(), 2);
        advance(Duration::from_secs(10)).await;
        origin.is_down.set(true);
        cached.newer(&newer, Instant::now(), origin.fetch()).await.unwrap_err();
        assert_eq!(*cached.get(origin.fetch()).await.unwrap(), 2);
    }
}

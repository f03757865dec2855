//! Drops response bodies that the client has stopped reading.
//!
//! An HTTP/2 client can request a hundred files, leave the flow-control window closed, and keep the connection alive
//! with pings. Neither TCP nor the idle timeout notices, and hyper would hold each body, with its open file, forever.
//! This middleware drops a body if the client has read no frame of it within the limit. The timer does not run while
//! the body itself has no data yet.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    response::Response,
};
use http_body::{Frame, SizeHint};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until},
};

/// Bodies up to this size, in bytes, need no timer.
const SMALL: u64 = 4 * 1024;

/// Drops the body of `response` once the client has read nothing of it for `limit`.
pub fn watch(response: Response, limit: Duration) -> Response {
    if response.body().size_hint().upper().is_some_and(|size| size <= SMALL) {
        response
    } else {
        response.map(|body| Body::new(Watched::new(body, limit)))
    }
}

struct Watched {
    inner: Arc<Mutex<Inner>>,
    timer: AbortHandle,
}

struct Inner {
    /// `None` once it was dropped.
    body: Option<Body>,
    /// Since when the body waits for the client to read. `None` while the body itself is pending.
    offered: Option<Instant>,
}

impl Watched {
    fn new(body: Body, limit: Duration) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            body: Some(body),
            offered: Some(Instant::now()),
        }));
        let timer = tokio::spawn(drop_when_stalled(Arc::clone(&inner), limit)).abort_handle();
        Self { inner, timer }
    }
}

async fn drop_when_stalled(inner: Arc<Mutex<Inner>>, limit: Duration) {
    loop {
        let offered = lock(&inner).offered.unwrap_or_else(Instant::now);
        sleep_until(offered + limit).await;
        let mut inner = lock(&inner);
        if inner.offered.is_some_and(|offered| offered.elapsed() >= limit) {
            inner.body = None;
            return;
        }
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut inner = lock(&self.inner);
        let Some(body) = inner.body.as_mut() else {
            return Poll::Ready(Some(Err(axum::Error::new("the client stopped reading the response"))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        inner.offered = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.inner).body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = lock(&self.inner);
        inner.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn frames() -> Body {
        Body::from_stream(stream::iter(0..3).map(|_| Ok::<_, axum::Error>(Bytes::from_static(b"frame"))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_not_read_is_dropped() {
        let mut body = Watched::new(frames(), LIMIT);
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(LIMIT * 2).await;
        assert!(lock(&body.inner).body.is_none());
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_read_slowly_is_not_dropped() {
        let mut body = Watched::new(frames(), LIMIT);
        for _ in 0..3 {
            tokio::time::sleep(LIMIT * 2 / 3).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_slow_itself_is_not_dropped() {
        let slow = stream::once(async {
            tokio::time::sleep(LIMIT * 3).await;
            Ok::<_, axum::Error>(Bytes::from_static(b"late"))
        });
        let mut body = Watched::new(Body::from_stream(slow), LIMIT);
        assert!(body.frame().await.unwrap().is_ok());
    }
}

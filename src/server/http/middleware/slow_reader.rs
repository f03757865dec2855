//! Gives up answers of which the client takes nothing.
//!
//! An HTTP/2 client may ask for a hundred files, leave no room for any of them, and keep its connection alive with pings.
//! Neither TCP nor the idle timer stalls then, and hyper waits for ever with each file open. What an answer is made from is
//! therefore dropped when no piece of it was taken for too long. An answer that is itself waited for is left in peace.

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

/// Answers of at most so many bytes are not worth a timer.
const SMALL: u64 = 4 * 1024;

/// Watches an answer, of which a client may take nothing for so long.
pub fn watch(response: Response, limit: Duration) -> Response {
    if response.body().size_hint().upper().is_some_and(|size| size <= SMALL) {
        response
    } else {
        response.map(|body| Body::new(Watched::new(body, limit)))
    }
}

/// A body that is dropped when no piece of it is taken for too long.
struct Watched {
    inner: Arc<Mutex<Inner>>,
    timer: AbortHandle,
}

struct Inner {
    /// Gone once it was given up.
    body: Option<Body>,
    /// Since when the client could have taken a piece, unless the body has none ready.
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
        let offered = locked(&inner).offered.unwrap_or_else(Instant::now);
        sleep_until(offered + limit).await;
        let mut inner = locked(&inner);
        if inner.offered.is_some_and(|offered| offered.elapsed() >= limit) {
            inner.body = None;
            return;
        }
    }
}

fn locked(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
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
        let mut inner = locked(&self.inner);
        let Some(body) = inner.body.as_mut() else {
            return Poll::Ready(Some(Err(axum::Error::new("the client took nothing of the answer"))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        inner.offered = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        locked(&self.inner).body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = locked(&self.inner);
        inner.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn pieces() -> Body {
        Body::from_stream(stream::iter(0..3).map(|_| Ok::<_, axum::Error>(Bytes::from_static(b"piece"))))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_dropped() {
        let mut body = Watched::new(pieces(), LIMIT);
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(LIMIT * 2).await;
        assert!(locked(&body.inner).body.is_none());
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_slowly_is_not() {
        let mut body = Watched::new(pieces(), LIMIT);
        for _ in 0..3 {
            tokio::time::sleep(LIMIT * 2 / 3).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_itself_slow_is_waited_for() {
        let slow = stream::once(async {
            tokio::time::sleep(LIMIT * 3).await;
            Ok::<_, axum::Error>(Bytes::from_static(b"late"))
        });
        let mut body = Watched::new(Body::from_stream(slow), LIMIT);
        assert!(body.frame().await.unwrap().is_ok());
    }
}

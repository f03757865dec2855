//! Waiting for something for a limited time, where it nearly always is there already.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

/// Waits for `work`, but no longer than `limit`: then `None`, and the work is dropped.
///
/// A timer is set only where the work is not done at the second look either. The body of a call comes along with its head,
/// and hyper hands it over between the two; a timer for each would cost more than reading it.
pub fn within<F: Future>(limit: Duration, work: F) -> Within<F> {
    Within {
        work,
        limit,
        has_looked: false,
        timer: None,
    }
}

pin_project! {
    /// What [`within`] waits with.
    pub struct Within<F> {
        #[pin]
        work: F,
        limit: Duration,
        has_looked: bool,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(done) = this.work.poll(cx) {
            return Poll::Ready(Some(done));
        }
        if !*this.has_looked {
            // Look once more, whatever happens.
            *this.has_looked = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let limit = *this.limit;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(cx).map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_is_there_is_taken_and_what_never_comes_is_given_up() {
        let began = Instant::now();
        assert_eq!(within(LIMIT, ready(1)).await, Some(1));
        assert_eq!(within(LIMIT, tokio::task::yield_now()).await, Some(()));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(within(LIMIT, pending::<()>()).await, None);
        assert_eq!(began.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_time_is_waited_for() {
        assert_eq!(within(LIMIT, sleep(LIMIT / 2)).await, Some(()));
        assert_eq!(within(LIMIT, sleep(LIMIT * 2)).await, None);
    }
}

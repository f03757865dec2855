//! The timer of HTTP/1.1 heads: hyper bounds how long one may take, and makes a deadline for each.
//!
//! Nearly every head is there long before its deadline. To enter a timer into the runtime's list, and to take it out again,
//! for each request costs more than to look at the clock; so the timer of a head that came stays in the list, and serves the
//! next one. Only when it has run down is it set to the deadline of the head that is then waited for.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time::sleep_until;

type Running = Pin<Box<tokio::time::Sleep>>;

thread_local! {
    /// The timer of a head that came, which runs on.
    static SPARE: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Tells hyper when a head has taken too long.
#[derive(Debug, Clone, Copy)]
pub struct HeadTimer;

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline {
            at: deadline.into(),
            timer: None,
        })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        if let Some(mut sleep) = sleep.as_mut().downcast_mut_pin::<Deadline>() {
            sleep.at = deadline.into();
        }
    }
}

struct Deadline {
    at: tokio::time::Instant,
    timer: Option<Running>,
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let timer = self
            .timer
            .get_or_insert_with(|| SPARE.take().unwrap_or_else(|| Box::pin(sleep_until(at))));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take().filter(|timer| !timer.is_elapsed()) {
            SPARE.set(Some(timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn deadline() -> Deadline {
        Deadline {
            at: tokio::time::Instant::now() + LIMIT,
            timer: None,
        }
    }

    async fn waits_for(deadline: &mut Deadline) -> Duration {
        let began = tokio::time::Instant::now();
        deadline.await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_kept_whichever_timer_it_has() {
        assert_eq!(waits_for(&mut deadline()).await, LIMIT);
        for passed in [0, 1, 9, 10, 11] {
            let mut head = deadline();
            assert!(timeout(Duration::ZERO, &mut head).await.is_err(), "it is waited for");
            drop(head);
            advance(Duration::from_secs(passed)).await;
            assert_eq!(waits_for(&mut deadline()).await, LIMIT, "{passed}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_spare_timer_that_runs_too_long_is_set_anew() {
        let mut long = deadline();
        assert!(timeout(Duration::ZERO, &mut long).await.is_err());
        drop(long);
        let mut short = deadline();
        short.at -= LIMIT / 2;
        assert_eq!(waits_for(&mut short).await, LIMIT / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn deadlines_at_the_same_time_have_timers_of_their_own() {
        let (mut one, mut other) = (deadline(), deadline());
        other.at += LIMIT;
        let both = futures::future::join(waits_for(&mut one), waits_for(&mut other)).await;
        assert_eq!(both, (LIMIT, LIMIT * 2));
    }
}

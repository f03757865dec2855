//! Tasks that go on for as long as the server runs.
//!
//! A panic in one ends that turn of it only: the panic is logged where it happens, by the hook of
//! [`log`](crate::server::telemetry::log), and the task starts again. What it works on must bear being left where a panic left it.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{task::JoinHandle, time::sleep};

/// How long a task that ended rests, so that one that always panics neither fills the log nor takes the processor.
const PAUSE: Duration = Duration::from_secs(10);

/// Runs `task` on `state`, and again whenever it ends, until the handle is aborted. `name` is what the log calls it.
pub fn supervise<State, Task>(name: &'static str, mut state: State, mut task: Task) -> JoinHandle<()>
where
    State: Send + 'static,
    Task: for<'a> FnMut(&'a mut State) -> BoxFuture<'a, ()> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            let turn = async { task(&mut state).await };
            let how = match AssertUnwindSafe(turn).catch_unwind().await {
                Ok(()) => "ended",
                Err(_) => "panicked",
            };
            tracing::error!(
                task = name,
                "a background task {how}; it starts again in {} s",
                PAUSE.as_secs()
            );
            sleep(PAUSE).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use tokio::{sync::mpsc::unbounded_channel, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_starts_again_after_a_pause_and_goes_on_with_its_state() {
        let (told, mut turns) = unbounded_channel();
        let task = supervise("test", 0_u32, move |turn| {
            *turn += 1;
            told.send((*turn, Instant::now())).unwrap();
            let number = *turn;
            assert!(number != 1, "before it has begun");
            async move {
                tokio::task::yield_now().await;
                assert!(number != 2, "in the midst of it");
                if number > 3 {
                    pending::<()>().await;
                }
            }
            .boxed()
        });
        let (_, mut last) = turns.recv().await.unwrap();
        for number in 2..=4 {
            let (turn, began) = turns.recv().await.unwrap();
            assert_eq!((turn, began - last), (number, PAUSE));
            last = began;
        }
        sleep(PAUSE * 10).await;
        assert!(turns.try_recv().is_err(), "a task that goes on is left alone");
        assert!(!task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_aborted_stays_away() {
        let turns = Arc::new(AtomicU32::new(0));
        let task = supervise("test", Arc::clone(&turns), |turns| {
            turns.fetch_add(1, Ordering::Relaxed);
            async {}.boxed()
        });
        sleep(PAUSE / 2).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        sleep(PAUSE * 10).await;
        assert_eq!(turns.load(Ordering::Relaxed), 1);
    }
}

//! Background tasks that run as long as the server.
//!
//! A task that panics is restarted with the same state. The panic hook of [`log`](crate::server::telemetry::log) logs
//! the panic. The state must stay usable after a panic at any point.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{task::JoinHandle, time::sleep};

/// The delay before a restart, so that a task that always panics neither floods the log nor uses up the processor.
const RESTART_DELAY: Duration = Duration::from_secs(10);

/// Runs `task` on `state`, and restarts it whenever it ends, until the handle is aborted. `name` identifies it in the
/// log.
pub fn supervise<State, Task>(name: &'static str, mut state: State, mut task: Task) -> JoinHandle<()>
where
    State: Send + 'static,
    Task: for<'a> FnMut(&'a mut State) -> BoxFuture<'a, ()> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            let run = async { task(&mut state).await };
            let outcome = match AssertUnwindSafe(run).catch_unwind().await {
                Ok(()) => "ended",
                Err(_) => "panicked",
            };
            tracing::error!(
                task = name,
                "background task {outcome}; restarting in {} s",
                RESTART_DELAY.as_secs()
            );
            sleep(RESTART_DELAY).await;
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
    async fn a_task_that_panics_or_ends_is_restarted_with_its_state_after_a_delay() {
        let (sender, mut runs) = unbounded_channel();
        let task = supervise("test", 0_u32, move |run| {
            *run += 1;
            sender.send((*run, Instant::now())).unwrap();
            let number = *run;
            assert!(number != 1, "a panic before the future exists");
            async move {
                tokio::task::yield_now().await;
                assert!(number != 2, "a panic while the future runs");
                if number > 3 {
                    pending::<()>().await;
                }
            }
            .boxed()
        });
        let (_, mut last) = runs.recv().await.unwrap();
        for number in 2..=4 {
            let (run, began) = runs.recv().await.unwrap();
            assert_eq!((run, began - last), (number, RESTART_DELAY));
            last = began;
        }
        sleep(RESTART_DELAY * 10).await;
        assert!(runs.try_recv().is_err(), "a running task is not restarted");
        assert!(!task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn an_aborted_task_is_not_restarted() {
        let runs = Arc::new(AtomicU32::new(0));
        let task = supervise("test", Arc::clone(&runs), |runs| {
            runs.fetch_add(1, Ordering::Relaxed);
            async {}.boxed()
        });
        sleep(RESTART_DELAY / 2).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        sleep(RESTART_DELAY * 10).await;
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}

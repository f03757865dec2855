//! The threads that passwords are hashed on, each with an area of memory that it keeps from one hash to the next while there
//! is much to hash.
//!
//! To get an area anew for every hash would cost a tenth of the time; to keep it would cost its memory for nothing, most of
//! the day. So a thread that has had nothing to do for a moment gives it back, and ends. What a thread took, it gives back
//! itself: the allocator keeps what another thread brings.
//!
//! There are never more threads at work than is said. What they do not get to waits in line, and a thread that is done takes
//! the next by itself: nobody has to be woken in between.

use std::{
    collections::VecDeque,
    hint::black_box,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use argon2::{Block, Params};

/// How long a thread waits for more.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// How long what was given back rests before the allocator, asked for as much again, passes it on to the system.
const RESTS_FOR: Duration = Duration::from_millis(300);

/// The room of an area, in blocks of a KiB, at the least. Only what is written to takes memory. An area above 32 MiB shares
/// no room with anything else, and so can be given back.
const ROOM: usize = 33 * 1024;

/// The memory of a thread.
#[derive(Debug, Default)]
pub struct Area(Vec<Block>);

impl Area {
    /// As much as `params` ask for. What is in it from earlier work is overwritten by any hash.
    pub fn blocks(&mut self, params: &Params) -> &mut [Block] {
        let blocks = params.block_count();
        if self.0.len() < blocks {
            self.0.reserve_exact(blocks.max(ROOM) - self.0.len());
            self.0.resize(blocks, Block::default());
        }
        &mut self.0[..blocks]
    }
}

/// Some work, until somebody takes it: a thread to do it, or whoever no longer waits for it.
struct Job(Mutex<Option<Work>>);

type Work = Box<dyn FnOnce(&mut Area) + Send>;

impl Job {
    fn take(&self) -> Option<Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A place in line. Given up when it is dropped: what nobody waits for any more is not begun, and kept no longer. Where a
/// thread is there at once, there is nothing to give up.
pub struct Turn(Option<Arc<Job>>);

impl Turn {
    /// Takes the work back. `false` if its turn has come before: then it will be done.
    pub fn give_up(&self) -> bool {
        self.0.as_ref().is_some_and(|job| job.take().is_some())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// The threads.
#[derive(Clone)]
pub struct Threads(Arc<Shared>);

struct Shared {
    most: usize,
    kept_for: Duration,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    /// What waits for its turn.
    line: VecDeque<Arc<Job>>,
    /// How many threads there are, at work or not.
    threads: usize,
    /// How many of them have nothing to do.
    idle: usize,
}

impl Threads {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self::kept_for(most, KEPT_FOR)
    }

    fn kept_for(most: usize, kept_for: Duration) -> Self {
        Self(Arc::new(Shared {
            most,
            kept_for,
            state: Mutex::default(),
            news: Condvar::new(),
        }))
    }

    /// Does some work on one of them, when its turn has come.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn run(&self, work: impl FnOnce(&mut Area) + Send + 'static) -> io::Result<Turn> {
        let mut state = self.0.lock();
        let is_awaited = state.idle > state.line.len();
        let has_to_wait = !is_awaited && state.threads == self.0.most;
        let job = Arc::new(Job(Mutex::new(Some(Box::new(work)))));
        let turn = Turn(has_to_wait.then(|| Arc::clone(&job)));
        if is_awaited || has_to_wait {
            state.line.push_back(job);
            if is_awaited {
                self.0.news.notify_one();
            }
            return Ok(turn);
        }
        // Under the lock: nobody is to wait for a thread that does not come.
        let shared = Arc::clone(&self.0);
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || shared.work(job))?;
        state.threads += 1;
        Ok(turn)
    }
}

impl Shared {
    fn work(&self, first: Arc<Job>) {
        let mut area = Area::default();
        let mut next = Some(first);
        while let Some(job) = next {
            if let Some(work) = job.take() {
                // Whoever waits for it finds out by being told nothing, and the panic has been logged. The others go on.
                let _ = catch_unwind(AssertUnwindSafe(|| work(&mut area)));
            }
            next = self.next();
        }
        drop(area);
        thread::park_timeout(RESTS_FOR);
        drop(black_box(Vec::<Block>::with_capacity(ROOM)));
    }

    /// The next job. `None` if there is none for a while: then the thread is no longer counted on.
    fn next(&self) -> Option<Arc<Job>> {
        let mut state = self.lock();
        state.idle += 1;
        let waited = self
            .news
            .wait_timeout_while(state, self.kept_for, |state| state.line.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        let job = state.line.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread::ThreadId,
    };

    use tokio::{
        sync::oneshot,
        time::{Instant, sleep},
    };

    use super::*;

    const DEADLINE: Duration = Duration::from_mins(2);

    /// Does something on one of the threads, and gives which one, and how large its area was before.
    async fn fill(threads: &Threads, memory_kib: u32) -> (ThreadId, usize) {
        let (tell, told) = oneshot::channel();
        let params = Params::new(memory_kib, 1, 1, None).unwrap();
        let work = move |area: &mut Area| {
            let before = area.0.len();
            assert_eq!(area.blocks(&params).len(), params.block_count());
            tell.send((thread::current().id(), before)).unwrap();
        };
        let _turn = threads.run(work).unwrap();
        told.await.unwrap()
    }

    #[tokio::test]
    async fn a_thread_keeps_its_area_from_one_hash_to_the_next() {
        let threads = Threads::kept_for(1, DEADLINE);
        let (thread, before) = fill(&threads, 64).await;
        assert_eq!(before, 0);
        assert_eq!(fill(&threads, 32).await, (thread, 64));
        assert_eq!(fill(&threads, 128).await, (thread, 64));
        assert_eq!(fill(&threads, 64).await, (thread, 128));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn there_are_no_more_threads_than_is_said() {
        let threads = Threads::kept_for(3, DEADLINE);
        let at_work = Arc::new(AtomicUsize::new(0));
        let all = (0..500).map(|_| {
            let (threads, at_work) = (threads.clone(), Arc::clone(&at_work));
            tokio::spawn(async move {
                let (tell, told) = oneshot::channel();
                let work = move |_: &mut Area| {
                    let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
                    thread::yield_now();
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    tell.send((thread::current().id(), now)).unwrap();
                };
                let _turn = threads.run(work).unwrap();
                told.await.unwrap()
            })
        });
        let all = futures::future::try_join_all(all).await.unwrap();
        assert!(all.iter().all(|(_, at_work)| *at_work <= 3));
        let used: HashSet<_> = all.into_iter().map(|(thread, _)| thread).collect();
        assert!(used.len() <= 3, "{used:?}");
    }

    #[tokio::test]
    async fn what_is_given_up_in_line_is_not_begun_and_what_is_begun_is_not_given_up() {
        let threads = Threads::kept_for(1, DEADLINE);
        let (go_on, waits) = mpsc::channel::<()>();
        let (tell, told) = oneshot::channel();
        let first = threads
            .run(move |_| {
                tell.send(()).unwrap();
                waits.recv().unwrap();
            })
            .unwrap();
        told.await.unwrap();
        let second = threads.run(|_| panic!("nobody waits for it")).unwrap();
        let password = Arc::new(());
        let third = threads.run({
            let password = Arc::clone(&password);
            move |_| panic!("nobody waits for it either: {password:?}")
        });
        assert!(!first.give_up());
        assert!(second.give_up());
        drop(third.unwrap());
        assert_eq!(Arc::strong_count(&password), 1, "it is kept");
        go_on.send(()).unwrap();
        // The thread is the same, and what it was not to do did not end it.
        fill(&threads, 8).await;
        assert_eq!(threads.0.lock().threads, 1);
    }

    #[tokio::test]
    async fn where_a_thread_is_there_at_once_the_turn_has_come() {
        let threads = Threads::kept_for(1, DEADLINE);
        for _ in 0..100 {
            let (tell, told) = oneshot::channel();
            let turn = threads.run(|_| tell.send(()).unwrap()).unwrap();
            assert!(!turn.give_up());
            told.await.unwrap();
            let began = Instant::now();
            while threads.0.lock().idle == 0 {
                assert!(began.elapsed() < DEADLINE, "it does not wait for more");
                sleep(Duration::from_millis(1)).await; // poll
            }
        }
    }

    #[tokio::test]
    async fn a_thread_that_nobody_needs_ends_with_its_area() {
        let threads = Threads::kept_for(1, Duration::from_millis(1));
        let (thread, _) = fill(&threads, 64).await;
        let began = Instant::now();
        // Only the ended thread, and this test, hold what they share.
        while Arc::strong_count(&threads.0) > 1 {
            assert!(began.elapsed() < DEADLINE, "it does not end");
            sleep(Duration::from_millis(10)).await; // poll
        }
        let (other, before) = fill(&threads, 64).await;
        assert_ne!(thread, other);
        assert_eq!(before, 0);
    }

    #[tokio::test]
    async fn a_panic_ends_one_job_and_none_of_the_others() {
        let threads = Threads::kept_for(1, DEADLINE);
        let (tell, told) = oneshot::channel::<()>();
        let work = move |_: &mut Area| {
            let _tell = tell;
            panic!("as this test wants it");
        };
        let _turn = threads.run(work).unwrap();
        told.await.unwrap_err();
        fill(&threads, 64).await;
    }
}

//! The threads that passwords are hashed on, each with an area of memory that it keeps from one hash to the next while there
//! is much to hash.
//!
//! To get an area anew for every hash would cost a tenth of the time; to keep it would cost its memory for nothing, most of
//! the day. So a thread that has had nothing to do for a moment gives it back, and ends. What a thread took, it gives back
//! itself: the allocator keeps what another thread brings.
//!
//! There are as many threads as permits are given out at once, and never more areas.

use std::{
    collections::VecDeque,
    hint::black_box,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use argon2::{Block, Params};
use tokio::sync::OwnedSemaphorePermit;

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

struct Job {
    permit: OwnedSemaphorePermit,
    work: Box<dyn FnOnce(&mut Area) + Send>,
}

/// The threads.
#[derive(Clone)]
pub struct Threads(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    news: Condvar,
    kept_for: Duration,
}

#[derive(Default)]
struct State {
    /// What is to be done, each by one of those that wait.
    jobs: VecDeque<Job>,
    /// How many threads wait.
    idle: usize,
}

impl Default for Threads {
    fn default() -> Self {
        Self::kept_for(KEPT_FOR)
    }
}

impl Threads {
    fn kept_for(kept_for: Duration) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            news: Condvar::new(),
            kept_for,
        }))
    }

    /// Does some work on one of them. Its permit is given back when the thread is there for the next.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn run(&self, permit: OwnedSemaphorePermit, work: impl FnOnce(&mut Area) + Send + 'static) -> io::Result<()> {
        let job = Job {
            permit,
            work: Box::new(work),
        };
        let mut state = self.0.lock();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(job);
            self.0.news.notify_one();
            return Ok(());
        }
        drop(state);
        let shared = Arc::clone(&self.0);
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || shared.work(job))
            .map(drop)
    }
}

impl Shared {
    fn work(&self, first: Job) {
        let mut area = Area::default();
        let mut next = Some(first);
        while let Some(Job { permit, work }) = next {
            work(&mut area);
            next = self.next(permit);
        }
        drop(area);
        thread::park_timeout(RESTS_FOR);
        drop(black_box(Vec::<Block>::with_capacity(ROOM)));
    }

    /// The next job, unless there is none for a while.
    fn next(&self, permit: OwnedSemaphorePermit) -> Option<Job> {
        let mut state = self.lock();
        state.idle += 1;
        drop(permit);
        let waited = self
            .news
            .wait_timeout_while(state, self.kept_for, |state| state.jobs.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.jobs.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread::ThreadId};

    use tokio::{
        sync::{Semaphore, oneshot},
        time::{Instant, sleep},
    };

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// Does something on one of the threads, and gives which one, and how large its area was before.
    async fn fill(threads: &Threads, permits: &Arc<Semaphore>, memory_kib: u32) -> (ThreadId, usize) {
        let permit = Arc::clone(permits).acquire_owned().await.unwrap();
        let (tell, told) = oneshot::channel();
        let params = Params::new(memory_kib, 1, 1, None).unwrap();
        let work = move |area: &mut Area| {
            let before = area.0.len();
            assert_eq!(area.blocks(&params).len(), params.block_count());
            tell.send((thread::current().id(), before)).unwrap();
        };
        threads.run(permit, work).unwrap();
        told.await.unwrap()
    }

    #[tokio::test]
    async fn a_thread_keeps_its_area_from_one_hash_to_the_next() {
        let (threads, permits) = (Threads::kept_for(DEADLINE), Arc::new(Semaphore::new(1)));
        let (thread, before) = fill(&threads, &permits, 64).await;
        assert_eq!(before, 0);
        assert_eq!(fill(&threads, &permits, 32).await, (thread, 64));
        assert_eq!(fill(&threads, &permits, 128).await, (thread, 64));
        assert_eq!(fill(&threads, &permits, 64).await, (thread, 128));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn there_are_no_more_threads_than_permits() {
        let (threads, permits) = (Threads::kept_for(DEADLINE), Arc::new(Semaphore::new(3)));
        let all = (0..500).map(|_| {
            let (threads, permits) = (threads.clone(), Arc::clone(&permits));
            tokio::spawn(async move { fill(&threads, &permits, 8).await.0 })
        });
        let used: HashSet<_> = futures::future::try_join_all(all).await.unwrap().into_iter().collect();
        assert!(used.len() <= 3, "{used:?}");
    }

    #[tokio::test]
    async fn a_thread_that_nobody_needs_ends_with_its_area() {
        let (threads, permits) = (Threads::kept_for(Duration::from_millis(1)), Arc::new(Semaphore::new(1)));
        let (thread, _) = fill(&threads, &permits, 64).await;
        let began = Instant::now();
        // Only the ended thread, and this test, hold what they share.
        while Arc::strong_count(&threads.0) > 1 {
            assert!(began.elapsed() < DEADLINE, "it does not end");
            sleep(Duration::from_millis(10)).await; // poll
        }
        let (other, before) = fill(&threads, &permits, 64).await;
        assert_ne!(thread, other);
        assert_eq!(before, 0);
    }

    #[tokio::test]
    async fn a_panic_ends_one_job_and_gives_its_permit_back() {
        let (threads, permits) = (Threads::kept_for(DEADLINE), Arc::new(Semaphore::new(1)));
        let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
        threads.run(permit, |_| panic!("as this test wants it")).unwrap();
        fill(&threads, &permits, 64).await;
    }
}

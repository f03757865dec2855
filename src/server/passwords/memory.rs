//! The memory that passwords are hashed in: kept from one hash to the next while there is much to hash, and given back to
//! the system a moment after.
//!
//! There are never more areas than passwords that are hashed at once. To get one anew for every hash would cost a tenth of
//! the time; to keep all of them would cost their memory for nothing, most of the day.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use argon2::{Block, Params};
use tokio::{runtime::Handle, time::sleep};

/// How long an area that nobody needs is kept.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// The room of an area, in blocks of a KiB, at the least. Only what is written to takes memory. An area above 32 MiB is one
/// that the allocator always asks the system for by itself, and gives back by itself (`mallopt(3)`, `M_MMAP_THRESHOLD`); a
/// smaller one it would keep.
const ROOM: usize = 33 * 1024;

/// The areas that are kept.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    areas: Mutex<Areas>,
    is_watched: AtomicBool,
}

#[derive(Debug, Default)]
struct Areas {
    spare: Vec<Vec<Block>>,
    uses: u64,
}

impl Memory {
    /// Does some work in the memory that `params` ask for. What is in it from earlier work is overwritten by any hash.
    pub fn lend<T>(&self, params: &Params, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut area = self.areas().spare.pop().unwrap_or_default();
        let blocks = params.block_count();
        if area.len() < blocks {
            area.reserve_exact(blocks.max(ROOM) - area.len());
            area.resize(blocks, Block::default());
        }
        let done = work(&mut area[..blocks]);
        let mut areas = self.areas();
        areas.spare.push(area);
        areas.uses += 1;
        drop(areas);
        self.watch();
        done
    }

    /// Sees to it that what nobody needs is given back.
    fn watch(&self) {
        let Ok(runtime) = Handle::try_current() else {
            self.areas().spare.clear();
            return;
        };
        if self.0.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let memory = self.clone();
        runtime.spawn(async move {
            let mut seen = None;
            while seen != Some(memory.areas().uses) {
                seen = Some(memory.areas().uses);
                sleep(KEPT_FOR).await;
            }
            memory.0.is_watched.store(false, Ordering::Relaxed);
            // Not one that came back at this very moment: it begins a watch of its own.
            memory.areas().spare.clear();
        });
    }

    fn areas(&self) -> MutexGuard<'_, Areas> {
        self.0.areas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory_kib: u32) -> Params {
        Params::new(memory_kib, 1, 1, None).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_area_is_used_again_and_given_back_when_nobody_needs_it() {
        let memory = Memory::default();
        let spare = || memory.areas().spare.len();
        memory.lend(&params(64), |blocks| {
            assert_eq!((blocks.len(), spare()), (64, 0));
            memory.lend(&params(32), |blocks| assert_eq!(blocks.len(), 32));
        });
        assert_eq!(spare(), 2);
        memory.lend(&params(128), |blocks| assert_eq!(blocks.len(), 128));
        sleep(KEPT_FOR / 2).await;
        memory.lend(&params(64), |_| assert_eq!(spare(), 1));
        sleep(KEPT_FOR * 3 / 4).await;
        assert_eq!(spare(), 2, "used a moment ago");
        sleep(KEPT_FOR * 2).await;
        assert_eq!(spare(), 0);
        memory.lend(&params(64), |_| ());
        sleep(KEPT_FOR * 3).await;
        assert_eq!(spare(), 0);
    }
}

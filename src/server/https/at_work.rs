//! Whether the server is at work for a connection: then its silence is ours, and no reason to close it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// How many functions are running, and pages being rendered, for the requests of a connection.
#[derive(Debug, Clone, Default)]
pub struct AtWork(Arc<AtomicU32>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Working(AtWork);

impl AtWork {
    /// One more begins.
    pub fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }

    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

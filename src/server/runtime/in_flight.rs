//! How much work the server has for a connection: while there is any, silence is the server's, and no reason to close it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Counts the functions that run and the pages that are rendered for a connection.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicU32>);

/// Counts as one until it is dropped.
#[derive(Debug)]
pub struct InFlightGuard(InFlight);

impl InFlight {
    /// Counts one more.
    pub fn begin(&self) -> InFlightGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }

    /// Whether there is any.
    pub fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

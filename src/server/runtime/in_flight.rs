//! Work in flight on a connection. While there is any, the idle timeout must not close the connection, because it is
//! the client that waits.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Counts the function calls and page renderings in progress for a connection.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicU32>);

/// Counts as one until it is dropped.
#[derive(Debug)]
pub struct InFlightGuard(InFlight);

impl InFlight {
    pub fn begin(&self) -> InFlightGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }

    pub fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

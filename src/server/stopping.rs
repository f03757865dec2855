//! Whether the server is stopping: everybody may ask, and wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

/// The one fact, shared by all clones. Once begun, a stop is not taken back.
#[derive(Debug, Clone, Default)]
pub struct Stopping {
    /// For who only asks, as every request does: a read that keeps nobody else waiting.
    begun: Arc<AtomicBool>,
    news: watch::Sender<()>,
}

impl Stopping {
    /// Begins the stop.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.news.send_replace(());
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Returns when it has begun.
    pub async fn begun(&self) {
        // It is an error where nobody can begin it any more; `self` can.
        let _ = self.news.subscribe().wait_for(|()| self.has_begun()).await;
    }
}

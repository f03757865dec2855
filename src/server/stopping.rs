//! Whether the server is stopping: everybody may ask, and wait for it.

use tokio::sync::watch;

/// The one fact, shared by all clones. Once begun, a stop is not taken back.
#[derive(Debug, Clone, Default)]
pub struct Stopping(watch::Sender<bool>);

impl Stopping {
    /// Begins the stop.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it has begun.
    pub async fn begun(&self) {
        // It is an error where nobody can begin it any more; `self` can.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

//! A lock per user, for work that each user may do only once at a time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The users who hold the lock. There are never more of them than running requests.
#[derive(Debug, Clone, Default)]
pub struct PerUserLock(Arc<Mutex<HashSet<String>>>);

/// Releases the lock when dropped.
#[derive(Debug)]
pub struct PerUserGuard {
    lock: PerUserLock,
    user_id: String,
}

impl PerUserLock {
    /// Takes the lock of a user. Returns `None`, without waiting, while it is held.
    pub fn lock(&self, user_id: &str) -> Option<PerUserGuard> {
        self.users().insert(user_id.to_owned()).then(|| PerUserGuard {
            lock: self.clone(),
            user_id: user_id.to_owned(),
        })
    }

    fn users(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PerUserGuard {
    fn drop(&mut self) {
        self.lock.users().remove(&self.user_id);
    }
}

//! Work of which each user has one at a time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The users who have some under way. There are no more of them than there are requests.
#[derive(Debug, Clone, Default)]
pub struct PerUserLock(Arc<Mutex<HashSet<String>>>);

/// The work of a user, which is under way until this is dropped.
#[derive(Debug)]
pub struct PerUserGuard {
    all: PerUserLock,
    user_id: String,
}

impl PerUserLock {
    /// Begins the work of a user. `None` while other work of this user is under way.
    pub fn lock(&self, user_id: &str) -> Option<PerUserGuard> {
        self.users().insert(user_id.to_owned()).then(|| PerUserGuard {
            all: self.clone(),
            user_id: user_id.to_owned(),
        })
    }

    fn users(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PerUserGuard {
    fn drop(&mut self) {
        self.all.users().remove(&self.user_id);
    }
}

//! Work of which each user has one at a time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The users who have some under way. There are no more of them than there are requests.
#[derive(Debug, Clone, Default)]
pub struct OneEach(Arc<Mutex<HashSet<String>>>);

/// The work of a user, which is under way until this is dropped.
#[derive(Debug)]
pub struct Own {
    all: OneEach,
    user_id: String,
}

impl OneEach {
    /// Begins the work of a user. `None` while other work of this user is under way.
    pub fn begin(&self, user_id: &str) -> Option<Own> {
        self.lock().insert(user_id.to_owned()).then(|| Own {
            all: self.clone(),
            user_id: user_id.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.all.lock().remove(&self.user_id);
    }
}

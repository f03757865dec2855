//! An in-memory cache of live sessions, so that most calls need no database query.
//!
//! An entry is valid only while nothing has changed for its user that guards rely on, in any process
//! ([`storage::changes`](crate::server::storage::changes)). So a session that was ended, a user who was disabled and a
//! role that was removed are refused at the very next call. Time limits are checked at every use.
//!
//! The keys are the tokens as browsers send them, not their hashes. Like the requests themselves, they exist only in
//! the memory of the process.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tower_sessions::session::Id;

use crate::server::{
    model::{clock::Timestamp, login::Login},
    storage::{changes::Version, sessions::Limits},
};

/// A session that was live when it was looked up.
#[derive(Debug, Clone)]
pub struct CachedSession {
    pub login: Arc<Login>,
    /// The last use that is stored in the database.
    pub last_used: Timestamp,
    /// The version of the log of changes before the lookup.
    pub version: Version,
}

#[derive(Debug)]
pub struct SessionCache(Cache<Id, CachedSession>);

impl SessionCache {
    pub fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    pub fn insert(&self, id: Id, session: CachedSession) {
        self.0.insert(id, session);
    }

    pub fn remove(&self, id: &Id) {
        self.0.remove(id);
    }

    /// The session with that token, if it is cached and within the `limits`.
    pub fn get(&self, id: &Id, limits: Limits) -> Option<CachedSession> {
        self.0
            .get(id)
            .filter(|session| limits.allow(&session.login, session.last_used))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn session(logged_in: Timestamp, last_used: Timestamp) -> CachedSession {
        CachedSession {
            login: Arc::new(Login {
                user_id: "alice".to_owned(),
                at: logged_in.0,
                ends_at: Some(logged_in.plus(Duration::from_hours(13)).0),
                ..Login::default()
            }),
            last_used,
            version: Version::default(),
        }
    }

    fn limits(now: Timestamp) -> Limits {
        Limits {
            now,
            logged_in_after: now.minus(Duration::from_hours(12)),
            used_after: now.minus(Duration::from_mins(30)),
            latest_plausible: now.latest_plausible(),
        }
    }

    #[test]
    fn a_session_is_good_until_its_time_is_over() {
        let cache = SessionCache::new(10);
        let id = Id(1);
        cache.insert(id, session(NOW, NOW));
        let is_valid = |id: &Id, now: Timestamp| cache.get(id, limits(now)).is_some();
        assert!(is_valid(&id, NOW));
        assert!(is_valid(&id, NOW.plus(Duration::from_mins(29))));
        assert!(!is_valid(&id, NOW.plus(Duration::from_mins(30))), "idle for too long");
        assert!(
            !is_valid(&id, NOW.minus(Duration::from_hours(1))),
            "last used in the future"
        );
        assert!(!is_valid(&Id(2), NOW), "another session");
        cache.insert(Id(3), session(NOW.minus(Duration::from_hours(12)), NOW));
        assert!(!is_valid(&Id(3), NOW), "logged in too long ago");
        let shorter = Login {
            ends_at: Some(NOW.0),
            ..Login::clone(&session(NOW, NOW).login)
        };
        let login = Arc::new(shorter);
        cache.insert(
            Id(4),
            CachedSession {
                login,
                ..session(NOW, NOW)
            },
        );
        assert!(!is_valid(&Id(4), NOW), "its provider allows less");
        cache.remove(&id);
        assert!(!is_valid(&id, NOW));
    }

    #[test]
    fn the_cache_never_exceeds_its_capacity() {
        let cache = SessionCache::new(100);
        for number in 0..10_000 {
            cache.insert(Id(number), session(NOW, NOW));
        }
        let cached = (0..10_000).filter(|number| cache.get(&Id(*number), limits(NOW)).is_some());
        assert!(cached.count() <= 100);
    }
}

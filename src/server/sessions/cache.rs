//! Sessions that were found to be live a moment ago, kept in memory so that the next call need not ask the database.
//!
//! One is good for as long as nothing has changed that guards rely on ([`storage::changes`](crate::server::storage::changes)),
//! in whichever process: what was ended, disabled or taken away is refused at the very next call. The limits of time are
//! checked at every use. Only live sessions are kept, as many as the settings allow; what is not kept is looked up.
//!
//! They are found by their tokens as browsers send them, not by the hashes that are stored: like the requests themselves, that
//! is in the memory of the process and nowhere else.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tower_sessions::session::Id;

use crate::server::{
    model::{clock::Timestamp, login::Login},
    storage::{changes::Count, sessions::Limits},
};

/// A session that was found to be live.
#[derive(Debug, Clone)]
pub struct Live {
    /// The login in it.
    pub login: Arc<Login>,
    /// When it was last used, as far as that was noted.
    pub last_used: Timestamp,
    /// What had changed when it was found.
    pub seen: Count,
}

/// The sessions that are kept.
#[derive(Debug)]
pub struct LiveSessions(Cache<Id, Live>);

impl LiveSessions {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// Keeps one.
    pub fn keep(&self, id: Id, live: Live) {
        self.0.insert(id, live);
    }

    /// Lets go of one.
    pub fn forget(&self, id: &Id) {
        self.0.remove(id);
    }

    /// The session with that token, if it is kept and still live.
    pub fn find(&self, id: &Id, limits: Limits, changes: Count) -> Option<Live> {
        self.0
            .get(id)
            .filter(|live| live.seen == changes && limits.allow(live.login.at(), live.last_used))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::{model::login::Origin, storage::changes::Count};

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn live(logged_in: Timestamp, last_used: Timestamp, seen: Count) -> Live {
        Live {
            login: Arc::new(Login {
                id: String::new(),
                user_id: "alice".to_owned(),
                at: logged_in.0,
                password_at: None,
                series: None,
                user_changed_at: 0,
                origin: Origin::default(),
            }),
            last_used,
            seen,
        }
    }

    fn limits(now: Timestamp) -> Limits {
        Limits {
            logged_in_after: now.minus(Duration::from_hours(12)),
            used_after: now.minus(Duration::from_mins(30)),
            noted_until: now.latest_noted(),
        }
    }

    #[test]
    fn a_session_is_good_until_something_changes_or_its_time_is_over() {
        let sessions = LiveSessions::new(10);
        let (id, count) = (Id(1), Count::of(1));
        sessions.keep(id, live(NOW, NOW, count));
        let is_good = |id: &Id, now: Timestamp, count| sessions.find(id, limits(now), count).is_some();
        assert!(is_good(&id, NOW, count));
        assert!(is_good(&id, NOW.plus(Duration::from_mins(29)), count));
        assert!(
            !is_good(&id, NOW.plus(Duration::from_mins(30)), count),
            "idle for too long"
        );
        assert!(
            !is_good(&id, NOW.minus(Duration::from_hours(1)), count),
            "noted in the future"
        );
        assert!(!is_good(&id, NOW, Count::of(2)), "something has changed");
        assert!(!is_good(&Id(2), NOW, count), "another session");
        sessions.keep(Id(3), live(NOW.minus(Duration::from_hours(12)), NOW, count));
        assert!(!is_good(&Id(3), NOW, count), "logged in too long ago");
        sessions.forget(&id);
        assert!(!is_good(&id, NOW, count));
    }

    #[test]
    fn no_more_sessions_are_kept_than_there_is_room_for() {
        let sessions = LiveSessions::new(100);
        for number in 0..10_000 {
            sessions.keep(Id(number), live(NOW, NOW, Count::of(1)));
        }
        let kept = (0..10_000).filter(|number| sessions.find(&Id(*number), limits(NOW), Count::of(1)).is_some());
        assert!(kept.count() <= 100);
    }
}

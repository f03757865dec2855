//! The session store: tower-sessions on our database.
//!
//! `save` updates and never inserts, so a slow request cannot bring back a session that ended meanwhile. `load` checks
//! both limits and that the user is active, and notes the use, at most once a minute. A use that cannot be noted for now,
//! because the disk is full or the database locked, say, brings the end of the session nearer and is no reason to refuse it,
//! nor to let it wait.
//!
//! Guards ask [`Store::login`], which need not ask the database where nothing has changed ([`live`](super::cache)).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize as _;
use tokio::time::timeout;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use super::{
    LOGIN,
    cache::{Live, LiveSessions},
    data_of,
};
use crate::server::{
    config::Sessions,
    model::{clock::Timestamp, event::Event, login::Login, token::TokenHash},
    storage::{
        Storage,
        changes::Count,
        new_session::{NewBrowser, NewSession, Replaced},
        remembered::LOST_ANSWER,
        sessions::{Limits, StoredSession},
    },
    telemetry::error::InternalError,
};

/// How old the note of the last use may get before it is written again.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// How long a call waits for its use to be noted.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long it is not tried again after a use could not be noted.
const REST: Duration = Duration::from_millis(500);

/// For how long further failures to note a use say nothing.
const QUIET: Duration = Duration::from_mins(1);

/// The store of sessions.
#[derive(Debug)]
pub struct Store {
    storage: Storage,
    idle: Duration,
    absolute: Duration,
    per_user: u32,
    live: LiveSessions,
    /// When a use could last not be noted, in milliseconds since 1970.
    not_noted_at: AtomicI64,
    /// When that was last logged.
    told_at: AtomicI64,
}

impl Store {
    /// A store with the limits of `settings`.
    pub fn new(storage: Storage, settings: &Sessions) -> Self {
        Self {
            storage,
            idle: settings.idle(),
            absolute: settings.absolute(),
            per_user: settings.per_user.get(),
            live: LiveSessions::new(settings.in_memory),
            not_noted_at: AtomicI64::default(),
            told_at: AtomicI64::default(),
        }
    }

    /// The limits at that moment.
    pub fn limits(&self, now: Timestamp) -> Limits {
        Limits {
            logged_in_after: now.minus(self.absolute),
            used_after: now.minus(self.idle),
            noted_until: now.latest_noted(),
        }
    }

    /// Stores a session with a login in it, under a new token: against session fixation (OWASP ASVS 7.2.4). Its browser is
    /// stored with it, where that is to be remembered; what this browser had before is over. Gives the token, or `None` if the
    /// login was overtaken by a change of its user or the end of its series; then nothing has changed.
    pub async fn add(
        &self,
        mut login: Login,
        browser: Option<&NewBrowser>,
        replaced: &Replaced,
    ) -> std::result::Result<Option<Id>, InternalError> {
        let id = Id::default();
        let token = hash(&id);
        login.id = token.handle();
        let data = data_of(&login)?;
        let series = login.series.as_deref().map(TokenHash::stored);
        // Two tokens of 128 random bits are never the same; the primary key would refuse the second.
        let session = NewSession {
            token: &token,
            login_id: &login.id,
            user_id: &login.user_id,
            series: series.as_ref(),
            data: &data,
            logged_in_at: login.at(),
            address: &login.origin.address,
            user_changed_at: login.user_changed_at,
            browser,
            replaced,
            surplus: &Event::of_surplus(&login.user_id, &login.origin.address),
        };
        let ended = self
            .storage
            .add_session(&session, self.per_user, Timestamp::now())
            .await?;
        if let Some(ended @ 1..) = ended {
            log_surplus_ended(&login.user_id, ended);
        }
        Ok(ended.map(|_| id))
    }

    /// The login of the session with that token, if it is live.
    pub async fn login(&self, id: &Id, now: Timestamp) -> std::result::Result<Option<Arc<Login>>, InternalError> {
        // Before the session is looked up, so that it is not taken to be newer than it is.
        let seen = self.storage.changes().await?;
        if let Some(login) = seen.and_then(|seen| self.kept(id, now, seen)) {
            return Ok(Some(login));
        }
        let Some((stored, last_used)) = self.look_up(&hash(id), now).await? else {
            return Ok(None);
        };
        let data: HashMap<String, serde_json::Value> =
            serde_json::from_str(&stored.data).map_err(|error| InternalError::new("reading a session", error))?;
        let Some(login) = data.get(LOGIN) else {
            return Ok(None);
        };
        let login = Login::deserialize(login).map_err(|error| InternalError::new("reading a session", error))?;
        // Whether a session that a remembered browser was given has arrived there, counts for what may come next.
        let may_be_lost = login.password_at.is_none() && is_within(LOST_ANSWER, login.at(), now);
        if may_be_lost {
            self.note_use(&hash(id), last_used, now).await?;
        }
        let login = Arc::new(login);
        if let Some(seen) = seen {
            let live = Live {
                login: Arc::clone(&login),
                last_used,
                seen,
            };
            self.live.keep(*id, live);
        }
        Ok(Some(login))
    }

    /// The same where the database need not be asked.
    pub fn login_if_known(&self, id: &Id, now: Timestamp) -> Option<Arc<Login>> {
        self.kept(id, now, self.storage.changes_if_known()?)
    }

    /// The login of a session that is kept in memory, still live, and noted to be in use.
    fn kept(&self, id: &Id, now: Timestamp, changes: Count) -> Option<Arc<Login>> {
        let live = self.live.find(id, self.limits(now), changes)?;
        (!self.is_touch_due(live.last_used, now)).then_some(live.login)
    }

    /// The stored session with that token, if it is live. Notes its use. Gives also when it was last used, as far as that is
    /// noted.
    async fn look_up(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> std::result::Result<Option<(StoredSession, Timestamp)>, InternalError> {
        let Some(stored) = self.storage.find_session(token, self.limits(now)).await? else {
            return Ok(None);
        };
        let mut last_used = Timestamp(stored.last_used_at);
        if self.is_touch_due(last_used, now) && self.note_use(token, last_used, now).await? {
            last_used = now;
        }
        Ok(Some((stored, last_used)))
    }

    /// Whether the last use should be noted again. With a short idle limit that is before the session runs out.
    fn is_touch_due(&self, last_used: Timestamp, now: Timestamp) -> bool {
        last_used.plus(TOUCH_AFTER.min(self.idle / 2)) <= now
    }

    /// Notes the use of a session. Where that cannot be done now it is logged, once for a while: `false`.
    async fn note_use(
        &self,
        token: &TokenHash,
        earlier: Timestamp,
        now: Timestamp,
    ) -> std::result::Result<bool, InternalError> {
        let not_noted_at = Timestamp(self.not_noted_at.load(Ordering::Relaxed));
        // Within a short idle limit there is time for another try.
        if is_within(REST.min(self.idle / 8), not_noted_at, now) {
            return Ok(false);
        }
        let noted = timeout(PATIENCE, self.storage.touch_session(token, earlier, now)).await;
        let fault = match noted {
            Ok(Ok(())) => return Ok(true),
            Ok(Err(fault)) if !fault.is_unavailable() => return Err(fault),
            Ok(Err(fault)) => Some(fault),
            Err(_) => None,
        };
        let now = Timestamp::now();
        self.not_noted_at.store(now.0, Ordering::Relaxed);
        // Of many that fail, one says so.
        let told_at = self.told_at.load(Ordering::Relaxed);
        let is_told = is_within(QUIET, Timestamp(told_at), now)
            || self
                .told_at
                .compare_exchange(told_at, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_err();
        if !is_told {
            if let Some(fault) = fault {
                fault.log();
            } else {
                tracing::warn!("noting the use of a session takes too long; calls go on without");
            }
        }
        Ok(false)
    }
}

/// Whether `moment` was within the last `window`. A moment in the future is not: the clock was set back.
fn is_within(window: Duration, moment: Timestamp, now: Timestamp) -> bool {
    moment <= now && now < moment.plus(window)
}

#[async_trait::async_trait]
impl SessionStore for Store {
    async fn create(&self, _record: &mut Record) -> Result<()> {
        Err(Error::Encode("a session begins with a login".to_owned()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        if !self
            .storage
            .update_session(&hash(&record.id), &encode(record)?)
            .await
            .map_err(backend)?
        {
            tracing::debug!("a session ended while a request was using it; its changes are dropped");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.look_up(&hash(id), Timestamp::now()).await.map_err(backend)?;
        let Some((stored, _)) = found else {
            return Ok(None);
        };
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_str(&stored.data).map_err(|error| Error::Decode(error.to_string()))?,
            // The limits are ours; tower-sessions' own is never asked.
            expiry_date: time::OffsetDateTime::now_utc().saturating_add(time::Duration::WEEK),
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.live.forget(id);
        self.storage.delete_session(&hash(id)).await.map_err(backend)
    }
}

/// The hash under which the session with that token is stored.
pub fn hash(id: &Id) -> TokenHash {
    TokenHash::of(&id.0.to_le_bytes())
}

/// The login in the stored data of a session.
pub fn login_in(data: &str) -> Option<Login> {
    let data: HashMap<String, serde_json::Value> = serde_json::from_str(data).ok()?;
    serde_json::from_value(data.get(LOGIN)?.clone()).ok()
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

/// Only what passes by itself is a failure of the backend; the rest is broken data.
fn backend(fault: InternalError) -> Error {
    if fault.is_unavailable() {
        Error::Backend(fault.chain())
    } else {
        Error::Decode(fault.chain())
    }
}
/// So many sessions and remembered browsers of a user made room for a new one. The event is stored with that.
fn log_surplus_ended(user: &str, count: u64) {
    tracing::info!(
        target: "callgate::security",
        event = "session_expired",
        user,
        reason = "surplus",
        count,
        "ended what was used longest ago"
    );
}

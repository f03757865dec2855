//! The session store: tower-sessions on our database.
//!
//! `save` updates and never inserts, so a slow request cannot bring back a session that ended meanwhile. `load` checks
//! both time limits and that the user is active, and records the last use at most once a minute. If that write fails,
//! because the disk is full or the database is locked, the call goes on: the session only expires earlier.
//!
//! Guards use [`Store::login`], which needs no database query while nothing has changed ([`cache`](super::cache)).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{self, Error},
};

use super::{
    LOGIN,
    cache::{CachedSession, SessionCache},
    data_of,
};
use crate::server::{
    config::Sessions,
    model::{clock::Timestamp, event::Event, login::Login, token::TokenHash},
    storage::{
        Storage,
        new_session::{NewBrowser, NewSession, Replaced},
        remembered::LOST_RESPONSE_GRACE,
        sessions::{Limits, StoredSession},
    },
    telemetry::error::InternalError,
};

/// How old the stored time of the last use may get before it is updated.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// How long a call waits for that update.
const TOUCH_TIMEOUT: Duration = Duration::from_millis(200);

/// How long after a failed update none is tried.
const TOUCH_RETRY_AFTER: Duration = Duration::from_millis(500);

/// At most one failed update per this time is logged.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub struct Store {
    storage: Storage,
    idle: Duration,
    absolute: Duration,
    per_user: u32,
    cache: SessionCache,
    /// When recording a use last failed, in milliseconds since 1970.
    touch_failed_at: AtomicI64,
    /// When such a failure was last logged, in milliseconds since 1970.
    failure_logged_at: AtomicI64,
}

impl Store {
    pub fn new(storage: Storage, settings: &Sessions) -> Self {
        Self {
            storage,
            idle: settings.idle_seconds.duration(),
            absolute: settings.absolute_seconds.duration(),
            per_user: settings.per_user.get(),
            cache: SessionCache::new(settings.in_memory),
            touch_failed_at: AtomicI64::default(),
            failure_logged_at: AtomicI64::default(),
        }
    }

    pub fn limits(&self, now: Timestamp) -> Limits {
        Limits {
            now,
            logged_in_after: now.minus(self.absolute),
            used_after: now.minus(self.idle),
            latest_plausible: now.latest_plausible(),
        }
    }

    /// Stores a session with a login under a new token, against session fixation (OWASP ASVS 7.2.4), and returns the
    /// token. Stores `browser` with it, if the browser is to be remembered, and removes what the login replaces. `sid` is
    /// the hash of the session at the provider, if the login was made with one.
    ///
    /// Returns `None` if the user was changed, or the series or the account at the provider was removed, since the login
    /// began; then nothing has changed.
    pub async fn add(
        &self,
        mut login: Login,
        browser: Option<&NewBrowser>,
        sid: Option<&TokenHash>,
        replaced: &Replaced,
    ) -> Result<Option<Id>, InternalError> {
        let id = Id::default();
        let token = hash(&id);
        login.id = token.handle();
        let data = data_of(&login)?;
        let series = login.series.as_deref().map(TokenHash::stored);
        // Tokens have 128 random bits and do not collide; if they did, the primary key would refuse the second one.
        let session = NewSession {
            token: &token,
            login_id: &login.id,
            user_id: &login.user_id,
            series: series.as_ref(),
            data: &data,
            logged_in_at: login.at(),
            ends_at: login.ends_at(),
            identity: login.identity.as_deref(),
            sid,
            address: &login.origin.address,
            user_changed_at: login.user_changed_at,
            browser,
            replaced,
            surplus: &Event::of_surplus(&login.user_id, &login.origin.address),
        };
        let added = self.storage.add_session(&session, self.per_user, Timestamp::now());
        let ended = added.await?;
        // The event is stored with the login.
        if let Some(count @ 1..) = ended {
            tracing::info!(
                target: "callgate::security",
                event = "session_expired",
                user = login.user_id,
                reason = "surplus",
                count,
                "too many sessions; ended those that were used least recently"
            );
        }
        Ok(ended.map(|_| id))
    }

    /// The login of a session, if the session is live.
    pub async fn login(&self, id: &Id, now: Timestamp) -> Result<Option<Arc<Login>>, InternalError> {
        // Read before the session: a change during the lookup then invalidates the cached session.
        let version = self.storage.changes().await?;
        if let Some(login) = self.cached(id, now) {
            return Ok(Some(login));
        }
        let Some((stored, last_used)) = self.look_up(&hash(id), now).await? else {
            return Ok(None);
        };
        let login = login_in(&stored.data).map_err(|error| InternalError::new("reading a session", error))?;
        let Some(mut login) = login else { return Ok(None) };
        login.profile = stored.profile.into();
        // Within this time always record the use: it shows that the remembered browser has received its new token.
        let is_restored = login.series.is_some() && login.password_at.is_none();
        let may_be_lost = is_restored && is_within(LOST_RESPONSE_GRACE, login.at(), now);
        if may_be_lost {
            self.touch(&hash(id), last_used, now).await?;
        }
        let login = Arc::new(login);
        if let Some(version) = version {
            let session = CachedSession {
                login: Arc::clone(&login),
                last_used,
                version,
            };
            self.cache.insert(*id, session);
        }
        Ok(Some(login))
    }

    /// The login of a session, if it is cached and the cache is known to be valid without a database query.
    pub fn cached_login(&self, id: &Id, now: Timestamp) -> Option<Arc<Login>> {
        self.storage.changes_if_known()?;
        self.cached(id, now)
    }

    /// The login of a cached session that is live and whose last use need not be updated, as far as the log of changes was
    /// read.
    fn cached(&self, id: &Id, now: Timestamp) -> Option<Arc<Login>> {
        let session = self.cache.get(id, self.limits(now))?;
        let is_valid = !self.storage.has_changed(&session.login.user_id, session.version)
            && !self.is_touch_due(session.last_used, now);
        is_valid.then_some(session.login)
    }

    /// Looks a live session up and records its use. Returns it with the stored time of its last use.
    async fn look_up(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<(StoredSession, Timestamp)>, InternalError> {
        let Some(stored) = self.storage.find_session(token, self.limits(now)).await? else {
            return Ok(None);
        };
        let mut last_used = Timestamp(stored.last_used_at);
        if self.is_touch_due(last_used, now) && self.touch(token, last_used, now).await? {
            last_used = now;
        }
        Ok(Some((stored, last_used)))
    }

    /// Whether the last use must be updated. With a short idle limit this happens earlier, before the session expires.
    fn is_touch_due(&self, last_used: Timestamp, now: Timestamp) -> bool {
        last_used.plus(TOUCH_AFTER.min(self.idle / 2)) <= now
    }

    /// Records the use of a session. Returns `false` if the database is unavailable, and logs that at most once per
    /// [`LOG_INTERVAL`].
    async fn touch(&self, token: &TokenHash, earlier: Timestamp, now: Timestamp) -> Result<bool, InternalError> {
        let failed_at = Timestamp(self.touch_failed_at.load(Ordering::Relaxed));
        // With a short idle limit, retry earlier, before the session expires.
        if is_within(TOUCH_RETRY_AFTER.min(self.idle / 8), failed_at, now) {
            return Ok(false);
        }
        let touched = timeout(TOUCH_TIMEOUT, self.storage.touch_session(token, earlier, now)).await;
        let error = match touched {
            Ok(Ok(())) => return Ok(true),
            Ok(Err(error)) if !error.is_unavailable() => return Err(error),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let now = Timestamp::now();
        self.touch_failed_at.store(now.0, Ordering::Relaxed);
        // Of many calls that fail at once, one logs it.
        let logged_at = self.failure_logged_at.load(Ordering::Relaxed);
        let is_logged = is_within(LOG_INTERVAL, Timestamp(logged_at), now)
            || self
                .failure_logged_at
                .compare_exchange(logged_at, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_err();
        if !is_logged {
            if let Some(error) = error {
                error.log();
            } else {
                tracing::warn!("recording the use of a session took too long; calls continue without it");
            }
        }
        Ok(false)
    }
}

/// Whether `moment` is within the last `window`. A moment in the future, after the clock was set back, is not.
fn is_within(window: Duration, moment: Timestamp, now: Timestamp) -> bool {
    moment <= now && now < moment.plus(window)
}

#[async_trait::async_trait]
impl SessionStore for Store {
    async fn create(&self, _record: &mut Record) -> session_store::Result<()> {
        Err(Error::Encode("a session can only be created by a login".to_owned()))
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let is_live = self.storage.update_session(&hash(&record.id), &data).await;
        if !is_live.map_err(backend)? {
            tracing::debug!("a session ended while a request was using it; its changes are dropped");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.look_up(&hash(id), Timestamp::now()).await.map_err(backend)?;
        let Some((stored, _)) = found else {
            return Ok(None);
        };
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_str(&stored.data).map_err(|error| Error::Decode(error.to_string()))?,
            // Required by tower-sessions, but not used: the store checks the time limits.
            expiry_date: time::OffsetDateTime::now_utc().saturating_add(time::Duration::WEEK),
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.cache.remove(id);
        self.storage.delete_session(&hash(id)).await.map_err(backend)
    }
}

/// The hash of a session token, as it is stored.
pub fn hash(id: &Id) -> TokenHash {
    TokenHash::of(&id.0.to_le_bytes())
}

/// The login in the stored form of a session; see [`data_of`].
pub fn login_in(data: &str) -> serde_json::Result<Option<Login>> {
    let mut data: HashMap<String, serde_json::Value> = serde_json::from_str(data)?;
    data.remove(LOGIN).map(serde_json::from_value).transpose()
}

/// Temporary failures become `Backend`, all others `Decode`. The conversion back to an internal error relies on this.
fn backend(error: InternalError) -> Error {
    if error.is_unavailable() {
        Error::Backend(error.chain())
    } else {
        Error::Decode(error.chain())
    }
}

//! The caller: the request as guards and functions see it.
//!
//! The session middleware creates one [`Caller`] per request. It looks up lazily who is logged in, and collects the
//! cookies that the response sets. The session itself is opened only by code that changes it.

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue, header::USER_AGENT};
use leptos::prelude::use_context;
use tokio::{sync::OnceCell, time::timeout};
use tower_sessions::{Session, session::Id};

use super::{
    cookies::{CookieName, Cookies, SetCookie},
    device, language,
};
use crate::{
    contract::{Language, Refusal, Theme},
    server::{
        model::{
            clock::Timestamp,
            login::{Login, Origin},
        },
        runtime::in_flight::InFlight,
        sessions,
        state::AppState,
        telemetry::error::InternalError,
    },
};

tokio::task_local! {
    static CURRENT: Caller;
}

#[derive(Clone)]
pub struct Caller(pub(super) Arc<Request>);

/// Time and source of a request.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The client IP.
    pub address: Option<IpAddr>,
    pub at: Timestamp,
    /// When the last response was sent on the same connection. The client may have sent this request at any time since.
    pub last_response_at: Timestamp,
}

pub(super) struct Request {
    state: AppState,
    /// The session token of the cookie.
    sent: Option<Id>,
    login: Mutex<LoginState>,
    arrival: Arrival,
    in_flight: InFlight,
    user_agent: Option<HeaderValue>,
    remember_cookie: Option<String>,
    pending_call_cookie: Option<String>,
    flow_cookie: Option<String>,
    language: Language,
    theme: Theme,
    /// Set once the remembered browser was logged in again, or needs no such login.
    pub(super) restored: OnceCell<()>,
    new_cookies: Mutex<Vec<SetCookie>>,
}

pub(super) struct LoginState {
    pub(super) session: CallerSession,
    /// The login of the session cookie, once it was looked up.
    pub(super) cached: Option<Arc<Login>>,
    /// The last login seen. It may no longer be valid.
    pub(super) last_known: Option<Arc<Login>>,
    /// The time at which the session must be live.
    pub(super) valid_at: Timestamp,
}

impl LoginState {
    fn invalidate(&mut self) {
        self.last_known = self.cached.take().or(self.last_known.take());
    }
}

pub(super) enum CallerSession {
    /// Not opened: only the token of the cookie is known, if one was sent.
    Sent(Option<Id>),
    Open(Session),
}

impl Caller {
    /// The caller of a request. `in_flight` counts the running work of its connection.
    pub fn new(state: AppState, headers: &HeaderMap, arrival: Arrival, in_flight: InFlight) -> Self {
        let cookies = Cookies::read(headers, state.cookie_suffix());
        // A malformed token is treated as no token.
        let sent = cookies.get(CookieName::Session).and_then(|token| token.parse().ok());
        let cookie = |name| cookies.get(name).map(str::to_owned);
        let remember_cookie = cookie(CookieName::Remember);
        let pending_call_cookie = cookie(CookieName::PendingCall);
        let flow_cookie = cookie(CookieName::Flow);
        let language = language::requested(&cookies, headers, state.settings().site.language);
        let theme = cookies.get(CookieName::Theme).and_then(|name| name.parse().ok());
        Self(Arc::new(Request {
            state,
            sent,
            login: Mutex::new(LoginState {
                session: CallerSession::Sent(sent),
                cached: None,
                last_known: None,
                valid_at: arrival.at,
            }),
            arrival,
            in_flight,
            user_agent: headers.get(USER_AGENT).cloned(),
            restored: OnceCell::new_with(remember_cookie.is_none().then_some(())),
            remember_cookie,
            pending_call_cookie,
            flow_cookie,
            language,
            theme: theme.unwrap_or_default(),
            new_cookies: Mutex::default(),
        }))
    }

    /// A sample caller with that session and without a request.
    pub fn in_session(state: AppState, session: Session, arrival: Arrival) -> Self {
        let caller = Self::new(state, &HeaderMap::new(), arrival, InFlight::default());
        caller.login_state().session = CallerSession::Open(session);
        caller
    }

    /// Runs `work` with this caller as [`Self::current`].
    pub fn scope<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// The current caller: from [`Self::scope`], or from the Leptos context of the page that is being rendered.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().or_else(use_context)
    }

    pub fn state(&self) -> &AppState {
        &self.0.state
    }

    /// Opens the session of this request, or an empty one if no token was sent. It is loaded when it is first read.
    pub fn session(&self) -> Session {
        let mut state = self.login_state();
        let sent = match &state.session {
            CallerSession::Open(session) => return session.clone(),
            CallerSession::Sent(sent) => *sent,
        };
        let session = Session::new(sent, Arc::clone(self.state().sessions()), None);
        state.session = CallerSession::Open(session.clone());
        // From now on the login is read from the session.
        state.invalidate();
        session
    }

    /// The session, if [`Self::session`] or [`Self::replace_session`] has opened it.
    pub fn open_session(&self) -> Option<Session> {
        match &self.login_state().session {
            CallerSession::Open(session) => Some(session.clone()),
            CallerSession::Sent(_) => None,
        }
    }

    /// The session token of the cookie, whether or not that session is live.
    pub fn sent(&self) -> Option<Id> {
        self.0.sent
    }

    /// Whether this request has a session token, whether or not that session is live.
    pub fn has_session(&self) -> bool {
        match &self.login_state().session {
            CallerSession::Open(session) => session.id().is_some(),
            CallerSession::Sent(sent) => sent.is_some(),
        }
    }

    pub(super) fn login_state(&self) -> MutexGuard<'_, LoginState> {
        self.0.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the session of this request and sets the cookie with its token.
    pub fn replace_session(&self, session: Session) {
        if let Some(id) = session.id() {
            self.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
        }
        let mut state = self.login_state();
        state.session = CallerSession::Open(session);
        state.invalidate();
    }

    /// The language of the response as long as it is unknown who is logged in: the one that was chosen in this browser, or
    /// else the one that its settings prefer, or else the one of the site.
    pub fn language(&self) -> Language {
        self.0.language
    }

    /// The theme that was chosen in this browser.
    pub fn theme(&self) -> Theme {
        self.0.theme
    }

    pub fn arrival(&self) -> Arrival {
        self.0.arrival
    }

    /// Runs `work` with the call timeout (`limits.call_seconds`). While it runs, the idle timeout does not close the
    /// connection. `operation` names the work in the log.
    ///
    /// # Errors
    /// [`Refusal::CallTooSlow`] if the timeout passed; `work` is then dropped unfinished.
    pub fn with_deadline<T, W: Future<Output = Result<T, Refusal>>>(
        &self,
        operation: &'static str,
        work: W,
    ) -> impl Future<Output = Result<T, Refusal>> + use<T, W> {
        self.with_deadline_in(self.state().settings().limits.call_seconds.duration(), operation, work)
    }

    /// As [`Self::with_deadline`], with a timeout of `remaining`.
    pub fn with_deadline_in<T, W: Future<Output = Result<T, Refusal>>>(
        &self,
        remaining: Duration,
        operation: &'static str,
        work: W,
    ) -> impl Future<Output = Result<T, Refusal>> + use<T, W> {
        let limit = self.state().settings().limits.call_seconds.duration();
        let busy = self.0.in_flight.begin();
        async move {
            let _busy = busy;
            timeout(remaining, work).await.unwrap_or_else(|_| {
                tracing::warn!(what = operation, seconds = limit.as_secs(), "the call timed out");
                Err(Refusal::CallTooSlow)
            })
        }
    }

    /// Device and client IP, to store with a login.
    pub fn origin(&self) -> Origin {
        let address = self.0.arrival.address.map(|address| address.to_string());
        Origin {
            device: device::describe(self.0.user_agent.as_ref().and_then(|value| value.to_str().ok())),
            address: address.unwrap_or_default(),
        }
    }

    pub fn remember_cookie(&self) -> Option<&str> {
        self.0.remember_cookie.as_deref()
    }

    pub fn pending_call_cookie(&self) -> Option<&str> {
        self.0.pending_call_cookie.as_deref()
    }

    pub fn flow_cookie(&self) -> Option<&str> {
        self.0.flow_cookie.as_deref()
    }

    /// Prevents this request from logging a remembered browser in again.
    pub fn disable_remember(&self) {
        // An error means that the cell is set: the login was already restored, or needs no restoring.
        let _ = self.0.restored.set(());
    }

    /// Looks the session up again, after a wait during which it may have ended.
    pub async fn refresh(&self) -> Result<(), InternalError> {
        {
            let mut state = self.login_state();
            state.invalidate();
            state.valid_at = Timestamp::now();
        }
        match self.open_session() {
            Some(session) => sessions::reload(&session).await,
            None => Ok(()),
        }
    }

    /// Sets a cookie with the response. The last change of a cookie wins.
    pub fn set_cookie(&self, cookie: SetCookie) {
        let mut cookies = self.new_cookies();
        cookies.retain(|earlier| earlier.name != cookie.name);
        cookies.push(cookie);
    }

    /// Drops all cookie changes, because the change that they stand for has failed.
    pub fn drop_cookies(&self) {
        self.new_cookies().clear();
    }

    pub fn set_cookie_headers(&self) -> Vec<HeaderValue> {
        let suffix = self.state().cookie_suffix();
        self.new_cookies().iter().map(|cookie| cookie.header(suffix)).collect()
    }

    fn new_cookies(&self) -> MutexGuard<'_, Vec<SetCookie>> {
        self.0.new_cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller(…)")
    }
}

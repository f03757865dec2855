//! Who calls: the request as guards and functions see it.
//!
//! One [`Caller`] is made per request. It finds out lazily who is logged in, and collects the cookies that the answer
//! has to set, whichever door the call came through. The session itself is opened only by what changes it.

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
    device,
};
use crate::{
    contract::Refusal,
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

/// The caller of one request.
#[derive(Clone)]
pub struct Caller(pub(super) Arc<Request>);

/// When a request came, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// When it arrived.
    pub at: Timestamp,
    /// When its client was last told something on its connection. The request may have been sent at any time since.
    pub last_response_at: Timestamp,
}

pub(super) struct Request {
    state: AppState,
    sent: Option<Id>,
    login: Mutex<LoginState>,
    arrival: Arrival,
    in_flight: InFlight,
    user_agent: Option<HeaderValue>,
    remember_cookie: Option<String>,
    pending_call_cookie: Option<String>,
    pub(super) restored: OnceCell<()>,
    set_cookies: Mutex<Vec<SetCookie>>,
}

/// What a request knows of its login.
pub(super) struct LoginState {
    pub(super) session: CallerSession,
    /// The login of the session that was sent, once it was looked up.
    pub(super) found: Option<Arc<Login>>,
    /// Who was found to be logged in, where `found` does not tell, or no longer.
    pub(super) known: Option<Arc<Login>>,
    /// The moment at which the session has to be live.
    pub(super) at: Timestamp,
}

impl LoginState {
    /// From now on what was found out counts no more.
    fn forget_found(&mut self) {
        self.known = self.found.take().or(self.known.take());
    }
}

/// The session of a request.
pub(super) enum CallerSession {
    /// Only its token is known, if one was sent.
    Sent(Option<Id>),
    /// It was opened.
    Open(Session),
}

impl Caller {
    /// The caller of a request with these headers, which came at that moment on a connection with these requests in flight.
    pub fn new(state: AppState, headers: &HeaderMap, arrival: Arrival, in_flight: InFlight) -> Self {
        // A token that cannot be ours counts as none.
        let cookies = Cookies::read(headers, state.cookie_suffix());
        let sent = cookies.get(CookieName::Session).and_then(|token| token.parse().ok());
        let user_agent = headers.get(USER_AGENT).cloned();
        Self::with(
            state.clone(),
            cookies,
            user_agent,
            CallerSession::Sent(sent),
            arrival,
            in_flight,
        )
    }

    /// A caller made up, in that session.
    pub fn in_session(state: AppState, session: Session, arrival: Arrival) -> Self {
        let session = CallerSession::Open(session);
        Self::with(state, Cookies::default(), None, session, arrival, InFlight::default())
    }

    fn with(
        state: AppState,
        cookies: Cookies<'_>,
        user_agent: Option<HeaderValue>,
        session: CallerSession,
        arrival: Arrival,
        in_flight: InFlight,
    ) -> Self {
        let cookie = |name| cookies.get(name).map(str::to_owned);
        let remember_cookie = cookie(CookieName::Remember);
        Self(Arc::new(Request {
            restored: OnceCell::new_with(remember_cookie.is_none().then_some(())),
            remember_cookie,
            pending_call_cookie: cookie(CookieName::PendingCall),
            state,
            sent: match session {
                CallerSession::Sent(sent) => sent,
                CallerSession::Open(_) => None,
            },
            login: Mutex::new(LoginState {
                session,
                found: None,
                known: None,
                at: arrival.at,
            }),
            arrival,
            in_flight,
            user_agent,
            set_cookies: Mutex::default(),
        }))
    }

    /// Makes `work` a call of this one.
    pub fn scope<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// Who calls now: by the door that the call came through, or by the page that is being rendered.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().or_else(use_context)
    }

    /// What the server works with.
    pub fn state(&self) -> &AppState {
        &self.0.state
    }

    /// The session of this request, opened: an empty one where no token was sent. It is looked up when it is first read.
    pub fn session(&self) -> Session {
        let mut state = self.login_state();
        let sent = match &state.session {
            CallerSession::Open(session) => return session.clone(),
            CallerSession::Sent(sent) => *sent,
        };
        let session = Session::new(sent, Arc::clone(self.state().sessions()), None);
        state.session = CallerSession::Open(session.clone());
        // From now on the session itself knows.
        state.forget_found();
        session
    }

    /// The same where something has opened it before.
    pub fn open_session(&self) -> Option<Session> {
        match &self.login_state().session {
            CallerSession::Open(session) => Some(session.clone()),
            CallerSession::Sent(_) => None,
        }
    }

    /// The token of the session that was sent, live or not.
    pub fn sent(&self) -> Option<Id> {
        self.0.sent
    }

    /// Whether there is a session at all, live or not.
    pub fn has_session(&self) -> bool {
        match &self.login_state().session {
            CallerSession::Open(session) => session.id().is_some(),
            CallerSession::Sent(sent) => sent.is_some(),
        }
    }

    pub(super) fn login_state(&self) -> MutexGuard<'_, LoginState> {
        self.0.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with a session that was renewed, and tells the browser its token.
    pub fn replace_session(&self, session: Session) {
        if let Some(id) = session.id() {
            self.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
        }
        let mut state = self.login_state();
        state.session = CallerSession::Open(session);
        state.forget_found();
    }

    /// When the request came.
    pub fn arrival(&self) -> Arrival {
        self.0.arrival
    }

    /// Does some work for this caller, for as long as a call may take (`limits.call_seconds`). Meanwhile the connection is not
    /// closed for being silent. `what` tells the log what it was.
    ///
    /// # Errors
    /// [`Refusal::CallTooSlow`] where it took longer: then it was dropped half way.
    pub fn with_deadline<T, W>(
        &self,
        what: &'static str,
        work: W,
    ) -> impl Future<Output = Result<T, Refusal>> + use<T, W>
    where
        W: Future<Output = Result<T, Refusal>>,
    {
        self.with_deadline_in(self.state().settings().limits.call(), what, work)
    }

    /// Does some work as [`Self::with_deadline`] does, in the time that is left for it.
    ///
    /// # Errors
    /// As [`Self::with_deadline`].
    pub fn with_deadline_in<T, W>(
        &self,
        left: Duration,
        what: &'static str,
        work: W,
    ) -> impl Future<Output = Result<T, Refusal>> + use<T, W>
    where
        W: Future<Output = Result<T, Refusal>>,
    {
        let limit = self.state().settings().limits.call();
        let busy = self.0.in_flight.begin();
        async move {
            let _busy = busy;
            timeout(left, work).await.unwrap_or_else(|_| {
                tracing::warn!(what, seconds = limit.as_secs(), "the call timed out");
                Err(Refusal::CallTooSlow)
            })
        }
    }

    /// What a login with this request comes from.
    pub fn origin(&self) -> Origin {
        let address = self.0.arrival.address.map(|address| address.to_string());
        Origin {
            device: device::in_words(self.0.user_agent.as_ref().and_then(|value| value.to_str().ok())),
            address: address.unwrap_or_default(),
        }
    }

    /// The value of the cookie that remembers this browser.
    pub fn remember_cookie(&self) -> Option<&str> {
        self.0.remember_cookie.as_deref()
    }

    /// The value of the cookie of the kept call.
    pub fn pending_call_cookie(&self) -> Option<&str> {
        self.0.pending_call_cookie.as_deref()
    }

    /// Keeps a remembered browser from being logged in again by this request.
    pub fn disable_remember(&self) {
        // It is an error where that has happened already: then there is nothing to stop.
        let _ = self.0.restored.set(());
    }

    /// Looks the session up again, after a while in which it may have ended.
    pub async fn refresh(&self) -> Result<(), InternalError> {
        {
            let mut state = self.login_state();
            state.forget_found();
            state.at = Timestamp::now();
        }
        match self.open_session() {
            Some(session) => sessions::reload(&session).await,
            None => Ok(()),
        }
    }

    /// Sets a cookie with the answer. A later change of the same cookie replaces an earlier one.
    pub fn set_cookie(&self, cookie: SetCookie) {
        let mut cookies = self.cookies_to_set();
        cookies.retain(|earlier| earlier.name() != cookie.name());
        cookies.push(cookie);
    }

    /// Takes all changes of cookies back: what they stand for did not come about.
    pub fn drop_cookies(&self) {
        self.cookies_to_set().clear();
    }

    /// The `Set-Cookie` headers of the answer.
    pub fn set_cookie_headers(&self) -> Vec<HeaderValue> {
        let suffix = self.state().cookie_suffix();
        self.cookies_to_set()
            .iter()
            .map(|cookie| cookie.header(suffix))
            .collect()
    }

    fn cookies_to_set(&self) -> MutexGuard<'_, Vec<SetCookie>> {
        self.0.set_cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller(…)")
    }
}

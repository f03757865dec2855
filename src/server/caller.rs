//! Who calls: the request as guards and functions see it.
//!
//! One [`Caller`] is made per request. It finds out lazily who is logged in, and collects the cookies that the answer
//! has to set, whichever door the call came through.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderValue, header::USER_AGENT};
use tokio::sync::OnceCell;
use tower_sessions::Session;

use super::{
    clock::Timestamp,
    cookies::{self, CookieName, SetCookie},
    device,
    fault::Fault,
    remember,
    services::Services,
    sessions::{self, Login, Origin},
};

/// The caller of one request.
#[derive(Clone)]
pub struct Caller(Arc<Request>);

/// When a request came, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// When it arrived.
    pub at: Timestamp,
    /// When its client was last told something on its connection. The request may have been sent at any time since.
    pub last_told: Timestamp,
}

struct Request {
    services: Services,
    session: Mutex<Session>,
    arrival: Arrival,
    user_agent: Option<String>,
    remember_cookie: Option<String>,
    kept_call_cookie: Option<String>,
    restored: OnceCell<()>,
    known_user: Mutex<Option<String>>,
    set_cookies: Mutex<Vec<SetCookie>>,
}

impl Caller {
    /// The caller of a request with these headers, which came at that moment.
    pub fn new(services: Services, headers: &HeaderMap, session: Session, arrival: Arrival) -> Self {
        let cookie = |name| cookies::read(headers, name).map(str::to_owned);
        let remember_cookie = cookie(CookieName::Remember);
        Self(Arc::new(Request {
            restored: OnceCell::new_with(remember_cookie.is_none().then_some(())),
            remember_cookie,
            kept_call_cookie: cookie(CookieName::KeptCall),
            services,
            session: Mutex::new(session),
            arrival,
            user_agent: headers
                .get(USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            known_user: Mutex::default(),
            set_cookies: Mutex::default(),
        }))
    }

    /// What the server works with.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The session of this request: that of tower-sessions, without one for who is not logged in.
    pub fn session(&self) -> Session {
        self.0.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on with a session that was renewed, and tells the browser its token.
    pub fn go_on_with(&self, session: Session) {
        if let Some(id) = session.id() {
            self.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
        }
        *self.0.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    /// When the request came.
    pub fn arrival(&self) -> Arrival {
        self.0.arrival
    }

    /// What a login with this request comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            device: device::in_words(self.0.user_agent.as_deref()),
            address: self
                .0
                .arrival
                .address
                .map(|address| address.to_string())
                .unwrap_or_default(),
        }
    }

    /// The value of the cookie that remembers this browser.
    pub fn remember_cookie(&self) -> Option<&str> {
        self.0.remember_cookie.as_deref()
    }

    /// The value of the cookie of the kept call.
    pub fn kept_call_cookie(&self) -> Option<&str> {
        self.0.kept_call_cookie.as_deref()
    }

    /// Who is logged in. A remembered browser is logged in again here, once per request.
    ///
    /// # Errors
    /// A fault where it cannot be told. It is then asked anew the next time.
    pub async fn login(&self) -> Result<Option<Login>, Fault> {
        let mut login = sessions::login_of(&self.session()).await?;
        if login.is_none() {
            self.0.restored.get_or_try_init(|| remember::restore(self)).await?;
            login = sessions::login_of(&self.session()).await?;
        }
        if let Some(login) = &login {
            *self.0.known_user.lock().unwrap_or_else(PoisonError::into_inner) = Some(login.user_id.clone());
        }
        Ok(login)
    }

    /// Who was last found to be logged in by this request, if anybody has asked.
    pub fn known_user(&self) -> Option<String> {
        self.0.known_user.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps a remembered browser from being logged in again by this request.
    pub fn stop_restoring(&self) {
        // It is an error where that has happened already: then there is nothing to stop.
        let _ = self.0.restored.set(());
    }

    /// Looks the session up again, after a while in which it may have ended.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn look_again(&self) -> Result<(), Fault> {
        sessions::reload(&self.session()).await
    }

    /// Sets a cookie with the answer. A later change of the same cookie replaces an earlier one.
    pub fn set_cookie(&self, cookie: SetCookie) {
        let mut cookies = self.0.set_cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.retain(|earlier| earlier.name() != cookie.name());
        cookies.push(cookie);
    }

    /// Takes all changes of cookies back: what they stand for did not come about.
    pub fn drop_cookies(&self) {
        self.0
            .set_cookies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The `Set-Cookie` headers of the answer.
    pub fn set_cookie_headers(&self) -> Vec<HeaderValue> {
        let cookies = self.0.set_cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.iter().map(SetCookie::header).collect()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller(…)")
    }
}

//! Authentication of a request: by its session, or else by its remembered browser.

use std::sync::Arc;

use super::{
    caller::{Caller, CallerSession},
    remember,
};
use crate::{
    contract::{Refusal, TimeZone},
    platform,
    server::{
        model::{clock::Timestamp, login::Login, profile::Profile},
        sessions,
        telemetry::error::InternalError,
    },
};

impl Caller {
    /// The login of this request, if any. Logs a remembered browser in again, at most once per request. From then on the
    /// answer is in the language and the time zone that the user has chosen.
    ///
    /// # Errors
    /// Fails if the login cannot be determined. The next call tries again.
    pub async fn login(&self) -> Result<Option<Arc<Login>>, InternalError> {
        let login = self.find_login().await?;
        if let Some(Profile {
            language, time_zone, ..
        }) = login.as_ref().map(|login| &login.profile)
        {
            if let Some(language) = language {
                platform::set_current(*language);
            }
            // It is unknown if an older server reads what a newer one has stored.
            if let Some(zone) = time_zone.as_ref().and_then(|name| name.parse::<TimeZone>().ok()) {
                platform::set_current(zone);
            }
        }
        Ok(login)
    }

    async fn find_login(&self) -> Result<Option<Arc<Login>>, InternalError> {
        if let Some(login) = self.cached_login() {
            return Ok(Some(login));
        }
        let mut login = self.look_up().await?;
        if login.is_none() && !self.0.restored.initialized() {
            // Boxed, because restoring calls this function again.
            Box::pin(self.0.restored.get_or_try_init(|| remember::restore(self))).await?;
            login = self.look_up().await?;
        }
        if login.is_some() {
            self.login_state().last_known.clone_from(&login);
        }
        Ok(login)
    }

    /// The login of the session cookie, if this request or an earlier one has already looked it up.
    fn cached_login(&self) -> Option<Arc<Login>> {
        let mut state = self.login_state();
        if state.cached.is_none()
            && let CallerSession::Sent(Some(id)) = state.session
        {
            state.cached = self.state().sessions().cached_login(&id, state.valid_at);
        }
        state.cached.clone()
    }

    /// Looks the login up in the session that was opened, or else in the session of the cookie.
    async fn look_up(&self) -> Result<Option<Arc<Login>>, InternalError> {
        if let Some(session) = self.open_session() {
            let Some(mut login) = sessions::login_of(&session).await? else {
                return Ok(None);
            };
            // A caller without cookies stands for another user than the one who asked, whose language the answer has.
            if self.sent().is_some() || self.remember_cookie().is_some() {
                let profile = self.state().storage().find_profile(&login.user_id).await?;
                login.profile = profile.unwrap_or_default();
            }
            return Ok(Some(Arc::new(login)));
        }
        let Some(id) = self.sent() else { return Ok(None) };
        let login = self.state().sessions().login(&id, Timestamp::now()).await?;
        let mut state = self.login_state();
        // Not if the session was opened meanwhile.
        if matches!(state.session, CallerSession::Sent(_)) {
            state.cached.clone_from(&login);
        }
        Ok(login)
    }

    /// Checks that no other user has logged in since a page was loaded for `user_id`. Programs, and pages that were
    /// loaded without a login, send none.
    ///
    /// # Errors
    /// [`Refusal::OtherUser`] if another user is logged in now.
    pub async fn require_shown_to(&self, user_id: Option<&str>) -> Result<(), Refusal> {
        let Some(user_id) = user_id.filter(|user_id| !user_id.is_empty()) else {
            return Ok(());
        };
        match self.login().await? {
            Some(login) if login.user_id != user_id => Err(Refusal::OtherUser),
            _ => Ok(()),
        }
    }

    /// The login that this request last saw, or that is cached. Does not query the database.
    pub fn known_login(&self) -> Option<Arc<Login>> {
        let last_known = {
            let state = self.login_state();
            state.cached.as_ref().or(state.last_known.as_ref()).cloned()
        };
        last_known.or_else(|| self.cached_login())
    }
}

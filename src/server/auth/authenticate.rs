//! Who is logged in with a request: by its session, or else by its remembered browser.

use std::sync::Arc;

use super::{
    caller::{Caller, CallerSession},
    remember,
};
use crate::{
    contract::Refusal,
    server::{
        model::{clock::Timestamp, login::Login},
        sessions,
        telemetry::error::InternalError,
    },
};

impl Caller {
    /// Who is logged in. A remembered browser is logged in again here, once per request.
    ///
    /// # Errors
    /// A fault where it cannot be told. It is then asked anew the next time.
    pub async fn login(&self) -> Result<Option<Arc<Login>>, InternalError> {
        if let Some(login) = self.login_if_known() {
            return Ok(Some(login));
        }
        let mut login = self.look_up().await?;
        if login.is_none() && !self.0.restored.initialized() {
            // Boxed: restoring asks for the login again.
            Box::pin(self.0.restored.get_or_try_init(|| remember::restore(self))).await?;
            login = self.look_up().await?;
        }
        if login.is_some() {
            self.login_state().known.clone_from(&login);
        }
        Ok(login)
    }

    /// The login of the session that was sent, where this request or an earlier one has found it.
    fn login_if_known(&self) -> Option<Arc<Login>> {
        let mut state = self.login_state();
        if state.found.is_none()
            && let CallerSession::Sent(Some(id)) = state.session
        {
            state.found = self.state().sessions().login_if_known(&id, state.at);
        }
        state.found.clone()
    }

    /// The login of the session as it is now. One that was sent is looked up once.
    async fn look_up(&self) -> Result<Option<Arc<Login>>, InternalError> {
        if let Some(session) = self.open_session() {
            return Ok(sessions::login_of(&session).await?.map(Arc::new));
        }
        match self.sent() {
            None => Ok(None),
            Some(id) => {
                let login = self.state().sessions().login(&id, Timestamp::now()).await?;
                let mut state = self.login_state();
                if matches!(state.session, CallerSession::Sent(_)) {
                    state.found.clone_from(&login);
                }
                Ok(login)
            }
        }
    }

    /// Lets a call go on that a page makes which was loaded for `user_id`. Programs and pages for nobody name none.
    ///
    /// # Errors
    /// [`Refusal::OtherUser`] where another user is logged in by now; a fault where that cannot be told.
    pub async fn require_shown_to(&self, user_id: Option<&str>) -> Result<(), Refusal> {
        let Some(user_id) = user_id.filter(|user_id| !user_id.is_empty()) else {
            return Ok(());
        };
        match self.login().await? {
            Some(login) if login.user_id != user_id => Err(Refusal::OtherUser),
            _ => Ok(()),
        }
    }

    /// Who was last found to be logged in by this request, or is known to be without asking the database.
    pub fn known_login(&self) -> Option<Arc<Login>> {
        let known = {
            let state = self.login_state();
            state.found.as_ref().or(state.known.as_ref()).cloned()
        };
        known.or_else(|| self.login_if_known())
    }
}

//! Sample callers, used to evaluate guards without a request. Nothing of them is stored.

use std::sync::Arc;

use tower_sessions::{MemoryStore, Session};

use super::caller::{Arrival, Caller};
use crate::server::{
    model::{clock::Timestamp, login::Login},
    sessions,
    state::AppState,
    telemetry::error::InternalError,
};

/// When a sample caller entered the password.
#[derive(Debug, Clone, Copy)]
pub enum PasswordGiven {
    /// Never in this session: it belongs to a remembered browser.
    Never,
    /// Too long ago to be fresh.
    Earlier,
    /// Recently enough to be fresh.
    JustNow,
}

/// A sample caller who is not logged in.
pub fn nobody(state: &AppState) -> Caller {
    with(state, Session::new(None, Arc::new(MemoryStore::default()), None))
}

/// A sample caller who is logged in as `user_id`.
pub async fn logged_in(state: &AppState, user_id: &str, given: PasswordGiven) -> Result<Caller, InternalError> {
    let now = Timestamp::now();
    let fresh = state.settings().sessions.fresh_seconds.duration();
    let login = Login {
        user_id: user_id.to_owned(),
        at: now.0,
        password_at: match given {
            PasswordGiven::Never => None,
            PasswordGiven::Earlier => Some(now.minus(fresh).0),
            PasswordGiven::JustNow => Some(now.0),
        },
        ..Login::default()
    };
    Ok(with(state, sessions::in_memory(&login).await?))
}

fn with(state: &AppState, session: Session) -> Caller {
    let now = Timestamp::now();
    let arrival = Arrival {
        address: None,
        at: now,
        last_response_at: now,
    };
    Caller::in_session(state.clone(), session, arrival)
}

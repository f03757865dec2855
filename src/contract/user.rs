//! What may be told of a user.

use serde::{Deserialize, Serialize};

/// A user as others may see one. It has no secret field at all, so none can leak from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The name that the user logs in with.
    pub user_id: String,
}

/// The reply of `current_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    ok: bool,
    /// Who is logged in.
    pub user: UserView,
}

impl WhoAmI {
    /// The reply that names `user`.
    pub fn new(user: UserView) -> Self {
        Self { ok: true, user }
    }
}

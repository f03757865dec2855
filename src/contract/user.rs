//! What may be told of a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user as others may see one. It has no secret field at all, so none can leak from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserView {
    /// The name that the user logs in with.
    pub user_id: String,
}

/// The reply of `current_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// Who is logged in.
    pub user: UserView,
}

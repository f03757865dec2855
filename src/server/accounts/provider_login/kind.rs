//! The kinds of flows.

use strum::{EnumString, IntoStaticStr};

use crate::contract::audit::Action;

/// What a flow is for, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Kind {
    Login,
    Link,
    Confirm,
    Welcome,
}

impl Kind {
    /// The action that the audit log records if the flow fails.
    pub(super) fn action(self) -> Action {
        match self {
            Self::Login => Action::Login,
            Self::Confirm => Action::LoginConfirmed,
            Self::Link | Self::Welcome => Action::IdentityLinked,
        }
    }
}

//! A line of the call log.

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use tower_sessions::Session;

use super::{clock::Timestamp, login::Login};
use crate::server::telemetry::request_id::RequestId;

/// A call for the call log, or several that are alike.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// When the first of them was called.
    pub at: Timestamp,
    /// The function.
    pub function: &'static str,
    /// Who called.
    pub who: Who,
    /// `ok`, the code of the refusal, or `broken_off`.
    pub outcome: &'static str,
    /// How many calls this stands for.
    pub calls: i64,
    /// How long the longest took, in microseconds.
    pub took_us: i64,
    /// Where the first came from.
    pub address: Option<IpAddr>,
    /// The reference of the first request.
    pub request_id: Option<RequestId>,
    /// The session of the caller, where the call came to its end without anybody asking whose it is. It is looked up when
    /// this is written, so that the call does not wait for it.
    pub session: Option<Session>,
}

/// Who called: whose login it was, if anybody was logged in.
#[derive(Debug, Clone, Default)]
pub struct Who(pub Option<Arc<Login>>);

impl Who {
    /// The name of the user. Empty where nobody was logged in.
    pub fn user_id(&self) -> &str {
        self.0.as_ref().map_or("", |login| &login.user_id)
    }
}

impl PartialEq for Who {
    fn eq(&self, other: &Self) -> bool {
        self.user_id() == other.user_id()
    }
}

impl Eq for Who {}

impl Hash for Who {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.user_id().hash(state);
    }
}

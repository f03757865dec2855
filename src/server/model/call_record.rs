//! An entry of the call log.

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use tower_sessions::Session;

use super::{clock::Timestamp, login::Login};
use crate::server::telemetry::request_id::RequestId;

/// A call, or an aggregate of calls with the same function, user and outcome.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// When the first call arrived.
    pub at: Timestamp,
    pub function: &'static str,
    pub who: Who,
    /// `ok`, the code of the refusal, or `broken_off` if the client disconnected.
    pub outcome: &'static str,
    /// The number of calls in this record.
    pub calls: i64,
    /// The duration of the longest call, in microseconds.
    pub took_us: i64,
    /// The client IP of the first call.
    pub address: Option<IpAddr>,
    /// The request id of the first call.
    pub request_id: Option<RequestId>,
    /// The session of the caller, if the call ended before its user was looked up. The lookup happens when the record
    /// is written, so that the call does not wait for it.
    pub session: Option<Session>,
}

/// The login of the caller, if any. Equality compares only the user, because calls of one user can be aggregated.
#[derive(Debug, Clone, Default)]
pub struct Who(pub Option<Arc<Login>>);

impl Who {
    /// The name of the user. Empty if nobody was logged in.
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

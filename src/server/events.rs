//! What the log says about security: logins, sessions, passwords, and requests that were turned away.
//!
//! The names of the events are those of the OWASP Logging Vocabulary. Each line stands in the span of its request, which
//! says when, from which address and with which reference. Names of users come from the database and never from what was
//! typed: a name that nobody has may be a password in the wrong field.

use super::door::request_id::start_of;

/// How somebody got in.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// With the password.
    Password,
    /// With a remembered browser.
    Remembered,
}

/// Why a login failed. The caller is never told.
#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// There is no such user.
    UnknownUser,
    /// The password is wrong.
    WrongPassword,
    /// The password is right, but the user may not log in.
    Disabled,
    /// The user was changed while the password was verified.
    Overtaken,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// Its user logged out.
    Logout,
    /// Its user ended it from another session.
    Revoked,
}

/// Somebody logged in.
pub fn logged_in(user: &str, way: Way) {
    let way = match way {
        Way::Password => "password",
        Way::Remembered => "remembered",
    };
    tracing::info!(target: "callgate::security", event = "authn_login_success", user, way, "logged in");
}

/// A login, or its confirmation, failed. `user` is the user whom the name belongs to, if there is one.
pub fn login_failed(user: Option<&str>, failure: Failure) {
    let reason = match failure {
        Failure::UnknownUser => "unknown_user",
        Failure::WrongPassword => "wrong_password",
        Failure::Disabled => "disabled",
        Failure::Overtaken => "overtaken",
    };
    tracing::warn!(target: "callgate::security", event = "authn_login_fail", user, reason, "a login failed");
}

/// So many logins failed that the next ones have to wait, in seconds: those to the account, and those from the address. Told
/// when the limit is reached; those that are refused from then on are no news.
pub fn throttled(account_wait: u32, address_wait: u32) {
    tracing::warn!(
        target: "callgate::security",
        event = "excess_rate_limit_exceeded",
        account_wait,
        address_wait,
        "too many logins failed; the next ones wait"
    );
}

/// A login was confirmed with the password.
pub fn login_confirmed(user: &str) {
    tracing::info!(target: "callgate::security", event = "session_renewed", user, "confirmed the login");
}

/// So many sessions of a user were ended.
pub fn sessions_ended(user: &str, end: End, count: usize) {
    let reason = match end {
        End::Logout => "logout",
        End::Revoked => "revoked",
    };
    tracing::info!(target: "callgate::security", event = "session_expired", user, reason, count, "ended sessions");
}

/// A user has a new password, and all other sessions are over.
pub fn password_changed(user: &str) {
    tracing::info!(target: "callgate::security", event = "authn_password_change", user, "changed the password");
}

/// A remember token came a second time: it was stolen from or by whoever sent it.
pub fn token_reused(user: &str) {
    tracing::warn!(
        target: "callgate::security",
        event = "authn_token_reuse",
        user,
        "a remember token was used twice; its series and sessions are revoked"
    );
}

/// A guard turned a user away, for the reason that `code` names.
pub fn turned_away(user: &str, guard: &str, code: &str) {
    tracing::info!(target: "callgate::security", event = "authz_fail", user, guard, code, "a guard said no");
}

/// A page of another site made a browser send a request. `origin` is what the browser says, whatever that is.
pub fn other_site(origin: Option<&str>) {
    tracing::warn!(
        target: "callgate::security",
        event = "malicious_csrf",
        origin = origin.map(start_of),
        "refused a request from another site"
    );
}

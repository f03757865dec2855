//! What the log and the audit trail say about security: logins, sessions, passwords, and requests that were turned away.
//! (What changes users and roles is stored with its event at once; see [`audit`](crate::server::audit).)
//!
//! The names of the events are those of the OWASP Logging Vocabulary where it has one. Each line tells of its
//! request, from which address and with which reference. Names of users come from the database and never from what was typed:
//! a name that nobody has may be a password in the wrong field.

use strum::IntoStaticStr;

use super::caller::Caller;
use crate::{
    contract::audit::Action,
    server::{
        model::event::{Event, OPERATOR},
        telemetry::request::truncate,
        throttle::Wait,
    },
};

/// How somebody got in.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Way {
    /// With the password.
    Password,
    /// With a remembered browser.
    Remembered,
    /// With a remembered browser that had come before, and whose answer got lost.
    RememberedAgain,
}

impl Way {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What somebody gives a password for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trying {
    /// A login.
    Login,
    /// The confirmation of a login, by whoever has its session.
    Confirmation,
}

/// Why a login failed. The caller is never told.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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

impl Failure {
    fn name(self) -> &'static str {
        self.into()
    }
}

fn note(caller: &Caller, event: Event) {
    caller.state().audit().record(event);
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
pub fn logged_in(caller: &Caller, user: &str, way: Way) {
    let way = way.name();
    tracing::info!(target: "callgate::security", event = "authn_login_success", user, way, "logged in");
    note(caller, Event::by(user, Action::Login).to(user).about(way));
}

/// A remembered browser was logged in once more, because the answer to the first time got lost. Its event is stored with that.
pub fn remembered_again(user: &str) {
    let way = Way::RememberedAgain.name();
    tracing::info!(target: "callgate::security", event = "authn_login_success", user, way, "logged in");
}

/// A login, or its confirmation, failed. `user` is the user whom the name belongs to, if there is one.
pub fn login_failed(caller: &Caller, trying: Trying, user: Option<&str>, failure: Failure) {
    let reason = failure.name();
    let user = user.unwrap_or_default();
    let (actor, action) = match trying {
        Trying::Login => ("", Action::Login),
        Trying::Confirmation => (user, Action::LoginConfirmed),
    };
    tracing::warn!(
        target: "callgate::security",
        event = "authn_login_fail",
        user = (!user.is_empty()).then_some(user),
        action = action.name(),
        reason,
        "a login failed"
    );
    note(caller, Event::by(actor, action).to(user).about(reason).refused());
}

/// So many logins failed that the next ones have to wait: those to the account, and those from the address. `user` is the
/// user whom the account belongs to, if there is one. Told when the limit is reached; those that are refused from then on
/// are no news.
pub fn throttled(caller: &Caller, user: Option<&str>, wait: Wait) {
    let (account_wait, address_wait) = (wait.account_seconds(), wait.address_seconds());
    tracing::warn!(
        target: "callgate::security",
        event = "excess_rate_limit_exceeded",
        user,
        account_wait,
        address_wait,
        "too many logins failed; the next ones wait"
    );
    let about = match (account_wait, address_wait) {
        (0, _) => "address",
        (_, 0) => "account",
        _ => "account and address",
    };
    let event = Event::by("", Action::Throttled).to(user.unwrap_or_default());
    note(caller, event.about(about).refused());
}

/// A login was confirmed with the password.
pub fn login_confirmed(caller: &Caller, user: &str) {
    tracing::info!(target: "callgate::security", event = "session_renewed", user, "confirmed the login");
    note(caller, Event::by(user, Action::LoginConfirmed).to(user));
}

/// So many sessions of a user were ended.
pub fn sessions_ended(caller: &Caller, user: &str, end: End, count: usize) {
    let (reason, action) = match end {
        End::Logout => ("logout", Action::Logout),
        End::Revoked => ("revoked", Action::SessionsEnded),
    };
    tracing::info!(target: "callgate::security", event = "session_expired", user, reason, count, "ended sessions");
    note(caller, Event::by(user, action).to(user).about(count.to_string()));
}

/// A user has a new password, and all other sessions are over. Its event is stored with the password.
pub fn password_changed(user: &str) {
    tracing::info!(target: "callgate::security", event = "authn_password_change", user, "changed the password");
}

/// A remember token came a second time: it was stolen from or by whoever sent it.
pub fn token_reused(caller: &Caller, user: &str) {
    tracing::warn!(
        target: "callgate::security",
        event = "authn_token_reuse",
        user,
        "a remember token was used twice; its series and sessions are revoked"
    );
    note(caller, Event::by("", Action::TokenReused).to(user).refused());
}

/// A guard turned a user away from something, for the reason that `code` names.
pub fn turned_away(caller: &Caller, user: &str, what: &str, guard: &str, code: &str) {
    tracing::info!(target: "callgate::security", event = "authz_fail", user, what, guard, code, "a guard said no");
    let about = format!("{what}: {guard}");
    note(caller, Event::by(user, Action::Refused).about(about).refused());
}

/// A user, or what a user may do, was changed. Its event is stored with the change. What the operator does at the command
/// line is not logged there: the command says it, and the trail has it.
pub fn changed(event: &Event) {
    if event.actor == OPERATOR {
        return;
    }
    let name = match event.action {
        Action::UserAdded | Action::Registered => "user_created",
        Action::RoleGiven | Action::RoleTaken | Action::RoleChanged | Action::RoleDeleted => {
            "privilege_permissions_changed"
        }
        Action::UserDeleted => "user_deleted",
        Action::SessionsRevoked => "session_expired",
        _ => "user_updated",
    };
    tracing::info!(
        target: "callgate::security",
        event = name,
        actor = event.actor,
        user = event.user,
        action = event.action.name(),
        about = event.about,
        "a user or a role was changed"
    );
}

/// A page of another site made a browser send a request. `origin` is what the browser says, whatever that is; `own` is the
/// origin of this site.
pub fn other_site(origin: Option<&str>, own: &str) {
    tracing::warn!(
        target: "callgate::security",
        event = "malicious_csrf",
        origin = origin.map(truncate),
        site.origin = own,
        "refused a request from another site; if it is this one, set site.origin to the address that visitors use"
    );
}

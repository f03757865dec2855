//! Security events in the log and the audit log: logins, sessions, passwords and refused requests.
//!
//! Event names follow the OWASP Logging Vocabulary where it has one. Each line carries the client IP and the request
//! id. User names come from the database, never from input: an unknown name may be a password that was typed into the
//! wrong field.
//!
//! Some events are stored in the transaction of the change that they describe (see [`audit`](crate::server::audit)).
//! The functions here then only write the log line.

use std::borrow::Cow;

use strum::IntoStaticStr;

use super::caller::Caller;
use crate::{
    contract::{audit::Action, provider},
    server::{
        model::event::{Event, OPERATOR},
        state::AppState,
        telemetry::request::truncate,
        throttle::{Wait, seconds},
    },
};

/// How a user logged in.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    Password,
    /// By a remembered browser.
    Remembered,
    /// By a remembered browser with the previous token, because the response with the current one was lost.
    RememberedAgain,
    /// With an account at the provider with this key.
    Provider(&'a str),
}

impl<'a> Way<'a> {
    pub fn name(self) -> Cow<'a, str> {
        match self {
            Self::Password => "password".into(),
            Self::Remembered => "remembered".into(),
            Self::RememberedAgain => "remembered_again".into(),
            Self::Provider(key) => about_provider(key).into(),
        }
    }
}

/// How events name a provider.
pub fn about_provider(key: &str) -> String {
    format!("provider {key}")
}

/// The purpose of a password check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPurpose {
    Login,
    /// A user who is already logged in makes the login fresh.
    Confirmation,
}

/// Why a login failed. Never shown to the caller.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Failure {
    UnknownUser,
    WrongPassword,
    /// The password is correct, but the user may not log in.
    Disabled,
    /// The user was changed while the password was being verified.
    Overtaken,
}

/// How a user ended a session.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Logout,
    /// From another session.
    Revoked,
}

fn record(caller: &Caller, event: Event) {
    caller.state().audit().record(event);
}

pub fn logged_in(caller: &Caller, user: &str, way: Way<'_>) {
    let way = &*way.name();
    tracing::info!(target: "callgate::security", event = "authn_login_success", user, way, "logged in");
    record(caller, Event::by(user, Action::Login).to(user).about(way));
}

/// Logs a login by [`Way::RememberedAgain`]. Its event is stored in the same transaction as the new token.
pub fn remembered_again(user: &str) {
    let way = &*Way::RememberedAgain.name();
    tracing::info!(target: "callgate::security", event = "authn_login_success", user, way, "logged in");
}

/// A login or its confirmation failed. `user` is the stored name of the user, if there is one.
pub fn login_failed(caller: &Caller, purpose: LoginPurpose, user: Option<&str>, failure: Failure) {
    let reason = failure.into_str();
    let user = user.unwrap_or_default();
    let (actor, action) = match purpose {
        LoginPurpose::Login => ("", Action::Login),
        LoginPurpose::Confirmation => (user, Action::LoginConfirmed),
    };
    tracing::warn!(
        target: "callgate::security",
        event = "authn_login_fail",
        user = (!user.is_empty()).then_some(user),
        action = action.name(),
        reason,
        "login failed"
    );
    record(caller, Event::by(actor, action).to(user).about(reason).refused());
}

/// Failed logins have reached the rate limit of the account or the client IP. `user` is the stored name of the user of
/// the account, if there is one. Recorded when the limit is reached; attempts that are refused afterwards are not
/// recorded.
pub fn throttled(caller: &Caller, user: Option<&str>, wait: Wait) {
    let (account_wait, address_wait) = (seconds(wait.account), seconds(wait.address));
    tracing::warn!(
        target: "callgate::security",
        event = "excess_rate_limit_exceeded",
        user,
        account_wait,
        address_wait,
        "too many failed logins; further attempts must wait"
    );
    let about = match (account_wait, address_wait) {
        (0, _) => "address",
        (_, 0) => "account",
        _ => "account and address",
    };
    let event = Event::by("", Action::Throttled).to(user.unwrap_or_default());
    record(caller, event.about(about).refused());
}

/// `provider` is the key of the provider that confirmed the login, unless the password did.
pub fn login_confirmed(caller: &Caller, user: &str, provider: Option<&str>) {
    tracing::info!(target: "callgate::security", event = "session_renewed", user, provider, "login confirmed");
    let about = provider.map(about_provider).unwrap_or_default();
    record(caller, Event::by(user, Action::LoginConfirmed).to(user).about(about));
}

/// A login at a provider that failed, a confirmation or the linking of an account.
#[derive(Debug)]
pub struct FailedProviderLogin<'a> {
    pub action: Action,
    /// The user, if known.
    pub user: &'a str,
    /// The key of the provider.
    pub provider: &'a str,
    pub failure: provider::Failure,
    /// The check or the rule that failed, or what was being done.
    pub reason: &'a str,
    /// The error of a connection to the provider, for the log only.
    pub cause: Option<&'a str>,
}

/// A login at a provider failed. A person who did not log in there, and an unknown flow, are only logged: the former is
/// no attack, and anybody can cause the latter with any address.
pub fn provider_login_failed(caller: &Caller, failed: &FailedProviderLogin<'_>) {
    use provider::Failure;

    let FailedProviderLogin {
        action,
        user,
        provider,
        failure,
        reason,
        cause,
    } = *failed;
    let name = (!user.is_empty()).then_some(user);
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                target: "callgate::security",
                event = "authn_login_fail",
                user = name,
                action = action.name(),
                provider,
                failure = failure.code(),
                reason,
                cause,
                "login at a provider failed"
            )
        };
    }
    match failure {
        Failure::Refused => log!(error),
        Failure::Cancelled | Failure::Busy => log!(info),
        _ => log!(warn),
    }
    if matches!(failure, Failure::Cancelled | Failure::Busy | Failure::Expired) {
        return;
    }
    // The person is not known to be that user yet.
    let actor = if action == Action::Login { "" } else { user };
    let about = format!("{}: {} ({reason})", about_provider(provider), failure.code());
    record(caller, Event::by(actor, action).to(user).about(about).refused());
}

/// A provider has ended sessions of a user, because the user logged out there.
pub fn sessions_ended_by_provider(state: &AppState, user: &str, provider: &str, count: usize) {
    tracing::info!(
        target: "callgate::security",
        event = "session_expired",
        user,
        reason = "provider",
        provider,
        count,
        "sessions ended"
    );
    let event = Event::by("", Action::SessionsRevoked).to(user);
    state.audit().record(event.about(about_provider(provider)));
}

pub fn sessions_ended(caller: &Caller, user: &str, end: End, count: usize) {
    let (reason, action) = match end {
        End::Logout => ("logout", Action::Logout),
        End::Revoked => ("revoked", Action::SessionsEnded),
    };
    tracing::info!(target: "callgate::security", event = "session_expired", user, reason, count, "sessions ended");
    record(caller, Event::by(user, action).to(user).about(count.to_string()));
}

/// Logs a password change, which has ended all other sessions. Its event is stored with the password.
pub fn password_changed(user: &str) {
    tracing::info!(target: "callgate::security", event = "authn_password_change", user, "password changed");
}

/// A replaced remember token was used again, so somebody has copied the cookie.
pub fn token_reused(caller: &Caller, user: &str) {
    tracing::warn!(
        target: "callgate::security",
        event = "authn_token_reuse",
        user,
        "a remember token was used twice; its series and sessions are revoked"
    );
    record(caller, Event::by("", Action::TokenReused).to(user).refused());
}

/// A guard refused a user access to an operation. `code` is the code of the refusal.
pub fn access_denied(caller: &Caller, user: &str, operation: &str, guard: &str, code: &str) {
    tracing::info!(
        target: "callgate::security",
        event = "authz_fail",
        user,
        what = operation,
        guard,
        code,
        "access denied"
    );
    let about = format!("{operation}: {guard}");
    record(caller, Event::by(user, Action::Refused).about(about).refused());
}

/// Logs a change to a user or a role. Its event is stored with the change. Changes by the operator are not logged: the
/// command prints them, and the audit log has them.
pub fn changed(event: &Event) {
    if event.actor == OPERATOR {
        return;
    }
    let name = match event.action {
        Action::UserAdded | Action::Registered => "user_created",
        Action::RoleGiven | Action::RoleTaken | Action::RoleChanged | Action::RoleDeleted | Action::RolesMapped => {
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
        "user or role changed"
    );
}

/// A cross-site request was refused. `origin` is the untrusted `Origin` header; `own` is the origin of this site.
pub fn other_site(origin: Option<&str>, own: &str) {
    tracing::warn!(
        target: "callgate::security",
        event = "malicious_csrf",
        origin = origin.map(truncate),
        site.origin = own,
        "refused a cross-site request; if its origin is this site, set site.origin to the address that visitors use"
    );
}

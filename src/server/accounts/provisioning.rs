//! Who gets in with an account at a provider, and new users for accounts that nobody has linked.
//!
//! A new user never gets the name of an existing one, and an account is never linked to an existing user because of a name
//! or an e-mail address: providers let people change both.

use serde_json::Value;

use super::{
    linked_account::{self, clean_label},
    registration::random_suffix,
};
use crate::{
    contract::{audit::Action, provider::Failure},
    server::{
        auth::{
            caller::Caller,
            security_log::{self, about_provider},
        },
        config::{self, AllowRule},
        model::{clock::Timestamp, event::Event, user_name},
        oidc::Account,
        storage::{
            new_identity::{LinkOutcome, NewIdentity},
            users::NewUser,
        },
        telemetry::error::InternalError,
    },
};

/// The longest part of a name that comes from a claim. With a hyphen and the random letters, it is a valid name.
const MAX_BASE: usize = 58;
/// The name of a user whose claim has no usable character, before the random letters.
const DEFAULT_BASE: &str = "user";

/// The user whom an account belongs to.
pub struct Owner {
    pub user_id: String,
    /// The id of the linked account.
    pub identity: String,
}

/// Why no user was added.
pub struct Problem {
    pub failure: Failure,
    pub reason: &'static str,
}

/// Whether a claim equals a value, or is a list that contains it. Claims of other types never do.
pub fn matches(claim: &Value, value: &str) -> bool {
    match claim {
        Value::String(text) => text == value,
        Value::Array(list) => list.iter().any(|entry| entry.as_str() == Some(value)),
        _ => false,
    }
}

/// Checks the `allow` rules of a provider, all of which must hold. An error is a reason for the log.
pub fn check_rules(settings: &config::Provider, account: &Account) -> Result<(), &'static str> {
    for rule in &settings.allow {
        match rule {
            AllowRule::Claim { claim, value } => match account.claim(claim) {
                None => return Err("a claim that an allow rule names is absent"),
                Some(found) if !matches(found, value) => return Err("a claim does not have the allowed value"),
                Some(_) => {}
            },
            AllowRule::EmailDomains { email_domains } => {
                let email = verified_email(account).ok_or("the e-mail address is absent or not verified")?;
                // An address with a second @ is invalid, or quoted so that it is easily misread.
                let (_, domain) = email
                    .split_once('@')
                    .filter(|(_, domain)| !domain.contains('@'))
                    .ok_or("the e-mail address is not valid")?;
                if !email_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain)) {
                    return Err("the domain of the e-mail address is not allowed");
                }
            }
        }
    }
    Ok(())
}

/// The e-mail address, if the provider has verified it. Some providers write the boolean as a string.
fn verified_email(account: &Account) -> Option<&str> {
    let is_verified = match account.claim("/email_verified")? {
        Value::Bool(is_verified) => *is_verified,
        Value::String(text) => text == "true",
        _ => false,
    };
    account.text("/email").filter(|_| is_verified)
}

/// What the provider calls the account, as text to display. Never compared, so it need not be verified.
pub fn label(settings: &config::Provider, account: &Account) -> Option<String> {
    Some(clean_label(account.text(settings.label_claim())?)).filter(|label| !label.is_empty())
}

/// The claim that a new user is named after. An e-mail address must be verified.
fn name_claim<'a>(settings: &config::Provider, account: &'a Account) -> Option<&'a str> {
    match settings.name_claim() {
        "/email" => verified_email(account),
        pointer => account.text(pointer),
    }
}

/// What the name of a new user begins with.
fn base_name(claim: Option<&str>) -> String {
    let is_allowed = |letter: &char| user_name::is_allowed(letter.encode_utf8(&mut [0; 4]));
    let name: String = claim
        .unwrap_or_default()
        .chars()
        .filter(is_allowed)
        .take(MAX_BASE)
        .collect();
    if name.is_empty() { DEFAULT_BASE.to_owned() } else { name }
}

/// Adds a user for an account that nobody has linked. If somebody links it meanwhile, returns its owner.
pub async fn add_user(
    caller: &Caller,
    settings: &config::Provider,
    account: &Account,
) -> Result<Result<Owner, Problem>, InternalError> {
    let problem = |failure, reason| Ok(Err(Problem { failure, reason }));
    let storage = caller.state().storage();
    // The link for the first administrator works only while there are no users.
    if !storage.has_users().await? {
        return problem(Failure::NoAccount, "the first administrator must be created first");
    }
    let claim = name_claim(settings, account);
    if settings.exact_names && !claim.is_some_and(user_name::is_allowed) {
        return problem(
            Failure::NoAccount,
            "the claim with the name is absent or not a valid name",
        );
    }
    let roles = default_roles(caller, settings).await?;
    // A suffix is taken once in a few million cases. Three in a row do not happen.
    for _ in 0..3 {
        let user_id = match claim {
            Some(name) if settings.exact_names => name.to_owned(),
            claim => format!("{}-{}", base_name(claim), random_suffix()),
        };
        let id = linked_account::new_id()?;
        match add(caller, settings, account, &user_id, &id, &roles).await? {
            LinkOutcome::Done => return Ok(Ok(Owner { user_id, identity: id })),
            LinkOutcome::NameTaken if settings.exact_names => {
                return problem(Failure::NameTaken, "a user has that name, or one that looks like it");
            }
            LinkOutcome::NameTaken => {}
            // Another first login of the same account was faster, or a default role was deleted just now.
            LinkOutcome::LinkedElsewhere | LinkOutcome::Unchanged | LinkOutcome::Outdated => {
                return match storage.find_identity(settings.issuer(), &account.subject).await? {
                    Some(identity) => Ok(Ok(Owner {
                        user_id: identity.user_id,
                        identity: identity.id,
                    })),
                    None => problem(Failure::Busy, "roles or accounts were changed meanwhile"),
                };
            }
        }
    }
    Err(InternalError::new(
        "adding a user for an account",
        "every suffix tried was taken",
    ))
}

async fn add(
    caller: &Caller,
    settings: &config::Provider,
    account: &Account,
    user_id: &str,
    id: &str,
    roles: &[String],
) -> Result<LinkOutcome, InternalError> {
    let event = |action| Event::by(user_id, action).to(user_id);
    let provider = about_provider(&settings.key);
    let about = match roles {
        [] => provider,
        roles => format!("{provider}: {}", roles.join(", ")),
    };
    let events = [
        event(Action::Registered).about(about),
        event(Action::IdentityLinked).about(linked_account::about(&settings.key, id)),
    ];
    let user = NewUser {
        user_id,
        password_hash: "",
        demo: false,
        roles,
        link: None,
    };
    let new = NewIdentity {
        id,
        issuer: settings.issuer(),
        subject: &account.subject,
        user_id,
        label: &label(settings, account).unwrap_or_default(),
        linked_by: user_id,
    };
    let storage = caller.state().storage();
    let outcome = storage
        .add_user_with_identity(&user, &new, Timestamp::now(), &events)
        .await?;
    if outcome == LinkOutcome::Done {
        events.iter().for_each(security_log::changed);
    }
    Ok(outcome)
}

/// The roles of a new user that exist.
async fn default_roles(caller: &Caller, settings: &config::Provider) -> Result<Vec<String>, InternalError> {
    let stored = caller.state().storage().list_roles().await?;
    let roles = stored.into_iter().map(|role| role.role);
    Ok(roles.filter(|role| settings.default_roles.contains(role)).collect())
}

#[cfg(test)]
mod tests;

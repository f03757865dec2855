//! Accounts at providers that are linked to users: listing, unlinking, and linking by the operator.

use super::{
    actor::Actor,
    linked_account::{about, clean_label, new_id},
    roles::check_outcome,
    session_renewal::Renewal,
};
use crate::{
    contract::{
        Refusal,
        audit::Action,
        identity::{IdentityList, IdentityView},
    },
    message,
    server::{
        auth::{
            guard::{
                AuthenticatedGuard as _,
                kinds::{FreshLogin, LoggedIn},
            },
            remember, security_log,
        },
        model::{
            clock::Timestamp,
            event::{Event, OPERATOR},
            login::Login,
        },
        state::AppState,
        storage::{
            identities::{StoredIdentity, Unlink, UnlinkOutcome},
            new_identity::{LinkOutcome, NewIdentity},
            roles::UpdateOutcome,
        },
    },
};

/// The maximum length of a subject, in bytes (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;

/// The accounts of the caller.
pub async fn my_identities(caller: &LoggedIn) -> Result<IdentityList, Refusal> {
    list_of_user(caller.state(), caller.user_id()).await
}

/// The accounts of a user.
///
/// # Errors
/// [`Refusal::NotFound`] for an unknown user.
pub async fn list_of_user(state: &AppState, user_id: &str) -> Result<IdentityList, Refusal> {
    let storage = state.storage();
    let user = storage.find_user(user_id).await?;
    let has_password = user
        .ok_or_else(|| Refusal::NotFound(message!("user")))?
        .hash()
        .is_some();
    let stored = storage.identities_of(user_id).await?;
    let is_way_in = |identity: &&StoredIdentity| state.provider_settings(&identity.issuer).is_some();
    let ways_in = stored.iter().filter(is_way_in).count() + usize::from(has_password);
    let identities = stored.iter().map(|identity| {
        let others = ways_in - usize::from(is_way_in(&identity));
        view(state, identity, others > 0)
    });
    Ok(IdentityList {
        identities: identities.collect(),
        has_password,
    })
}

fn view(state: &AppState, identity: &StoredIdentity, can_unlink: bool) -> IdentityView {
    let provider = state.provider_settings(&identity.issuer);
    IdentityView {
        id: identity.id.clone(),
        provider: provider.map(|provider| provider.key.clone()),
        provider_name: provider.map_or(&identity.issuer, |provider| &provider.name).clone(),
        subject: identity.subject.clone(),
        label: identity.label.clone(),
        linked_at: Timestamp(identity.linked_at).to_rfc3339(),
        linked_by: identity.linked_by.clone(),
        last_used_at: identity.last_used_at.map(|at| Timestamp(at).to_rfc3339()),
        can_unlink,
    }
}

/// Unlinks an account of the caller, and ends the sessions and remembered browsers that came from it. The session of the
/// caller continues under a new token.
///
/// # Errors
/// [`Refusal::NotFound`] for an account that is not the caller's; [`Refusal::Conflict`] if it is the only way to log in, or
/// no administrator would be left; [`Refusal::NotLoggedIn`] if the session ended meanwhile.
pub async fn unlink(caller: &FreshLogin, id: &str) -> Result<(), Refusal> {
    let (state, user_id) = (caller.state(), caller.user_id());
    let caller = caller.caller();
    let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
    let event = Event::by(user_id, Action::IdentityUnlinked).to(user_id);
    let event = event.about(about(&provider_of(state, user_id, id).await?, id));
    let renewal = if login.identity.as_deref() == Some(id) {
        let detached = Login {
            identity: None,
            provider: None,
            series: None,
            ..Login::clone(&login)
        };
        Some(Renewal::of(caller, detached)?)
    } else {
        None
    };
    let renewed = renewal.as_ref().map(Renewal::to_store);
    let unlink = Unlink {
        user_id,
        id,
        renewed: renewed.as_ref(),
        may_be_last: false,
    };
    check(state.storage().unlink_identity(&unlink, &event).await?)?;
    if let Some(renewal) = renewal {
        renewal.finish(caller, true)?;
        caller.disable_remember();
        remember::remove_cookie(caller);
    }
    security_log::changed(&event);
    Ok(())
}

/// Unlinks an account of another user, even if it is the only way to log in: an administrator can create a one-time link.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] if the user has permissions that the actor lacks;
/// [`Refusal::Conflict`] if no administrator would be left.
pub async fn remove(actor: &Actor<'_>, user_id: &str, id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let state = actor.state;
    let event = actor.event(Action::IdentityUnlinked).to(user_id);
    let event = event.about(about(&provider_of(state, user_id, id).await?, id));
    let unlink = Unlink {
        user_id,
        id,
        renewed: None,
        may_be_last: true,
    };
    check(state.storage().unlink_identity(&unlink, &event).await?)?;
    security_log::changed(&event);
    Ok(())
}

/// The key of the provider of a linked account, or its issuer if it is not configured.
async fn provider_of(state: &AppState, user_id: &str, id: &str) -> Result<String, Refusal> {
    let stored = state.storage().identities_of(user_id).await?;
    let identity = stored.into_iter().find(|identity| identity.id == id);
    let issuer = identity.ok_or_else(no_account)?.issuer;
    let provider = state.provider_settings(&issuer);
    Ok(provider.map_or(issuer, |provider| provider.key.clone()))
}

fn no_account() -> Refusal {
    Refusal::NotFound(message!("account"))
}

fn check(outcome: UnlinkOutcome) -> Result<(), Refusal> {
    match outcome {
        UnlinkOutcome::Done => Ok(()),
        UnlinkOutcome::NotFound => Err(no_account()),
        UnlinkOutcome::LastWayIn => Err(Refusal::Conflict(message!(
            "This is your only way to log in. Choose a password first."
        ))),
        UnlinkOutcome::LastAdmin => check_outcome(UpdateOutcome::LastAdmin).map(drop),
        UnlinkOutcome::SessionEnded => Err(Refusal::NotLoggedIn),
    }
}

/// Links an account to a user, and returns its id. `label` is text to display. Only the command line calls this.
///
/// # Errors
/// [`Refusal::NotFound`] for an unknown user or provider; [`Refusal::InvalidArguments`] for an invalid subject;
/// [`Refusal::Conflict`] if the account is linked already.
pub async fn add(
    actor: &Actor<'_>,
    user_id: &str,
    provider: &str,
    subject: &str,
    label: &str,
) -> Result<String, Refusal> {
    let providers = &actor.state.settings().providers;
    let settings = providers.iter().find(|settings| settings.key == provider);
    let settings = settings.ok_or_else(|| Refusal::NotFound(message!("provider")))?;
    if !(1..=MAX_SUBJECT).contains(&subject.len()) || subject.chars().any(char::is_control) {
        let problem = "must have 1 to 255 bytes, without control characters";
        return Err(Refusal::of_argument("subject", problem));
    }
    let id = new_id()?;
    let new = NewIdentity {
        id: &id,
        issuer: settings.issuer(),
        subject,
        user_id,
        label: &clean_label(label),
        linked_by: actor.user_id().unwrap_or(OPERATOR),
    };
    let event = actor
        .event(Action::IdentityLinked)
        .to(user_id)
        .about(about(provider, &id));
    let storage = actor.state.storage();
    match storage.link_identity(&new, None, Timestamp::now(), &event).await? {
        LinkOutcome::Done => {
            security_log::changed(&event);
            Ok(id)
        }
        LinkOutcome::Unchanged | LinkOutcome::LinkedElsewhere | LinkOutcome::NameTaken => {
            let owner = storage.find_identity(settings.issuer(), subject).await?;
            let owner = owner.map_or_else(|| "another user".to_owned(), |owner| owner.user_id);
            Err(Refusal::Conflict(
                format!("This account is linked to {owner} already.").into(),
            ))
        }
        LinkOutcome::Outdated => Err(Refusal::NotFound(message!("user"))),
    }
}

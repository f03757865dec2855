//! The end of a flow for a login: begins a session of the user whom the account belongs to.

use super::{failed::Failed, flow::Flow};
use crate::{
    contract::provider::Failure,
    server::{
        accounts::{
            login::{self, Proof, ProvedAccount},
            provider_logout,
            provisioning::{self, Owner},
            role_mapping,
        },
        auth::{
            caller::Caller,
            security_log::{self, Way},
        },
        config::{self, Fresh, Provision},
        model::{clock::Timestamp, token::TokenHash},
        oidc::{Account, Provider},
    },
};

pub(super) async fn finish(caller: &Caller, provider: &Provider, account: &Account, flow: &Flow) -> Result<(), Failed> {
    let settings = provider.settings();
    let storage = caller.state().storage();
    let found = storage.find_identity(settings.issuer(), &account.subject).await?;
    let owner = match found {
        Some(identity) => Owner {
            user_id: identity.user_id,
            identity: identity.id,
        },
        None if settings.provision == Provision::Open => provisioning::add_user(caller, settings, account)
            .await?
            .map_err(|problem| Failed::new(problem.failure, problem.reason))?,
        None => return Err(Failed::new(Failure::NoAccount, "the account is not linked")),
    };
    begin_session(caller, settings, account, &owner, flow.remember).await
}

/// Logs the owner of an account in.
pub(super) async fn begin_session(
    caller: &Caller,
    settings: &config::Provider,
    account: &Account,
    owner: &Owner,
    remember: bool,
) -> Result<(), Failed> {
    let state = caller.state();
    let no_account = |reason| Failed::new(Failure::NoAccount, reason);
    let user = state.storage().find_user(&owner.user_id).await?;
    let user = user.filter(|user| user.active && (!user.demo || state.settings().demo));
    let user = user.ok_or_else(|| no_account("the user is disabled"))?;
    role_mapping::apply(state, settings, account, &user.user_id).await?;
    let now = Timestamp::now();
    let sid = sid_hash(settings, account);
    let proof = Proof {
        user: &user,
        remember,
        authenticated_at: authenticated_at(settings, account, now),
        account: Some(ProvedAccount {
            id: &owner.identity,
            provider: settings,
            sid: sid.as_ref(),
        }),
    };
    if !login::begin(caller, &proof, now).await? {
        return Err(no_account("the user was changed or the account was unlinked meanwhile"));
    }
    let label = provisioning::label(settings, account);
    // The login is stored, so an error here does not fail it.
    if let Err(error) = state
        .storage()
        .record_identity_use(&owner.identity, label.as_deref(), now)
        .await
    {
        error.log();
    }
    security_log::logged_in(caller, &user.user_id, Way::Provider(&settings.key));
    Ok(())
}

/// When the person authenticated at the provider, if its claims can make a login fresh.
pub(super) fn authenticated_at(settings: &config::Provider, account: &Account, now: Timestamp) -> Option<Timestamp> {
    if settings.fresh() == Fresh::Never {
        return None;
    }
    let at = account.auth_time.filter(|at| *at <= now.latest_plausible())?;
    Some(at.min(now))
}

/// The hash of the session at the provider, if the provider names it.
pub(super) fn sid_hash(settings: &config::Provider, account: &Account) -> Option<TokenHash> {
    Some(provider_logout::sid_hash(settings.issuer(), account.sid.as_deref()?))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn only_a_plausible_time_of_a_provider_that_confirms_makes_a_login_fresh() {
        let settings = |fresh: &str| -> config::Provider {
            let text = format!("key = \"a\"\nname = \"A\"\nclient_id = \"c\"\nfresh = \"{fresh}\"");
            toml::from_str(&text).unwrap()
        };
        let at = |seconds: i64| {
            let account = Account {
                subject: "s".to_owned(),
                claims: Map::new(),
                auth_time: Some(Timestamp(seconds * 1000)),
                sid: None,
            };
            authenticated_at(&settings("auth_time"), &account, Timestamp(1_000_000))
        };
        assert_eq!(at(900), Some(Timestamp(900_000)));
        assert_eq!(at(1050), Some(Timestamp(1_000_000)), "the clocks differ slightly");
        assert_eq!(at(1061), None);
        let account = Account {
            subject: "s".to_owned(),
            claims: Map::new(),
            auth_time: Some(Timestamp(900_000)),
            sid: None,
        };
        assert_eq!(
            authenticated_at(&settings("never"), &account, Timestamp(1_000_000)),
            None
        );
    }
}

//! The end of a flow that makes a login fresh.

use std::time::Duration;

use super::{
    failed::Failed,
    flow::Flow,
    log_in::{authenticated_at, sid_hash},
};
use crate::{
    contract::{Refusal, provider::Failure},
    server::{
        accounts::{provisioning, session_renewal::Renewal},
        auth::{caller::Caller, security_log},
        model::{clock::Timestamp, login::Login},
        oidc::{Account, Provider},
        storage::identities::Confirmation,
    },
};

/// The tolerated difference between the clocks of the provider and this server.
const SKEW: Duration = Duration::from_mins(1);

/// Makes the login fresh, if the person has authenticated at the provider since the flow began, with an account of the same
/// user. Only a verified `auth_time` proves that: a browser can remove `prompt` from the request.
pub(super) async fn finish(caller: &Caller, provider: &Provider, account: &Account, flow: &Flow) -> Result<(), Failed> {
    let settings = provider.settings();
    let storage = caller.state().storage();
    let (login, _) = flow.own_session(caller).await?;
    let identity = storage.find_identity(settings.issuer(), &account.subject).await?;
    let identity = identity.filter(|identity| identity.user_id == login.user_id);
    let identity = identity.ok_or_else(|| Failed::new(Failure::WrongAccount, "not an account of this user"))?;
    let now = Timestamp::now();
    let authenticated_at = authenticated_at(settings, account, now);
    let authenticated_at = authenticated_at.filter(|at| *at >= flow.began_at.minus(SKEW));
    let authenticated_at = authenticated_at.ok_or_else(|| Failed::new(Failure::NotFresh, "auth_time"))?;

    let user = storage.find_user(&login.user_id).await?.ok_or(Refusal::NotLoggedIn)?;
    let earlier = login.password_at.filter(|at| *at <= now.0);
    let confirmed = Login {
        password_at: earlier.max(Some(authenticated_at.0)),
        user_changed_at: user.changed_at,
        ..Login::clone(&login)
    };
    let renewal = Renewal::of(caller, confirmed)?;
    let sid = sid_hash(settings, account);
    let confirmation = Confirmation {
        renewed: &renewal.to_store(),
        identity: &identity.id,
        sid: sid.as_ref(),
    };
    let is_renewed = storage.confirm_with_identity(&confirmation).await?;
    renewal.finish(caller, is_renewed)?;
    let label = provisioning::label(settings, account);
    if let Err(error) = storage.record_identity_use(&identity.id, label.as_deref(), now).await {
        error.log();
    }
    security_log::login_confirmed(caller, &login.user_id, Some(&settings.key));
    Ok(())
}

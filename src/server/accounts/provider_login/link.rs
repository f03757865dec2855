//! The end of a flow that links an account to the user who is logged in.

use super::{failed::Failed, flow::Flow};
use crate::{
    contract::{audit::Action, provider::Failure},
    server::{
        accounts::{linked_account, provisioning},
        auth::{caller::Caller, security_log},
        model::{clock::Timestamp, event::Event},
        oidc::{Account, Provider},
        storage::new_identity::{LinkOutcome, NewIdentity},
    },
};

/// Links the account, if this is the browser and the session that the flow was started with. Linking an account that is
/// linked to the same user already changes nothing.
pub(super) async fn finish(caller: &Caller, provider: &Provider, account: &Account, flow: &Flow) -> Result<(), Failed> {
    let settings = provider.settings();
    let (login, session) = flow.own_session(caller).await?;
    let id = linked_account::new_id()?;
    let new = NewIdentity {
        id: &id,
        issuer: settings.issuer(),
        subject: &account.subject,
        user_id: &login.user_id,
        label: &provisioning::label(settings, account).unwrap_or_default(),
        linked_by: &login.user_id,
    };
    let event = Event::by(&login.user_id, Action::IdentityLinked).to(&login.user_id);
    let event = event.about(linked_account::about(&settings.key, &id));
    let storage = caller.state().storage();
    match storage
        .link_identity(&new, Some(&session), Timestamp::now(), &event)
        .await?
    {
        LinkOutcome::Done => {
            security_log::changed(&event);
            Ok(())
        }
        LinkOutcome::Unchanged => Ok(()),
        LinkOutcome::LinkedElsewhere | LinkOutcome::NameTaken => Err(Failed::new(
            Failure::LinkedElsewhere,
            "the account is linked to another user",
        )),
        LinkOutcome::Outdated => Err(Failed::new(Failure::WrongAccount, "the session has ended")),
    }
}

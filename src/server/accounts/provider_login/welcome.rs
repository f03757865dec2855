//! The end of a flow that uses a one-time link: links the account to the user of the link, and logs that user in.

use super::{failed::Failed, flow::Flow, log_in::begin_session};
use crate::{
    contract::{audit::Action, provider::Failure},
    server::{
        accounts::{
            linked_account,
            provisioning::{self, Owner},
        },
        auth::{
            caller::Caller,
            guard::granted::Permissions,
            security_log::{self, about_provider},
        },
        model::{clock::Timestamp, event::Event},
        oidc::{Account, Provider},
        storage::new_identity::{LinkOutcome, NewIdentity},
    },
};

pub(super) async fn finish(caller: &Caller, provider: &Provider, account: &Account, flow: &Flow) -> Result<(), Failed> {
    let settings = provider.settings();
    let storage = caller.state().storage();
    let outdated = || Failed::new(Failure::Expired, "the one-time link no longer works");
    let (user_id, link) = flow.user_id.as_ref().zip(flow.link.as_ref()).ok_or_else(outdated)?;
    let id = linked_account::new_id()?;
    let new = NewIdentity {
        id: &id,
        issuer: settings.issuer(),
        subject: &account.subject,
        user_id,
        label: &provisioning::label(settings, account).unwrap_or_default(),
        linked_by: user_id,
    };
    let event = |action| Event::by(user_id, action).to(user_id);
    let used = event(Action::LinkUsed).about(about_provider(&settings.key));
    let linked = event(Action::IdentityLinked).about(linked_account::about(&settings.key, &id));
    let outcome = storage
        .use_link_with_identity(link, &new, Timestamp::now(), [&used, &linked], |creator, user| {
            Permissions::by_grants(creator).may_manage(&Permissions::by_grants(user))
        })
        .await?;
    match outcome {
        LinkOutcome::Done | LinkOutcome::Unchanged => {}
        LinkOutcome::LinkedElsewhere | LinkOutcome::NameTaken => {
            let reason = "the account is linked to another user";
            return Err(Failed::new(Failure::LinkedElsewhere, reason));
        }
        LinkOutcome::Outdated => return Err(outdated()),
    }
    security_log::changed(&used);
    // An account that was linked to this user before has another id.
    let identity = storage.find_identity(settings.issuer(), &account.subject).await?;
    let identity = identity.ok_or_else(outdated)?;
    if identity.id == id {
        security_log::changed(&linked);
    }
    let owner = Owner {
        user_id: identity.user_id,
        identity: identity.id,
    };
    begin_session(caller, settings, account, &owner, flow.remember).await
}

//! The page after a logout of somebody who came by a provider. The logout at the provider leads back here, too.
//!
//! It never starts a login by itself, which would undo the logout.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{contract::provider::LogoutLink, parts::visit::Visit, sentence, t};

#[component]
pub fn LoggedOut() -> impl IntoView {
    let visit = Visit::current();
    let link = visit.logout_link();
    view! {
        <Title text=t!("Logged out")/>
        <div class="narrow">
            <h1>{t!("Logged out")}</h1>
            <Suspense>
                {move || Suspend::new(async move {
                    match visit.user().await {
                        Ok(Some(user)) => view! {
                            <p class="you">
                                {sentence!("You are logged in as {user}.", user = view! { <strong>{user.user_id}</strong> })}
                            </p>
                        }
                        .into_any(),
                        Ok(None) => view! { <p class="you">{t!("You are logged out here.")}</p> }.into_any(),
                        Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
                    }
                })}
            </Suspense>
            {link.map(|LogoutLink { provider, url }| view! {
                <p>{t!("You may still be logged in at {provider}.", provider)}</p>
                <p><a class="button quiet" href=url>{t!("Log out at {provider}, too", provider)}</a></p>
            })}
            <p><a href="/login">{t!("Log in again")}</a></p>
        </div>
    }
}

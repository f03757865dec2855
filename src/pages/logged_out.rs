//! The page after a logout of somebody who came by a provider. The logout at the provider leads back here, too.
//!
//! It never starts a login by itself, which would undo the logout.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{contract::provider::LogoutLink, parts::visit::Visit};

#[component]
pub fn LoggedOut() -> impl IntoView {
    let visit = Visit::current();
    let link = visit.logout_link();
    view! {
        <Title text="Logged out"/>
        <div class="narrow">
            <h1>"Logged out"</h1>
            <Suspense>
                {move || Suspend::new(async move {
                    match visit.user().await {
                        Ok(Some(user)) => view! { <p class="you">"You are logged in as " <strong>{user.user_id}</strong> "."</p> }.into_any(),
                        Ok(None) => view! { <p class="you">"You are logged out here."</p> }.into_any(),
                        Err(refusal) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
                    }
                })}
            </Suspense>
            {link.map(|LogoutLink { provider, url }| view! {
                <p>{format!("You may still be logged in at {provider}.")}</p>
                <p><a class="button quiet" href=url>{format!("Log out at {provider}, too")}</a></p>
            })}
            <p><a href="/login">"Log in again"</a></p>
        </div>
    }
}

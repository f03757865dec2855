//! Whom a form was shown to: sent with it, so that it does nothing for another user who has logged in since.

use leptos::prelude::*;

use super::visit::Visit;
use crate::contract::form_data::SHOWN_TO;

/// The input of a form that says it. There is none where nobody is logged in.
#[component]
pub fn ShownTo() -> impl IntoView {
    let visit = Visit::current();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let user = visit.user().await.ok().flatten();
                user.map(|user| view! { <input type="hidden" name=SHOWN_TO value=user.user_id/> })
            })}
        </Suspense>
    }
}

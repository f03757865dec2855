//! The hidden input that names the user a form was rendered for. The server refuses the form if another user has logged in
//! since.

use leptos::prelude::*;

use super::visit::Visit;
use crate::contract::form_data::SHOWN_TO;

/// The hidden input. It is left out if nobody is logged in.
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

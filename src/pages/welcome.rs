//! Where a one-time link leads to: a person chooses a password.
//!
//! The code of the link stands behind its `#`, so the browser keeps it to itself; the program reads it from there, and
//! without script the person pastes the link. The name stands before it: it is only shown, the code says whose password it is.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{contract::user::is_user_id, parts::function_form::FunctionForm};

/// The page.
#[component]
pub fn Welcome() -> impl IntoView {
    let query = use_query_map();
    let user = query.read_untracked().get("user").filter(|user| is_user_id(user));
    let name = user.as_ref().map(|user| format!("&user={user}")).unwrap_or_default();
    let then = format!("/login?done=password{name}&next=/account");
    let whom = user.clone().map(|user| view! { " as " <strong>{user}</strong> });
    view! {
        <Title text="Choose a password"/>
        <div class="narrow">
            <h1>"Choose a password"</h1>
            <p>"Choose the password that you will log in with" {whom} ". Your link works only once."</p>
            <FunctionForm name="choose_password" button="Choose this password" then=then user_id=user/>
        </div>
    }
}

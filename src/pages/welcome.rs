//! Where a one-time link leads to: a person chooses a password.
//!
//! The code of the link stands behind its `#`, so the browser keeps it to itself; the program reads it from there, and
//! without script the person pastes the link.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::parts::function_form::FunctionForm;

/// The page.
#[component]
pub fn Welcome() -> impl IntoView {
    view! {
        <Title text="Choose a password"/>
        <div class="narrow">
            <h1>"Choose a password"</h1>
            <p>"Choose the password that you will log in with. Your link works only once."</p>
            <FunctionForm name="choose_password" button="Choose this password" then="/login?next=/account" reads_reply=true/>
        </div>
    }
}

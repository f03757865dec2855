//! Registering, where the operator allows that.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{contract::redirect_target::OwnPage, parts::function_form::FunctionForm};

/// The page.
#[component]
pub fn Register() -> impl IntoView {
    let query = use_query_map();
    // Who came from a page that wants a login goes on to it after that.
    let next = OwnPage::or_home(query.read_untracked().get_str("next"));
    view! {
        <Title text="Register"/>
        <div class="narrow">
            <h1>"Register"</h1>
            <FunctionForm
                name="register"
                about="The server adds a few random letters to the name you choose. Log in with the full name."
                button="Register"
                then=format!("/login?next={}", next.escaped())
                reads_reply=true
            />
        </div>
    }
}

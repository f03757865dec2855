//! The page for registration, if the operator allows it.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    contract::redirect_target::{NEXT, OwnPage},
    parts::function_form::FunctionForm,
    t,
};

#[component]
pub fn Register() -> impl IntoView {
    let query = use_query_map();
    // The page that asked for a login. The user returns to it after registration and login.
    let next = OwnPage::or_home(query.read_untracked().get_str(NEXT));
    view! {
        <Title text=t!("Register")/>
        <div class="narrow">
            <h1>{t!("Register")}</h1>
            <FunctionForm
                name="register"
                intro=t!("The server adds a few random letters to the name you choose. Log in with the full name.")
                button=t!("Register")
                then=format!("/login?next={}", next.escaped())
                shows_reply=true
            />
        </div>
    }
}

//! Registering, where the operator allows that.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::parts::{function_form::FunctionForm, visit::Visit};

/// The page.
#[component]
pub fn Register() -> impl IntoView {
    let is_open = Visit::current().site().registration_open;
    view! {
        <Title text="Register"/>
        <div class="narrow">
            <h1>"Register"</h1>
            {match is_open {
                true => view! {
                    <p>"The server ends your name with a few random letters. You log in with the whole of it."</p>
                    <FunctionForm name="register" button="Register" then="/login" reads_reply=true/>
                }
                .into_any(),
                false => view! { <p>"Registration is closed here. An administrator can invite you."</p> }.into_any(),
            }}
        </div>
    }
}

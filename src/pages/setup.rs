//! The page that creates the first administrator, with the one-time link that the server prints at its first start.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{parts::function_form::FunctionForm, t};

#[component]
pub fn Setup() -> impl IntoView {
    view! {
        <Title text=t!("First administrator")/>
        <div class="narrow">
            <h1>{t!("First administrator")}</h1>
            <FunctionForm
                name="create_first_admin"
                intro=t!("The server printed a link when it started without any users. The link works once, within an hour. \
                    Restart the server to get a new one.")
                button=t!("Create administrator")
                then="/login?next=/users"
            />
        </div>
    }
}

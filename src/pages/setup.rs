//! The first start: whoever has the link that the server printed becomes the first administrator.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::parts::function_form::FunctionForm;

/// The page.
#[component]
pub fn Setup() -> impl IntoView {
    view! {
        <Title text="First administrator"/>
        <div class="narrow">
            <h1>"First administrator"</h1>
            <FunctionForm
                name="create_first_admin"
                about="The server printed a link when it started without any users. The link works once, within an hour. \
                    Restart the server to get a new one."
                button="Create the administrator"
                then="/login?next=/users"
            />
        </div>
    }
}

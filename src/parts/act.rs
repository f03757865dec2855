//! A button that calls a function, and then shows this page again. It works without script.

use leptos::prelude::*;

use super::shown_to::ShownTo;
use crate::contract::form_data::THEN;

/// The form with its button. What goes wrong is shown on the page of the function.
#[component]
pub fn Act(
    /// The function.
    function: &'static str,
    /// The arguments.
    #[prop(into)]
    arguments: Vec<(&'static str, String)>,
    /// The page to show then; that of the function, where there is a reply to be read.
    #[prop(optional, into)]
    then: String,
    /// What the button says.
    what: &'static str,
    /// What it is about, for those who do not see where it stands.
    #[prop(optional, into)]
    about: String,
    /// The id of what tells more of that.
    #[prop(optional, into)]
    described_by: Option<String>,
) -> impl IntoView {
    let inputs = arguments
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <form method="post" action=format!("/functions/{function}")>
            <ShownTo/>
            {inputs}
            {(!then.is_empty()).then(|| view! { <input type="hidden" name=THEN value=then/> })}
            <button class="plain" type="submit" aria-describedby=described_by>
                {what}
                {(!about.is_empty()).then(|| view! { <span class="unseen">{format!(": {about}")}</span> })}
            </button>
        </form>
    }
}

//! A button that calls a function and then shows a page. It works without script.

use leptos::prelude::*;

use super::visit::Visit;
use crate::contract::form_data::{SHOWN_TO, THEN};

/// A form with hidden arguments and one button. A refusal is shown on the page of the function.
///
/// `then` is usually [`Done::on`](super::notice::Done::on) a page, which then says what was done.
#[component]
pub fn ActionButton(
    function: &'static str,
    #[prop(into)] arguments: Vec<(&'static str, String)>,
    /// The page to show after the call.
    #[prop(into)]
    then: String,
    #[prop(into)] label: String,
    /// What the action applies to. Only screen readers read it, after the label.
    #[prop(optional, into)]
    subject: String,
    /// The id of an element that describes the subject further.
    #[prop(optional, into)]
    described_by: Option<String>,
    /// Whether the action takes something away.
    #[prop(optional)]
    is_bad: bool,
) -> impl IntoView {
    let inputs = arguments
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <form method="post" action=format!("/functions/{function}")>
            <ShownTo/>
            {inputs}
            <input type="hidden" name=THEN value=then/>
            <button class=if is_bad { "plain bad" } else { "plain" } type="submit" aria-describedby=described_by>
                {label}
                {(!subject.is_empty()).then(|| view! { <span class="unseen">{format!(": {subject}")}</span> })}
            </button>
        </form>
    }
}

/// The hidden input that names the user a form was rendered for. The server refuses the form if another user has logged in
/// since. It is left out if nobody is logged in.
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

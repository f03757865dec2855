//! A pending call, stored until the user has logged in. It runs only when the user presses its button, also without script.

use leptos::prelude::*;

use crate::{
    contract::form_data::{SHOWN_TO, WAITING},
    t,
};

#[component]
pub fn Waiting(
    page: String,
    id: String,
    /// The body to call the function with. `None` if the user has to enter a secret again.
    body: Option<String>,
    /// The user this page is rendered for, or empty.
    shown_to: String,
) -> impl IntoView {
    let action = format!("{page}/kept");
    view! {
        <section class="kept" aria-labelledby="kept">
            <h2 id="kept">{t!("Your call is waiting")}</h2>
            {match body {
                Some(body) => view! {
                    <p>{t!("You needed to log in first, so this call has not run yet. Check its arguments, then run it.")}</p>
                    <pre translate="no" tabindex="0" role="group" aria-label=t!("Arguments of the waiting call")><code>{body}</code></pre>
                    <form class="buttons" method="post" action=action>
                        <input type="hidden" name=SHOWN_TO value=shown_to/>
                        <input type="hidden" name=WAITING value=id/>
                        <button class="button" type="submit" name="run" value="run">{t!("Run this call")}</button>
                        <button class="plain" type="submit" name="drop" value="drop">{t!("Discard")}</button>
                    </form>
                }
                .into_any(),
                None => view! {
                    <p>
                        {t!(
                            "You needed to log in first, so this call has not run yet. What you entered is below, except for \
                             passwords and other secrets, which are never stored. Enter them again, then press Call."
                        )}
                    </p>
                }
                .into_any(),
            }}
        </section>
    }
}

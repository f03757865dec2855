//! A call that was kept until its person had logged in: what will run, and the button that runs it.

use leptos::prelude::*;

use crate::contract::form_data::{SHOWN_TO, WAITING};

/// The call that waits for this page's function. It works without script: nothing runs but by its button.
#[component]
pub fn Waiting(
    /// The page of the function.
    page: String,
    /// What the call is called by.
    id: String,
    /// The body that it will be called with. `None` where a secret must be typed anew.
    body: Option<String>,
    /// Whom it is shown to, if anybody is logged in.
    shown_to: String,
) -> impl IntoView {
    let action = format!("{page}/kept");
    view! {
        <section class="kept" aria-labelledby="kept">
            <h2 id="kept">"Your call is waiting"</h2>
            {match body {
                Some(body) => view! {
                    <p>"You needed to log in first, so this call was kept. It has not run yet. This is what will run:"</p>
                    <pre tabindex="0" role="group" aria-label="The arguments of the waiting call"><code>{body}</code></pre>
                    <form class="buttons" method="post" action=action>
                        <input type="hidden" name=SHOWN_TO value=shown_to/>
                        <input type="hidden" name=WAITING value=id/>
                        <button class="button" type="submit" name="run" value="run">"Run this call"</button>
                        <button class="plain" type="submit" name="drop" value="drop">"Discard"</button>
                    </form>
                }
                .into_any(),
                None => view! {
                    <p>
                        "You needed to log in first. What you typed is below, except for anything secret, which is never \
                         kept. Enter that again, then press Call."
                    </p>
                }
                .into_any(),
            }}
        </section>
    }
}

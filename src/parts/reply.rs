//! What came of a call.

use leptos::prelude::*;

use crate::contract::{Refusal, pending_call::Outcome};

/// Status, time and reply of the last call. Always there, so that a screen reader hears a reply when it comes.
#[component]
pub fn Reply(
    /// The last call, if there was one.
    #[prop(into)]
    outcome: Signal<Option<Outcome>>,
    /// Whether a call is under way.
    #[prop(into)]
    is_calling: Signal<bool>,
    /// The page that this is on, for a call that may have to load it anew.
    #[prop(optional)]
    page: String,
) -> impl IntoView {
    let status = move || {
        outcome.get().map(|outcome| {
            let class = if outcome.is_ok() { "status good" } else { "status bad" };
            let is_outdated = outcome.refusal() == Some(Refusal::OtherUser);
            let page = page.clone();
            view! {
                <p class=class>
                    <strong>{outcome.status_line()}</strong>
                    <span class="quiet">{format!(" in {} ms", outcome.took_ms)}</span>
                </p>
                {link_in(&outcome.body).map(|link| view! {
                    <p>"Send this link to the person. It is shown only once:"</p>
                    <pre tabindex="0" role="group" aria-label="The link"><code>{link}</code></pre>
                })}
                {is_outdated.then(|| view! {
                    <p>{Refusal::OtherUser.message()}</p>
                    <p><a class="button" href=page>"Reload the page"</a></p>
                })}
                <pre tabindex="0" role="group" aria-label="The reply as JSON"><code>{outcome.body}</code></pre>
            }
        })
    };
    view! {
        <section class="reply" aria-labelledby="reply">
            <h2 id="reply">"Reply"</h2>
            <div role="status" aria-busy=move || is_calling.get().to_string()>
                {status}
                {move || outcome.get().is_none().then(|| view! { <p class="quiet">"No call yet."</p> })}
            </div>
        </section>
    }
}

/// The one-time link in the reply of a function that has made one. Other functions may well call something a link.
fn link_in(body: &str) -> Option<String> {
    let reply: serde_json::Value = serde_json::from_str(body).ok()?;
    let link = reply.get("link")?.as_str()?;
    link.contains("/welcome?").then(|| link.to_owned())
}

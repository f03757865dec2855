//! The result of a call.

use leptos::prelude::*;

use crate::{
    contract::{Refusal, pending_call::Outcome},
    t,
};

/// Status, duration and reply of the last call. Always rendered, so that screen readers announce a reply when it arrives.
#[component]
pub fn Reply(
    #[prop(into)] outcome: Signal<Option<Outcome>>,
    #[prop(into)] is_calling: Signal<bool>,
    /// The page to reload if another user has logged in since it was loaded.
    #[prop(optional)]
    page: String,
) -> impl IntoView {
    let result = move || {
        outcome.get().map(|outcome| {
            let class = if outcome.is_ok() { "status good" } else { "status bad" };
            let is_outdated = outcome.refusal() == Some(Refusal::OtherUser);
            let page = page.clone();
            view! {
                <p class=class>
                    <strong>{outcome.status_line()}</strong>
                    " "
                    <span class="quiet">{t!("in {ms} ms", ms = outcome.took_ms)}</span>
                </p>
                {one_time_link(&outcome.body).map(|link| view! {
                    <p>{t!("Send this link to the person. It is shown only once:")}</p>
                    <pre translate="no" tabindex="0" role="group" aria-label=t!("One-time link")><code>{link}</code></pre>
                })}
                {is_outdated.then(|| view! {
                    <p>{Refusal::OtherUser.message().to_string()}</p>
                    <p><a class="button" href=page>{t!("Reload the page")}</a></p>
                })}
                <pre translate="no" tabindex="0" role="group" aria-label=t!("Reply as JSON")><code>{outcome.body}</code></pre>
            }
        })
    };
    view! {
        <section class="reply" aria-labelledby="reply">
            <h2 id="reply">{t!("Reply")}</h2>
            <div role="status" aria-busy=move || is_calling.get().to_string()>
                {result}
                {move || outcome.get().is_none().then(|| view! { <p class="quiet">{t!("No call yet.")}</p> })}
            </div>
        </section>
    }
}

/// The one-time link in a reply. The path is checked, because other functions may have a `link` of their own.
fn one_time_link(body: &str) -> Option<String> {
    let reply: serde_json::Value = serde_json::from_str(body).ok()?;
    let link = reply.get("link")?.as_str()?;
    link.contains("/welcome?").then(|| link.to_owned())
}

//! The result of a call.

use leptos::prelude::*;
use serde_json::Value;

use super::copy_button::CopyButton;
use crate::{
    contract::{Refusal, json::pretty, pending_call::Outcome},
    sentence, t,
};

/// Status, duration and reply of the last call. Always rendered, so that screen readers announce a reply when it arrives.
#[component]
pub fn Reply(
    #[prop(into)] outcome: Signal<Option<Outcome>>,
    #[prop(into)] is_calling: Signal<bool>,
    /// The page to reload if another user has logged in since it was loaded.
    #[prop(optional)]
    page: String,
    /// The page with the calls of this function in the call log, for users who may read it.
    #[prop(optional, into)]
    log: Signal<Option<String>>,
    /// Whether it is part of an island. If not, it has no button to copy the reply.
    #[prop(default = true)]
    is_live: bool,
) -> impl IntoView {
    let result = move || outcome.get().map(|outcome| result(outcome, page.clone(), log, is_live));
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

fn result(outcome: Outcome, page: String, log: Signal<Option<String>>, is_live: bool) -> AnyView {
    let class = if outcome.is_ok() { "status good" } else { "status bad" };
    let reply: Value = serde_json::from_str(&outcome.body).unwrap_or_default();
    let text = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").filter(|_| !outcome.is_ok());
    let is_outdated = code.as_deref() == Some(Refusal::OtherUser.code());
    // The path is checked, because other functions may have a `link` of their own.
    let link = text("link").filter(|link| link.contains("/welcome?"));
    let size = t!("{n} bytes", n = outcome.body.len());
    let json = pretty(&outcome.body);
    let copied = json.clone();
    view! {
        <p class=class>
            <strong>{outcome.status_line()}</strong>
            " "
            <span class="quiet">{t!("in {ms} ms", ms = outcome.took_ms)}</span>
        </p>
        {code.map(|code| view! { <p class="error">{text("error")}" "<code>{code}</code></p> })}
        {link.map(|link| view! {
            <p>{t!("Send this link to the person. It is shown only once:")}</p>
            <pre tabindex="0" role="group" aria-label=t!("One-time link")><code>{link}</code></pre>
        })}
        {is_outdated.then(|| view! { <p><a class="button" href=page>{t!("Reload the page")}</a></p> })}
        <div class="row">
            <span class="quiet">{size}</span>
            {is_live.then(|| view! { <CopyButton text=Signal::derive(move || copied.clone())/> })}
        </div>
        <pre class="code" tabindex="0" role="group" aria-label=t!("Reply as JSON")><code>{json}</code></pre>
        {outcome.request_id.map(|id| view! {
            <details>
                <summary>{t!("Request")}</summary>
                <p>
                    {sentence!("Reference: {reference}", reference = view! { <code>{id}</code> })}
                    {move || log.get().map(|log| view! { " · " <a href=log>{t!("Call log")}</a> })}
                </p>
            </details>
        })}
    }
    .into_any()
}

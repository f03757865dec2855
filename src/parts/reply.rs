//! The result of a call.

use leptos::prelude::*;
use serde_json::Value;

use super::copyable::Copyable;
use crate::{
    contract::{Refusal, json::pretty, pending_call::Outcome},
    sentence, t,
};

/// Status, duration and reply of the last call. Always rendered, so that screen readers announce a reply when it arrives.
#[component]
pub fn Reply(
    #[prop(into)] outcome: Signal<Option<Outcome>>,
    #[prop(into)] is_calling: Signal<bool>,
    /// The page of the function, to reload if another user has logged in since it was loaded.
    #[prop(optional)]
    page: String,
    /// Whether the user may read the call log.
    #[prop(optional, into)]
    may_read_log: Signal<bool>,
) -> impl IntoView {
    let result = move || outcome.get().map(|outcome| result(outcome, page.clone(), may_read_log));
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

fn result(outcome: Outcome, page: String, may_read_log: Signal<bool>) -> AnyView {
    let class = if outcome.is_ok() { "status good" } else { "status bad" };
    let reply: Value = serde_json::from_str(&outcome.body).unwrap_or_default();
    let text = |name: &str| reply.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").filter(|_| !outcome.is_ok());
    let is_outdated = code.as_deref() == Some(Refusal::OtherUser.code());
    // The path is checked, because other functions may have a `link` of their own.
    let link = text("link").filter(|link| link.contains("/welcome?"));
    let size = t!("{n} bytes", n = outcome.body.len());
    let json = pretty(&outcome.body);
    let log = page.replace("/functions/", "/calls?function=");
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
        <Copyable label=t!("Reply as JSON") remark=size>{json}</Copyable>
        {outcome.request_id.map(|id| view! {
            <details>
                <summary>{t!("Request")}</summary>
                <p>
                    {sentence!("Reference: {reference}", reference = view! { <code>{id}</code> })}
                    {move || may_read_log.get().then(|| view! { " · " <a href=log.clone()>{t!("Call log")}</a> })}
                </p>
            </details>
        })}
    }
    .into_any()
}

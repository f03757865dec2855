//! What parts ask of the browser. None of it happens while the server renders.

use gloo_net::http::Request;
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;

use crate::contract::{Refusal, kept_call::Outcome};

/// Whether the page has been taken over by the program: what needs script is shown only then.
pub fn hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    Effect::new(move |_| set_hydrated.set(true));
    hydrated
}

/// Calls a function with a body as typed, and tells status, reply and time as they came.
pub async fn call(path: &str, body: String) -> Outcome {
    let clock = window().performance();
    let now = || clock.as_ref().map_or(0.0, web_sys::Performance::now);
    let started = now();
    let reply = async {
        let request = Request::post(path)
            .header("Content-Type", "application/json")
            .body(body)?;
        let response = request.send().await?;
        Ok::<_, gloo_net::Error>((response.status(), response.text().await?))
    };
    let (status, body) = reply.await.unwrap_or_else(|_| {
        let refusal = Refusal::Unreachable;
        (refusal.status(), serde_json::to_string(&refusal).unwrap_or_default())
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a duration in milliseconds is small and not negative; `as` saturates"
    )]
    let took_ms = (now() - started).round() as u64;
    Outcome { status, body, took_ms }
}

/// Leaves for another page of this site, and starts afresh there.
pub fn go(path: &str) {
    // It fails only where navigation itself is forbidden, and then there is nowhere to go.
    let _ = window().location().assign(path);
}

/// Puts text on the clipboard and says whether that worked.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    let written = window().navigator().clipboard().write_text(&text);
    spawn_local(async move { done(JsFuture::from(written).await.is_ok()) });
}

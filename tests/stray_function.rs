//! A Leptos server function that was registered past `#[function]` has no guard: the server must not start with it.
//!
//! This stands in a test program of its own, because whatever is registered here is registered for all of it.

use leptos::prelude::*;

#[server(prefix = "/api", endpoint = "stray")]
async fn stray() -> Result<(), ServerFnError> {
    std::future::ready(Ok(())).await
}

#[test]
fn a_registered_path_without_a_declaration_is_refused_by_name() {
    let refusal = callgate::server::registry::check().unwrap_err();
    assert!(refusal.contains("/api/stray"), "{refusal}");
    assert!(!refusal.contains("/api/auth_func"), "{refusal}");
}

//! HTTP: the router, its middleware and its handlers.
//!
//! Functions are called in three ways: as JSON ([`api`]), by HTML forms without JavaScript ([`forms`]), and by pages
//! while they are rendered ([`pages`]). The guard is part of the function, so no handler makes access decisions.
//!
//! Leptos' own handler for server functions is not used: it answers with 500 or a redirect where clients need a
//! specific status, and it accepts any content type.

pub mod api;
pub mod assets;
pub mod audit_export;
pub mod body;
pub mod embedded_assets;
pub mod form_body;
pub mod forms;
pub mod health;
pub mod language;
pub mod middleware;
pub mod pages;
pub mod program_files;
pub mod provider_login;
pub mod provider_logout;
pub mod redirect;
pub mod response;
pub mod theme;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
    routing::{any, get, post},
};
use tower::ServiceBuilder;

use self::{
    embedded_assets::Site,
    middleware::{
        catch_panic, csrf, negotiate_language, request_context, security_headers, session, slow_reader,
        validate_request,
    },
    pages::Pages,
};
use crate::{
    contract::page::CHANGE_PASSWORD,
    server::{state::AppState, telemetry::request},
};

pub fn router(state: &AppState, site: &Site) -> Router {
    request::instrument_leptos_tasks();
    let pages = Pages::new(state.clone(), site.program());
    let routes = public_routes(state, site).merge(with_session(state, session_routes(&pages)));
    with_middleware(state, routes)
}

/// Routes without a session.
fn public_routes(state: &AppState, site: &Site) -> Router {
    assets::routes(state, site)
        .merge(health::routes(state.clone()))
        .merge(provider_logout::routes(state.clone()))
}

/// Routes with a session. Guards are checked by the functions, not by the router.
fn session_routes(pages: &Pages) -> Router {
    Router::new()
        .route("/api/openapi.json", get(api::openapi).fallback(api::only_get))
        .route("/api", any(api::call))
        .route("/api/", any(api::call))
        // The handler compares the raw path, so no other spelling of a name, such as `%6Cogin`, reaches a function.
        .route("/api/{*name}", any(api::call))
        .route("/login", post(forms::login).get(pages::show))
        .route("/confirm", post(forms::confirm).get(pages::show))
        .route("/logout", post(forms::logout))
        .route("/language", post(language::choose))
        .route("/theme", post(theme::choose))
        .route("/logged-out", get(provider_logout::logged_out))
        .route("/login/with/{key}", post(provider_login::log_in))
        .route("/login/with/{key}/callback", any(provider_login::callback))
        .route("/confirm/with/{key}", post(provider_login::confirm))
        .route("/account/link/{key}", post(provider_login::link))
        .route("/welcome/with/{key}", post(provider_login::welcome))
        .route(CHANGE_PASSWORD, get(pages::show_to_fresh_login))
        .route("/functions/{name}", post(forms::call).get(pages::show))
        .route("/functions/{name}/kept", post(forms::resume))
        .route("/audit/events.jsonl", get(audit_export::events))
        .merge(pages.routes())
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .with_state(pages.clone())
}

/// Adds the middleware for all routes, outermost first.
pub fn with_middleware(state: &AppState, routes: Router) -> Router {
    let limit = state.settings().https.body_seconds.duration();
    let drop_stalled = move |response: Response| async move { slow_reader::watch(response, limit) };
    routes.layer(
        ServiceBuilder::new()
            .layer(map_response(drop_stalled))
            .layer(from_fn_with_state(state.clone(), request_context::provide))
            .layer(map_response(security_headers::add))
            .layer(from_fn_with_state(state.clone(), negotiate_language::negotiate))
            .layer(from_fn(validate_request::check))
            .layer(from_fn(catch_panic::catch)),
    )
}

/// Adds the middleware for routes with a session, outermost first.
pub fn with_session(state: &AppState, routes: Router) -> Router {
    routes.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), csrf::check))
            .layer(from_fn_with_state(state.clone(), session::load_and_save))
            // Inside the session middleware, so that a remembered browser gets its new cookies even after a panic.
            .layer(from_fn(catch_panic::catch)),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::config::Settings;

    /// The paths of a router, parsed from its debug output because axum has no API for them.
    fn paths(router: &Router) -> BTreeSet<String> {
        let text = format!("{router:?}");
        let quoted = text.split('"').skip(1).step_by(2);
        quoted
            .filter(|path| path.starts_with('/') && !path.contains("__private"))
            .map(str::to_owned)
            .collect()
    }

    /// `guards::every_route_answers_every_kind_of_caller_as_the_table_says` calls each route in the table.
    #[tokio::test]
    async fn every_route_is_in_the_table_that_is_tested() {
        request::instrument_leptos_tasks();
        let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
        let site = Site::Folder("nowhere".into());
        let pages = Pages::new(state.clone(), site.program());
        let table = include_str!("../../../tests/support/routes.txt");
        let listed: BTreeSet<String> = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .filter(|path| path.starts_with('/'))
            .map(str::to_owned)
            .collect();
        let mut routed = paths(&public_routes(&state, &site));
        routed.append(&mut paths(&session_routes(&pages)));
        assert_eq!(routed, listed);
    }
}

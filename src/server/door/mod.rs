//! The doors: every way from HTTP to a function or a page, in one router.
//!
//! Three doors lead to the functions, and none of them decides anything: JSON ([`json`]), forms without script
//! ([`form`]), and pages that call while they are rendered ([`page`]). Leptos' own HTTP handler for server functions is
//! not used: it answers 500 or a redirect where a client needs a status, and reads bodies of any type.
//!
//! Outermost to innermost: the reference of the request, the parting at the stop, headers of every answer, panics,
//! ambiguous requests, other origins, the session, the door. Health and files stand before the last three.

pub mod export;
pub mod form;
pub mod framing;
pub mod headers;
pub mod health;
pub mod json;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod panic;
pub mod reply;
pub mod request_id;

use std::sync::Arc;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use leptos::config::LeptosOptions;

use self::page::Pages;
use super::{https, reference, services::Services};

/// All doors of the HTTPS listener.
pub fn router(services: &Services, options: LeptosOptions) -> Router {
    reference::follow_leptos();
    let pages = Pages::new(services.clone(), options);
    let proxies = Arc::new(services.settings().proxies.clone());
    open(&pages)
        .fallback_service(guarded(&pages))
        .layer(from_fn(framing::refuse_ambiguous))
        .layer(from_fn(panic::catch))
        .layer(from_fn(headers::add))
        .layer(from_fn_with_state(services.stopping().clone(), https::part))
        .layer(from_fn_with_state(proxies, request_id::follow))
}

/// What is the same for everybody, and knows of no session.
fn open(pages: &Pages) -> Router {
    pages.files().merge(health::routes(pages.services().clone()))
}

/// What knows who calls. A guard is asked inside, not here.
fn guarded(pages: &Pages) -> Router {
    let services = pages.services();
    Router::new()
        .route("/api/openapi.json", get(openapi::show).fallback(openapi::only_get))
        .route("/api", any(json::call))
        .route("/api/", any(json::call))
        .route("/api/{*name}", any(json::call))
        .route("/login", post(form::login).get(page::show))
        .route("/confirm", post(form::confirm).get(page::show))
        .route("/logout", post(form::logout))
        .route("/functions/{name}", post(form::call).get(page::show))
        .route("/functions/{name}/kept", post(form::resume))
        .route("/audit/events.jsonl", get(export::events))
        .merge(pages.routes())
        .fallback(page::not_found)
        .method_not_allowed_fallback(page::method_not_allowed)
        .with_state(pages.clone())
        .layer(from_fn_with_state(services.clone(), super::sessions::carry::carry))
        .layer(from_fn_with_state(services.clone(), origin::refuse_other_sites))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::settings::Settings;

    /// The paths of a router, as its debug output lists them: there is no other way to ask.
    fn paths(router: &Router) -> BTreeSet<String> {
        let text = format!("{router:?}");
        let quoted = text.split('"').skip(1).step_by(2);
        quoted
            .filter(|path| path.starts_with('/') && !path.contains("__private"))
            .map(str::to_owned)
            .collect()
    }

    /// Security check 69: `guards::every_route_answers_every_kind_of_caller_as_the_table_says` calls each of them.
    #[tokio::test]
    async fn every_route_stands_in_the_table_that_is_tested() {
        reference::follow_leptos();
        let services = Services::in_memory(Settings::defaults().unwrap()).await.unwrap();
        let options = LeptosOptions::builder().output_name("callgate").build();
        let pages = Pages::new(services, options);
        let table = include_str!("../../../tests/black_box/routes.txt");
        let listed: BTreeSet<String> = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .filter(|path| path.starts_with('/'))
            .map(str::to_owned)
            .collect();
        let routed: BTreeSet<String> = paths(&open(&pages)).union(&paths(&guarded(&pages))).cloned().collect();
        assert_eq!(routed, listed);
    }
}

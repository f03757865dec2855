//! Pages, rendered by Leptos. A page is complete before the first byte is sent, so it works without JavaScript.
//!
//! `app.rs` has the table of pages. This module has their handlers.

use std::{
    env,
    sync::{Arc, OnceLock},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderValue, Method, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use futures::FutureExt as _;
use leptos::{
    nonce::use_nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::{ResponseOptions, generate_route_list, render_app_async_with_context};

use super::{
    embedded_assets::Program,
    middleware::security_headers::page_policy,
    response::{self, ErrorPage, HTML},
};
use crate::{
    app::{App, shell},
    contract::{
        Language, Refusal, TimeZone,
        page::{CHANGE_PASSWORD, PageFacts, PageStatus, SiteFacts},
        provider::ProviderView,
        redirect_target::OwnPage,
    },
    pages::failure::{self, NextLink},
    server::{
        accounts::demo,
        auth::{
            caller::Caller,
            guard::{Guard as _, kinds::FreshLogin},
        },
        config::{Fresh, Provider},
        listener::dev_certificates::CertificateFiles,
        registry::{self, openapi, pending_calls, responses::responses},
        state::AppState,
        telemetry::{error::InternalError, request::RequestContext},
    },
    t,
};

/// The state of the handlers that render pages.
#[derive(Clone)]
pub struct Pages {
    state: AppState,
    program: Arc<Program>,
    site: Arc<SiteFacts>,
    /// The paths of the table in `app.rs`.
    paths: Arc<[String]>,
    /// English and Korean. Each is created at the first request, because it is large and rarely requested.
    openapi: Arc<[OnceLock<String>; 2]>,
    reload_port: Option<u16>,
}

impl Pages {
    pub fn new(state: AppState, program: Program) -> Self {
        let settings = state.settings();
        let site = SiteFacts {
            password_chars: settings.passwords.min_chars,
            origin: settings.origin(),
            ca_file: settings
                .https
                .certificate
                .is_none()
                // Absolute, because pages show it in a command that users paste in any folder.
                .then(|| {
                    let ca = CertificateFiles::in_folder(&settings.certs()).ca;
                    ca.canonicalize().unwrap_or(ca).display().to_string()
                }),
            registration_open: settings.registration.open,
            demo_users: if settings.demo {
                demo::USERS
                    .map(|(user, password)| (user.to_owned(), password.to_owned()))
                    .to_vec()
            } else {
                Vec::new()
            },
            providers: settings.providers.iter().map(provider_view).collect(),
        };
        Self {
            paths: generate_route_list(App)
                .iter()
                .map(|page| page.path().to_owned())
                .collect(),
            openapi: Arc::default(),
            state,
            program: Arc::new(program),
            site: Arc::new(site),
            reload_port: reload_port(),
        }
    }

    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// A route for each page in the table of `app.rs` that has no handler of its own.
    pub fn routes(&self) -> Router<Self> {
        let has_own_handler = [
            "/login",
            "/logged-out",
            "/confirm",
            CHANGE_PASSWORD,
            "/functions/{name}",
        ];
        self.paths
            .iter()
            .filter(|path| !has_own_handler.contains(&path.as_str()))
            .fold(Router::new(), |router, path| router.route(path, get(show)))
    }

    /// The page at `path` without its trailing slash. The result comes from the table, never from the request: a
    /// redirect for `//evil.example/` would lead to another site.
    fn without_slash(&self, path: &str) -> Option<String> {
        let path = path.strip_suffix('/').filter(|path| !path.is_empty())?;
        let function = || path.strip_prefix("/functions/").and_then(registry::find);
        let known = self.paths.iter().find(|known| *known == path).cloned();
        known.or_else(|| function().map(|function| function.view.page()))
    }

    /// The OpenAPI document in the current language.
    pub fn openapi(&self) -> &str {
        let [english, korean] = &*self.openapi;
        let body_bytes = self.state.settings().limits.body_bytes.get();
        Language::current()
            .pick(english, korean)
            .get_or_init(|| openapi::document(&self.site.origin, body_bytes).to_string())
    }

    pub async fn render(&self, caller: Caller, target: &str, facts: PageFacts, status: u16) -> Response {
        let path = target.split('?').next().unwrap_or_default();
        let refused = if path == "/" {
            let refused = registry::access::refused_functions(&caller);
            match caller.with_deadline("a page", refused).await {
                Ok(refused) => refused,
                Err(refusal) => return response::error_page(&refusal),
            }
        } else {
            None
        };
        let function = path.strip_prefix("/functions/").and_then(registry::find);
        let facts = PageFacts {
            reference: RequestContext::request_id().map(|id| id.as_str().to_owned()),
            now: jiff::Timestamp::from_millisecond(caller.arrival().at.0).unwrap_or_default(),
            responses: function.map(responses),
            refused,
            site: self.site.as_ref().clone(),
            ..facts
        };
        // The whole page is in the language of the user. If the login cannot be looked up, the page says so.
        if let Err(error) = caller.login().await {
            tracing::debug!(error = error.chain(), "the language of the user is unknown");
        }
        let (page_caller, language) = (caller.clone(), Language::current());
        let (theme, zone) = (caller.theme(), TimeZone::current());
        let status = PageStatus::new(status);
        let reload_port = self.reload_port;
        let program = self.program.files.clone();
        let context = {
            let status = status.clone();
            move || {
                provide_context(caller.clone());
                provide_context(language);
                provide_context(theme);
                provide_context(zone.clone());
                provide_context(facts.clone());
                provide_context(status.clone());
                provide_context(program.clone());
                if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
                    && let Ok(policy) = HeaderValue::try_from(page_policy(&nonce, reload_port))
                {
                    response.insert_header(CONTENT_SECURITY_POLICY, policy);
                }
            }
        };
        let request = match Request::get(target).body(Body::empty()) {
            Ok(request) => request,
            Err(error) => {
                return response::error_page(&InternalError::new("rendering a page", error).into());
            }
        };
        let css = self.program.css.clone();
        let rendering = render_app_async_with_context(context, move || shell(&css, reload_port))(request);
        let mut response = match page_caller.with_deadline("a page", rendering.map(Ok)).await {
            Ok(response) => response,
            Err(refusal) => return response::error_page(&refusal),
        };
        *response.status_mut() = StatusCode::from_u16(status.get()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HTML);
        response
    }

    /// Renders the page at `target`, with `Retry-After` if its status is 503.
    pub async fn respond(&self, caller: Caller, target: &str, facts: PageFacts, status: u16) -> Response {
        let mut response = self.render(caller, target, facts, status).await;
        // Pages set only the status. 503 means that a function was refused as busy.
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response::add_headers(&mut response, &Refusal::Busy { retry_after: 1 });
        }
        response
    }
}

fn provider_view(provider: &Provider) -> ProviderView {
    ProviderView {
        key: provider.key.clone(),
        name: provider.name.clone(),
        can_confirm: provider.fresh() == Fresh::AuthTime,
        can_remember: provider.remember,
    }
}

/// The live-reload port, if `cargo leptos watch` started this server.
fn reload_port() -> Option<u16> {
    env::var_os("LEPTOS_WATCH")?;
    env::var("LEPTOS_RELOAD_PORT").ok()?.parse().ok()
}

pub async fn show(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let pending_call = pending_calls::find(&caller).await?;
    let path = request.uri().path();
    let facts = PageFacts {
        // Shown on its own page only. The pages for a login name it.
        pending_call: pending_call
            .filter(|call| ["/login", "/confirm"].contains(&path) || path == call.page().as_str()),
        ..PageFacts::default()
    };
    Ok(pages.respond(caller, target(&request), facts, 200).await)
}

/// Shows a page that needs a fresh login. Redirects to the login first, before the user fills in the form.
pub async fn show_to_fresh_login(
    pages: State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    match FreshLogin::check(&caller).await {
        Err(refusal) if refusal.asks_for_login() => {
            let page = OwnPage::or_home(Some(target(&request)));
            Ok(response::see_other(&response::login_path(&refusal, &page)))
        }
        // The page itself shows any other refusal.
        _ => show(pages, Extension(caller), request).await,
    }
}

/// Redirects a path with a trailing slash to its page. Answers any other unknown path with 404.
pub async fn not_found(State(pages): State<Pages>, request: Request) -> Response {
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    if is_get && let Some(page) = pages.without_slash(path) {
        let query = target(&request).strip_prefix(path).unwrap_or_default();
        return Redirect::permanent(&format!("{page}{query}")).into_response();
    }
    match request.extensions().get::<Caller>().cloned() {
        Some(caller) if is_get => pages.respond(caller, target(&request), PageFacts::default(), 404).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers a GET to a path that only takes forms with a page that explains it, and any other method with an empty 405.
/// The router adds `Allow`.
pub async fn method_not_allowed(request: Request) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return status.into_response();
    }
    let function = request
        .uri()
        .path()
        .strip_suffix("/kept")
        .and_then(|page| registry::find(page.strip_prefix("/functions/")?));
    let link = match function {
        Some(function) => NextLink::new(function.view.page(), t!("Go to the function")),
        None => NextLink::home(),
    };
    let page = failure::form_only_page(link);
    (status, response::scriptless_page_headers(), page).into_response()
}

pub fn target(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", |target| target.as_str())
}

//! Logging out at providers: the page after a logout here, and the logout that a provider announces itself (OpenID
//! Connect Back-Channel Logout 1.0).

use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::json;
use url::Url;

use super::{
    form_body::read_form,
    pages::{self, Pages},
    response::{json_response, see_other, to_provider},
};
use crate::{
    contract::{form_data::Typed, page::PageFacts, provider::LogoutLink},
    server::{
        accounts::provider_logout::{self, LogoutError},
        auth::caller::Caller,
        config::ProviderLogout,
        model::token::Token,
        oidc::Provider,
        state::AppState,
    },
};

/// The maximum length of a logout token, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// The route for providers. It has no session: a provider sends no cookies, and nothing depends on them.
pub fn routes(state: AppState) -> Router {
    Router::new()
        .route("/login/with/{key}/backchannel-logout", post(announced))
        .with_state(state)
}

/// `POST /login/with/<key>/backchannel-logout`: a provider announces that somebody has logged out there (section 2.8 for
/// the responses).
async fn announced(State(state): State<AppState>, Path(key): Path<String>, request: Request) -> Response {
    let result = async {
        state.providers().by_key(&key).ok_or(LogoutError::UnknownProvider)?;
        let form = read_form(request, state.settings()).await;
        let form = form.map_err(|_| LogoutError::Invalid)?;
        let mut tokens = form.all("logout_token").filter(|token| token.len() <= MAX_TOKEN);
        let (Some(token), None) = (tokens.next(), tokens.next()) else {
            return Err(LogoutError::Invalid);
        };
        provider_logout::back_channel(&state, &key, token).await
    };
    let (status, error) = match result.await {
        Ok(()) => return StatusCode::OK.into_response(),
        Err(LogoutError::UnknownProvider) => (StatusCode::NOT_FOUND, "unknown_provider"),
        Err(LogoutError::Invalid) => (StatusCode::BAD_REQUEST, "invalid_request"),
        Err(LogoutError::Unavailable) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
    };
    let mut response = json_response(json!({ "error": error }).to_string());
    *response.status_mut() = status;
    response
}

/// The response to a logout here: leads to the logout at the provider `key` that the session came from, if it is wanted.
pub async fn after_logout(state: &AppState, key: Option<&str>) -> Response {
    let Some(provider) = key.and_then(|key| state.providers().by_key(key)) else {
        return see_other("/");
    };
    let settings = provider.settings();
    match settings.logout {
        ProviderLogout::Never => see_other("/"),
        ProviderLogout::Offer => see_other(&format!("/logged-out?with={}", settings.key)),
        ProviderLogout::Always => match logout_url(state, provider).await {
            Some(url) => to_provider(&settings.name, url.host_str().unwrap_or_default(), url.to_string()),
            None => see_other("/logged-out"),
        },
    }
}

/// The logout at a provider, which leads back to our page. `None` if the provider has none or cannot be reached.
async fn logout_url(state: &AppState, provider: &Provider) -> Option<Url> {
    // The page does the same for every state, so nothing compares it. Some providers want one.
    let value = match Token::random() {
        Ok(token) => token.reveal(),
        Err(error) => {
            error.log();
            return None;
        }
    };
    let back = format!("{}/logged-out", state.settings().origin());
    provider.end_session_url(&back, &value).await
}

/// `GET /logged-out`: the page after a logout, with a link to the logout at the provider that the query names.
pub async fn logged_out(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let query = serde_urlencoded::from_str(query).map(Typed::new).unwrap_or_default();
    let provider = query.get("with").and_then(|key| pages.state().providers().by_key(key));
    let logout_link = match provider {
        Some(provider) if provider.settings().logout != ProviderLogout::Never => {
            logout_url(pages.state(), provider).await.map(|url| LogoutLink {
                provider: provider.settings().name.clone(),
                url: url.to_string(),
            })
        }
        _ => None,
    };
    let facts = PageFacts {
        logout_link,
        ..PageFacts::default()
    };
    pages.respond(caller, pages::target(&request), facts, 200).await
}

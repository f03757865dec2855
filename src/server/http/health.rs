//! Whether the server lives and can serve, for load balancers and supervisors: `/livez` and `/readyz`.
//!
//! Both show nothing that anybody could not find out by calling, so they are open, over plain HTTP as well. They have
//! neither session nor cookie.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::server::{state::AppState, telemetry::error::InternalError};

/// How long the database may take to answer.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// The routes of both.
pub fn routes(state: AppState) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(state)
}

/// The process answers. That needs no database.
async fn live() -> Response {
    told(StatusCode::OK, "ok\n")
}

/// Calls can be served.
async fn ready(State(state): State<AppState>) -> Response {
    match what_is_missing(&state).await {
        None => told(StatusCode::OK, "ready\n"),
        Some(missing) => {
            let mut response = told(StatusCode::SERVICE_UNAVAILABLE, missing);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

async fn what_is_missing(state: &AppState) -> Option<&'static str> {
    if state.shutdown().is_cancelled() {
        return Some("not ready: the server is stopping\n");
    }
    let asked = tokio::time::timeout(DATABASE_TIMEOUT, state.storage().answers()).await;
    let json_response = asked.unwrap_or_else(|late| {
        Err(InternalError::unavailable(
            "asking the database whether it is there",
            late,
        ))
    });
    let fault = json_response.err()?;
    fault.log();
    Some("not ready: the database does not answer\n")
}

fn told(status: StatusCode, text: &'static str) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use crate::server::config::Settings;

    use super::*;

    #[tokio::test]
    async fn a_server_that_stops_is_not_ready_but_lives() {
        let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
        assert_eq!(ready(State(state.clone())).await.status(), StatusCode::OK);
        state.shutdown().cancel();
        let response = ready(State(state)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(live().await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_server_without_its_database_is_not_ready() {
        let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
        state.storage().close().await;
        assert_eq!(ready(State(state)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}

//! Health checks for load balancers and supervisors: `/livez` (liveness) and `/readyz` (readiness).
//!
//! They are public, also over plain HTTP: they reveal nothing that a call would not. They use no session.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::server::{state::AppState, storage::Storage, telemetry::error::InternalError};

const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

pub fn routes(state: AppState) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(state)
}

/// Does not check the database.
async fn live() -> Response {
    text_response(StatusCode::OK, "ok\n")
}

async fn ready(State(state): State<AppState>) -> Response {
    match not_ready_reason(&state).await {
        None => text_response(StatusCode::OK, "ready\n"),
        Some(reason) => {
            let response = text_response(StatusCode::SERVICE_UNAVAILABLE, reason);
            ([(RETRY_AFTER, "5")], response).into_response()
        }
    }
}

async fn not_ready_reason(state: &AppState) -> Option<&'static str> {
    if state.shutdown().is_cancelled() {
        return Some("not ready: the server is stopping\n");
    }
    let check = tokio::time::timeout(DATABASE_TIMEOUT, check_database(state.storage())).await;
    let result = check.unwrap_or_else(|elapsed| Err(InternalError::unavailable("checking the database", elapsed)));
    let error = result.err()?;
    error.log();
    Some("not ready: the database does not answer\n")
}

/// Checks that the database can be read, and that guards can let calls in.
async fn check_database(storage: &Storage) -> Result<(), InternalError> {
    storage.ping().await?;
    storage.changes().await.map(drop)
}

fn text_response(status: StatusCode, text: &'static str) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use crate::server::config::Settings;

    use super::*;

    #[tokio::test]
    async fn a_server_that_is_shutting_down_is_live_but_not_ready() {
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

//! A panic ends one request, and nothing else.
//!
//! It is logged where it happens, with its place, by the hook of [`log`](crate::server::log).

use axum::{extract::Request, middleware::Next, response::Response};

use super::reply::refused_at;
use crate::server::fault::caught;

/// The middleware that turns a panic into an internal failure like any other.
pub async fn catch(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    caught(next.run(request))
        .await
        .unwrap_or_else(|refusal| refused_at(&path, &refusal))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        Router,
        body::Body,
        http::StatusCode,
        middleware::{from_fn, from_fn_with_state},
        routing::{get, post},
    };
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::server::{door::request_id, settings::Settings};

    async fn broken() {
        panic!("a canary that nobody sees");
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_failure_with_the_reference_of_its_request() {
        let proxies = Settings::defaults().unwrap().proxies;
        let router = Router::new()
            .route("/api/broken", post(broken))
            .route("/broken", get(broken))
            .layer(from_fn(catch))
            .layer(from_fn_with_state(Arc::new(proxies), request_id::follow));
        for (method, path) in [("POST", "/api/broken"), ("GET", "/broken")] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let reference = response.headers()["x-request-id"].to_str().unwrap().to_owned();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains(&reference) && !body.contains("canary"), "{body}");
        }
    }
}

//! A panic ends one request, and nothing else.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{extract::Request, middleware::Next, response::Response};
use futures::FutureExt as _;

use super::reply::refused_at;
use crate::{contract::Refusal, server::fault::Fault};

/// The middleware that turns a panic into an internal failure like any other.
pub async fn catch(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // What a panic may have left half done belongs to its request alone; shared state recovers from poisoned locks.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(payload) => {
            let fault = Fault::new("a request panicked", message(&*payload));
            refused_at(&path, &Refusal::from(fault))
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

//! A panic ends one request, and nothing else.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt as _;

use super::{page::Pages, reply::refused};
use crate::{contract::Refusal, server::fault::Fault};

/// The middleware that turns a panic into an internal failure like any other: JSON for calls, a page for people.
pub async fn catch(State(pages): State<Pages>, request: Request, next: Next) -> Response {
    let is_call = request.uri().path().starts_with("/api/");
    // What a panic may have left half done belongs to its request alone; shared state recovers from poisoned locks.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(payload) => {
            let refusal = Refusal::from(Fault::new("a request panicked", message(&*payload)));
            if is_call {
                refused(&refusal)
            } else {
                pages.failed(&refusal)
            }
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

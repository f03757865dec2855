//! A panic ends one request, and nothing else.
//!
//! It is logged where it happens, with its place, by the hook of [`log`](crate::server::log).

use std::future::Future;

use axum::{http::Uri, response::Response};
use futures::TryFutureExt as _;

use super::reply::refused_at;
use crate::server::fault::caught;

/// Does the work for a request to `uri`, and turns a panic in it into an internal failure like any other.
pub fn catch(uri: &Uri, work: impl Future<Output = Response>) -> impl Future<Output = Response> {
    caught(work).unwrap_or_else(|refusal| refused_at(uri.path(), &refusal))
}

//! A panic ends one request, and nothing else.
//!
//! It is logged where it happens, with its place, by the hook of [`log`](crate::server::log).

use std::future::Future;

use axum::response::Response;
use futures::TryFutureExt as _;

use super::reply::{Reader, refused_to};
use crate::server::fault::caught;

/// Does the work for a request, and turns a panic in it into an internal failure like any other.
pub fn catch(reader: Reader, work: impl Future<Output = Response>) -> impl Future<Output = Response> {
    caught(work).unwrap_or_else(move |refusal| refused_to(reader, &refusal))
}

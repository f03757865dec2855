//! `GET /api/openapi.json`: what the functions take and give, for programs.

use axum::{extract::State, response::Response};

use super::{page::Pages, reply::answered};

/// The handler.
pub async fn show(State(pages): State<Pages>) -> Response {
    answered(pages.openapi().to_owned())
}

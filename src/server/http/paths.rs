//! Paths that several handlers use.

pub const PREFIX: &str = "/api";

/// Whether a path belongs to the JSON API: a function, existing or not, or the OpenAPI document.
pub fn is_for_programs(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub const OPENAPI: &str = "/api/openapi.json";

//! Paths that more than one handler knows.

/// What the paths of functions begin with.
pub const PREFIX: &str = "/api";

/// Whether a path is for programs: that of a function, be it one that is not there, or of their description.
pub fn is_for_programs(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where the OpenAPI document is.
pub const OPENAPI: &str = "/api/openapi.json";

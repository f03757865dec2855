//! Functions that need no login but currently refuse every call. Pages show the reason instead of a form.

use super::{one_time_links, registration};
use crate::{
    contract::{Message, function::FunctionView},
    server::{registry, state::AppState, telemetry::error::InternalError},
};

/// All functions as pages show them, with the reason for each function that is closed.
pub async fn views(state: &AppState) -> Vec<FunctionView> {
    let mut views: Vec<FunctionView> = registry::all().map(|function| function.view.clone()).collect();
    for view in &mut views {
        match closed_reason(state, &view.name).await {
            Ok(reason) => view.closed = reason,
            // Only the hint is missing: the page still works, and the function itself still refuses the call.
            Err(error) => _ = error.log(),
        }
    }
    views
}

/// Why the function refuses every call, if it does.
async fn closed_reason(state: &AppState, name: &str) -> Result<Option<Message>, InternalError> {
    match name {
        "create_first_admin" => one_time_links::first_admin_closed_reason(state.storage()).await,
        "register" => registration::closed_reason(state).await,
        _ => Ok(None),
    }
}

//! Functions that are open to anyone and yet refuse everybody for now: pages say so, and do not invite to call them.

use super::{one_time_links, registration};
use crate::{
    contract::function::FunctionView,
    server::{registry, state::AppState, telemetry::error::InternalError},
};

/// All functions, as pages show them at this moment.
pub async fn views(state: &AppState) -> Vec<FunctionView> {
    let mut views: Vec<FunctionView> = registry::all().map(|function| function.view().clone()).collect();
    for view in &mut views {
        match why(state, &view.name).await {
            Ok(why) => view.closed = why.map(str::to_owned),
            // The function itself still refuses, and the others are shown.
            Err(fault) => _ = fault.log(),
        }
    }
    views
}

/// Why the function of that name refuses everybody, if it does.
async fn why(state: &AppState, name: &str) -> Result<Option<&'static str>, InternalError> {
    match name {
        "create_first_admin" => one_time_links::why_no_first_admin(state.storage()).await,
        "register" => registration::why_closed(state).await,
        _ => Ok(None),
    }
}

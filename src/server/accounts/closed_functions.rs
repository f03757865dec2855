//! Functions that are open to anyone and yet refuse everybody for now: pages say so, and do not invite to call them.

use super::{one_time_links, registration};
use crate::{
    contract::function::FunctionView,
    server::{registry, state::Services, telemetry::error::Fault},
};

/// All functions, as pages show them at this moment.
pub async fn views(services: &Services) -> Vec<FunctionView> {
    let mut views: Vec<FunctionView> = registry::all().map(|function| function.view().clone()).collect();
    for view in &mut views {
        match why(services, &view.name).await {
            Ok(why) => view.closed = why.map(str::to_owned),
            // The function itself still refuses, and the others are shown.
            Err(fault) => _ = fault.log(),
        }
    }
    views
}

/// Why the function of that name refuses everybody, if it does.
async fn why(services: &Services, name: &str) -> Result<Option<&'static str>, Fault> {
    match name {
        "create_first_admin" => one_time_links::why_no_first_admin(services.storage()).await,
        "register" => registration::why_closed(services).await,
        _ => Ok(None),
    }
}

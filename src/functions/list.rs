//! The list of functions.

use crate::{
    contract::{Refusal, function::FunctionList},
    function,
};

/// Lists the functions: what each does, who can call it, and which arguments it takes.
#[function]
pub async fn list_functions(caller: Anyone) -> Result<FunctionList, Refusal> {
    Ok(FunctionList {
        functions: crate::server::accounts::closed_functions::views(caller.state()).await,
    })
}

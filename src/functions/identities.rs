//! The caller's own accounts at providers.

use crate::{
    contract::{Answer, Refusal, Text, identity::IdentityList},
    function,
};

/// Lists the accounts at providers that the caller can log in with.
#[function]
pub async fn my_identities(caller: LoggedIn) -> Result<IdentityList, Refusal> {
    crate::server::accounts::identities::my_identities(&caller).await
}

/// Unlinks one of the caller's accounts at providers.
///
/// Sessions and remembered browsers that were logged in with it end. The only way to log in cannot be unlinked.
#[function]
#[refuses(NotFound(message!("account")), Conflict(message!("This is your only way to log in.")))]
pub async fn unlink_identity(
    caller: FreshLogin,
    /// The `id` of the account, from `my_identities`.
    id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    crate::server::accounts::identities::unlink(&caller, &id).await?;
    Ok(Answer::new("account unlinked"))
}

//! User management.

use crate::{
    contract::{
        Answer, RangedInt, Refusal, Text,
        identity::IdentityList,
        user::{LinkReply, UserDetail, UserList, UserOrder, UserState},
    },
    function,
};

/// Lists users, a page at a time.
#[function]
pub async fn list_users(
    caller: AnyOf<Permission<SeeUsers>, Permission<ManageUsers>>,
    /// Part of the name. Case does not matter.
    part: Option<Text<1, 64>>,
    state: Option<UserState>,
    /// Only users with this role.
    #[schemars(extend("x-choices" = "roles"))]
    role: Option<Text<1, 64>>,
    #[serde(default)] order: UserOrder,
    /// The `next` of the previous page.
    after: Option<Text<1, 84>>,
    /// The maximum number of users. The default is 50.
    most: Option<RangedInt<1, 200>>,
) -> Result<UserList, Refusal> {
    use crate::server::{accounts::users, model::paging, storage::user_lists::UserFilter};
    let order = users::order(order, after.as_deref())?;
    let filter = UserFilter {
        part: part.as_deref(),
        state,
        role: role.as_deref(),
        order,
    };
    Ok(users::list(caller.state().storage(), &filter, paging::limit(most)).await?)
}

/// Shows a user: state, roles, sessions, and recent activity.
#[function]
#[refuses(NotFound(message!("user")))]
pub async fn show_user(
    caller: AnyOf<Permission<SeeUsers>, Permission<ManageUsers>>,
    user_id: Text<1, 64>,
) -> Result<UserDetail, Refusal> {
    crate::server::accounts::users::show(caller.state(), &user_id).await
}

/// Adds a user who cannot log in yet.
///
/// Use `invite_user` next, to create a link for choosing a password.
#[function]
#[refuses(Conflict(message!("There is already a user {user_id}.", user_id = "ada")),
    Permission::<ManageRoles>::refusal())]
pub async fn create_user(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
    user_id: Text<1, 64>,
    /// Names of roles. A role cannot have more permissions than you.
    #[serde(default)]
    #[schemars(length(max = 50), extend("x-choices" = "roles"))]
    roles: Vec<Text<1, 64>>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
    users::create(&Actor::user(&caller).await?, &user_id, &roles).await?;
    Ok(Answer::new(format!("user <{user_id}> added")))
}

/// Creates a one-time link for choosing a password, and adds the user if needed.
///
/// The link works once, within 24 hours, and is shown only now. Send it only to that person. Any earlier link of the
/// same user stops working.
#[function]
#[refuses(Conflict(message!("There is already a user {user_id}.", user_id = "ada")),
    Permission::<ManageRoles>::refusal())]
pub async fn invite_user(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
    user_id: Text<1, 64>,
    /// For a new user: names of roles. A role cannot have more permissions than you.
    #[serde(default)]
    #[schemars(length(max = 50), extend("x-choices" = "roles"))]
    roles: Vec<Text<1, 64>>,
) -> Result<LinkReply, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
    users::invite(&Actor::user(&caller).await?, &user_id, &roles).await
}

/// Removes a user's password, unlinks their accounts elsewhere, ends all their sessions, and creates a one-time link for
/// choosing a new password.
///
/// The link works once, within an hour, and is shown only now. Send it only to that person.
#[function]
#[refuses(NotFound(message!("user")), Conflict(message!("ada is disabled.")), Permission::<ManageRoles>::refusal())]
pub async fn require_new_password(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
    /// Keep the linked accounts elsewhere, with which the user can still log in.
    #[serde(default)]
    keep_identities: bool,
) -> Result<LinkReply, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::require_new_password(&Actor::user(&caller).await?, &user_id, keep_identities).await
}

/// Disables a user. The user's very next call is refused.
#[function]
#[refuses(NotFound(message!("user")), Conflict(message!("This is the last administrator.")),
    Permission::<ManageRoles>::refusal())]
pub async fn disable_user(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::set_active(&Actor::user(&caller).await?, &user_id, false).await?;
    Ok(Answer::new(format!(
        "user <{user_id}> disabled; all sessions are ended"
    )))
}

/// Enables a disabled user again.
#[function]
#[refuses(NotFound(message!("user")), Permission::<ManageRoles>::refusal())]
pub async fn enable_user(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::set_active(&Actor::user(&caller).await?, &user_id, true).await?;
    Ok(Answer::new(format!("user <{user_id}> enabled")))
}

/// Deletes a user and everything that belongs to them. Their entries in the audit log stay.
#[function]
#[refuses(NotFound(message!("user")), Conflict(message!("This is the last administrator.")),
    Permission::<ManageRoles>::refusal())]
pub async fn delete_user(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::delete(&Actor::user(&caller).await?, &user_id).await?;
    Ok(Answer::new(format!("user <{user_id}> deleted")))
}

/// Ends a session of another user, and forgets its browser if it was remembered.
#[function]
#[refuses(NotFound(message!("session")), Permission::<ManageRoles>::refusal())]
pub async fn revoke_session(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
    /// The `id` of the session, from `show_user`.
    id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::revoke_session(&Actor::user(&caller).await?, &user_id, &id).await?;
    Ok(Answer::new(format!("session of <{user_id}> ended")))
}

/// Ends all sessions of another user, and forgets all their remembered browsers.
#[function]
#[refuses(NotFound(message!("user")), Permission::<ManageRoles>::refusal())]
pub async fn revoke_sessions(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, users};
    users::revoke_sessions(&Actor::user(&caller).await?, &user_id).await?;
    Ok(Answer::new(format!("all sessions of <{user_id}> ended")))
}

/// Lists the accounts at providers that a user can log in with.
#[function]
#[refuses(NotFound(message!("user")))]
pub async fn list_identities(caller: Permission<ManageUsers>, user_id: Text<1, 64>) -> Result<IdentityList, Refusal> {
    crate::server::accounts::identities::list_of_user(caller.state(), &user_id).await
}

/// Unlinks an account at a provider from another user.
///
/// Sessions and remembered browsers that were logged in with it end.
#[function]
#[refuses(NotFound(message!("account")), Conflict(message!("This is the last administrator.")),
    Permission::<ManageRoles>::refusal())]
pub async fn remove_identity(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
    /// The `id` of the account, from `list_identities`.
    id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, identities};
    identities::remove(&Actor::user(&caller).await?, &user_id, &id).await?;
    Ok(Answer::new(format!("account unlinked from <{user_id}>")))
}

//! Roles, permissions, and who may call what.

use crate::{
    contract::{
        Answer, Refusal, Text,
        role::{AccessByRole, Explanation, RoleList},
    },
    function,
};

/// Lists the roles with their permissions, and all permissions that exist.
#[function]
pub async fn list_roles(
    caller: AnyOf<Permission<SeeUsers>, AnyOf<Permission<ManageUsers>, Permission<ManageRoles>>>,
) -> Result<RoleList, Refusal> {
    Ok(crate::server::accounts::roles::list(caller.state().storage()).await?)
}

/// Creates or changes a role.
#[function]
#[refuses(Conflict(message!("The role admin is built in.")), Permission::<ManageUsers>::refusal())]
pub async fn put_role(
    caller: AllOf<Permission<ManageRoles>, FreshLogin>,
    /// Lowercase letters, digits, dots and hyphens.
    role: Text<1, 64>,
    /// What the role is for.
    #[serde(default)]
    description: Option<Text<0, 200>>,
    /// Names of permissions. You can grant only permissions that you have yourself.
    #[serde(default)]
    #[schemars(length(max = 200), extend("x-choices" = "permissions"))]
    permissions: Vec<Text<1, 64>>,
    /// If true, the call is refused if the role already exists.
    #[serde(default)]
    new: bool,
    /// The `version` from `list_roles`. The call is refused if the role has changed since.
    #[serde(default)]
    version: Option<Text<1, 64>>,
) -> Result<Answer, Refusal> {
    use crate::{
        message,
        server::{
            accounts::{actor::Actor, roles},
            storage::roles::Precondition,
        },
    };
    let precondition = match (new, version.as_deref()) {
        (true, None) => Precondition::Absent,
        (true, Some(_)) => {
            let problem = message!("cannot be given for a new role");
            return Err(Refusal::of_argument("version", problem));
        }
        (false, Some(version)) => Precondition::Version(version),
        (false, None) => Precondition::Anything,
    };
    let permissions: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    let description = description.as_deref().unwrap_or_default();
    let actor = Actor::user(&caller).await?;
    roles::put(&actor, &role, description, &permissions, precondition).await?;
    Ok(Answer::new(format!(
        "role <{role}> holds {} permissions",
        permissions.len()
    )))
}

/// Deletes a role, and takes it from all users who have it.
#[function]
#[refuses(NotFound(message!("role")), Conflict(message!("The role admin is built in.")),
    Permission::<ManageUsers>::refusal())]
pub async fn delete_role(
    caller: AllOf<Permission<ManageRoles>, FreshLogin>,
    #[schemars(extend("x-choices" = "roles"))] role: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, roles};
    roles::delete(&Actor::user(&caller).await?, &role).await?;
    Ok(Answer::new(format!("role <{role}> deleted")))
}

/// Gives a user a role. The role cannot have more permissions than the caller.
#[function]
#[refuses(NotFound(message!("user")), Permission::<ManageRoles>::refusal())]
pub async fn give_role(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
    #[schemars(extend("x-choices" = "roles"))] role: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, roles};
    let given = roles::give(&Actor::user(&caller).await?, &user_id, &role).await?;
    let has = if given { "has" } else { "already has" };
    Ok(Answer::new(format!("user <{user_id}> {has} the role <{role}>")))
}

/// Takes a role from a user. The very next call that needs it is refused.
#[function]
#[refuses(NotFound(message!("user")), Conflict(message!("This is the last administrator.")),
    Permission::<ManageRoles>::refusal())]
pub async fn take_role(
    caller: AllOf<Permission<ManageUsers>, FreshLogin>,
    user_id: Text<1, 64>,
    #[schemars(extend("x-choices" = "roles"))] role: Text<1, 64>,
) -> Result<Answer, Refusal> {
    use crate::server::accounts::{actor::Actor, roles};
    let taken = roles::take(&Actor::user(&caller).await?, &user_id, &role).await?;
    let lacks = if taken { "no longer has" } else { "does not have" };
    Ok(Answer::new(format!("user <{user_id}> {lacks} the role <{role}>")))
}

/// Shows who can call each function: someone not logged in, a user without a role, and each role.
///
/// The answers come from the guards themselves, for sample callers who have just logged in.
#[function]
pub async fn access_table(caller: Permission<SeeUsers>) -> Result<AccessByRole, Refusal> {
    crate::server::registry::access::table(caller.state()).await
}

/// Explains why a user can or cannot call a function.
#[function]
#[refuses(NotFound(message!("user")))]
pub async fn explain_access(
    caller: Permission<SeeUsers>,
    user_id: Text<1, 64>,
    /// The name of the function.
    function: Text<1, 64>,
) -> Result<Explanation, Refusal> {
    crate::server::registry::access::explain(caller.state(), &user_id, &function).await
}

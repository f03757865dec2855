//! Roles, and who may call what.

use crate::{
    contract::{
        Answer, Refusal, Text,
        role::{AccessByRole, Explanation, RoleList},
    },
    function,
};

function! { "list_roles":
    /// Lists the roles with what each may do, and all permissions that there are.
    pub async fn list_roles(
        caller: AnyOf<Permission<SeeUsers>, Permission<ManageRoles>>,
    ) -> Result<RoleList, Refusal> {
        Ok(crate::server::roles::list(caller.caller().services().storage()).await?)
    }
}

function! { "put_role":
    /// Makes a role, or changes it to be like this.
    #[refuses(Conflict("The role admin is built in.".into()), PermissionRequired("users.manage".into()))]
    pub async fn put_role(
        caller: AllOf<Permission<ManageRoles>, FreshLogin>,
        /// Small letters, digits, dots and hyphens.
        role: Text<1, 64>,
        /// What the role is for.
        #[serde(default)]
        description: Option<Text<0, 200>>,
        /// Names of permissions, none that you do not have.
        #[serde(default)]
        #[schemars(length(max = 200))]
        permissions: Vec<Text<1, 64>>,
        /// Whether it has to be a new one: a role that is there already is then refused.
        #[serde(default)]
        new: bool,
        /// The `version` that `list_roles` told: a role that has changed since is left as it is.
        #[serde(default)]
        version: Option<Text<1, 64>>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, roles, storage::roles::Before};
        let before = match (new, version.as_deref()) {
            (true, None) => Before::Nothing,
            (true, Some(_)) => return Err(Refusal::of_argument("version", "has no meaning for a new role")),
            (false, Some(version)) => Before::Version(version),
            (false, None) => Before::Anything,
        };
        let permissions: Vec<String> = permissions.iter().map(ToString::to_string).collect();
        let description = description.as_deref().unwrap_or_default();
        roles::put(&Actor::user(&caller).await?, &role, description, &permissions, before).await?;
        Ok(Answer::new(format!("role <{role}> holds {} permissions", permissions.len())))
    }
}

function! { "delete_role":
    /// Deletes a role, which takes it from all users.
    #[refuses(NotFound("role".into()), Conflict("The role admin is built in.".into()),
        PermissionRequired("users.manage".into()))]
    pub async fn delete_role(
        caller: AllOf<Permission<ManageRoles>, FreshLogin>,
        role: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, roles};
        roles::delete(&Actor::user(&caller).await?, &role).await?;
        Ok(Answer::new(format!("role <{role}> deleted")))
    }
}

function! { "give_role":
    /// Gives a user a role that holds no more than the caller's own.
    #[refuses(NotFound("user".into()), PermissionRequired("roles.manage".into()))]
    pub async fn give_role(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
        role: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, roles};
        Ok(Answer::new(match roles::give(&Actor::user(&caller).await?, &user_id, &role).await? {
            true => format!("user <{user_id}> has the role <{role}>"),
            false => format!("user <{user_id}> has the role <{role}> already"),
        }))
    }
}

function! { "take_role":
    /// Takes a role from a user: the very next call that needs it is refused.
    #[refuses(NotFound("user".into()), Conflict("This is the last administrator.".into()),
        PermissionRequired("roles.manage".into()))]
    pub async fn take_role(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
        role: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, roles};
        Ok(Answer::new(match roles::take(&Actor::user(&caller).await?, &user_id, &role).await? {
            true => format!("user <{user_id}> no longer has the role <{role}>"),
            false => format!("user <{user_id}> does not have the role <{role}>"),
        }))
    }
}

function! { "access_table":
    /// Tells which kind of caller each function lets in: nobody, somebody without a role, and each role.
    ///
    /// The guards themselves are asked, for callers made up for it who have just logged in.
    pub async fn access_table(caller: Permission<SeeUsers>) -> Result<AccessByRole, Refusal> {
        crate::server::access::table(caller.caller().services()).await
    }
}

function! { "explain_access":
    /// Tells why a user can, or cannot, call a function.
    #[refuses(NotFound("user".into()))]
    pub async fn explain_access(
        caller: Permission<SeeUsers>,
        user_id: Text<1, 64>,
        /// The name of the function.
        function: Text<1, 64>,
    ) -> Result<Explanation, Refusal> {
        crate::server::access::explain(caller.caller().services(), &user_id, &function).await
    }
}

//! Managing users.

use crate::{
    contract::{
        Answer, Refusal, Text, Whole,
        user::{LinkReply, UserDetail, UserList, UserOrder, UserState},
    },
    function,
};

function! { "list_users":
    /// Lists users, a page at a time.
    pub async fn list_users(
        caller: AnyOf<Permission<SeeUsers>, Permission<ManageUsers>>,
        /// A part of the name, in upper or lower case.
        part: Option<Text<1, 64>>,
        state: Option<UserState>,
        /// A role that they have.
        role: Option<Text<1, 64>>,
        #[serde(default)]
        order: UserOrder,
        /// Where the last page ended: its `next`.
        after: Option<Text<1, 64>>,
        /// How many at the most; 50 if nothing is said.
        most: Option<Whole<1, 200>>,
    ) -> Result<UserList, Refusal> {
        use crate::server::{storage::user_lists::UserFilter, users};
        let filter = UserFilter { part: part.as_deref(), state, role: role.as_deref(), order, after: after.as_deref() };
        let most = most.map_or(50, |most| u32::try_from(most.get()).unwrap_or(u32::MAX));
        Ok(users::list(caller.caller().services().storage(), &filter, most).await?)
    }
}

function! { "show_user":
    /// Shows a user: state, roles, sessions, and what happened of late.
    #[refuses(NotFound("user".into()))]
    pub async fn show_user(
        caller: AnyOf<Permission<SeeUsers>, Permission<ManageUsers>>,
        user_id: Text<1, 64>,
    ) -> Result<UserDetail, Refusal> {
        crate::server::users::show(caller.caller().services(), &user_id).await
    }
}

function! { "create_user":
    /// Adds a user, who cannot log in yet.
    ///
    /// `invite_user` makes the link with which that person chooses a password.
    #[refuses(Conflict("There is a user ada already.".into()), PermissionRequired("roles.manage".into()))]
    pub async fn create_user(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        user_id: Text<1, 64>,
        /// Names of roles that hold no more than you do.
        #[serde(default)]
        #[schemars(length(max = 50))]
        roles: Vec<Text<1, 64>>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        users::create(&Actor::user(&caller).await?, &user_id, &roles).await?;
        Ok(Answer::new(format!("user <{user_id}> added")))
    }
}

function! { "invite_user":
    /// Makes a one-time link with which a person chooses a password, and adds the user if there is none.
    ///
    /// The link works for 24 hours, once, and is shown only now: hand it to that person and to nobody else. An earlier link
    /// of the same user stops working.
    #[refuses(Conflict("There is a user ada already.".into()), PermissionRequired("roles.manage".into()))]
    pub async fn invite_user(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        user_id: Text<1, 64>,
        /// For a new user: names of roles that hold no more than you do.
        #[serde(default)]
        #[schemars(length(max = 50))]
        roles: Vec<Text<1, 64>>,
    ) -> Result<LinkReply, Refusal> {
        use crate::server::{actor::Actor, users};
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        users::invite(&Actor::user(&caller).await?, &user_id, &roles).await
    }
}

function! { "require_new_password":
    /// Takes a user's password away, ends all sessions, and makes a one-time link with which that person chooses another one.
    ///
    /// The link works for an hour, once, and is shown only now: hand it to that person and to nobody else.
    #[refuses(NotFound("user".into()), Conflict("ada is disabled.".into()), PermissionRequired("roles.manage".into()))]
    pub async fn require_new_password(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
    ) -> Result<LinkReply, Refusal> {
        use crate::server::{actor::Actor, users};
        users::require_new_password(&Actor::user(&caller).await?, &user_id).await
    }
}

function! { "disable_user":
    /// Keeps a user out: the very next call is refused, at every door.
    #[refuses(NotFound("user".into()), Conflict("This is the last administrator.".into()),
        PermissionRequired("roles.manage".into()))]
    pub async fn disable_user(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        users::set_active(&Actor::user(&caller).await?, &user_id, false).await?;
        Ok(Answer::new(format!("user <{user_id}> disabled; all sessions are ended")))
    }
}

function! { "enable_user":
    /// Lets a disabled user in again.
    #[refuses(NotFound("user".into()), PermissionRequired("roles.manage".into()))]
    pub async fn enable_user(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        users::set_active(&Actor::user(&caller).await?, &user_id, true).await?;
        Ok(Answer::new(format!("user <{user_id}> enabled")))
    }
}

function! { "delete_user":
    /// Deletes a user and all that belongs to one. What the audit trail tells of that user stays.
    #[refuses(NotFound("user".into()), Conflict("This is the last administrator.".into()),
        PermissionRequired("roles.manage".into()))]
    pub async fn delete_user(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        users::delete(&Actor::user(&caller).await?, &user_id).await?;
        Ok(Answer::new(format!("user <{user_id}> deleted")))
    }
}

function! { "revoke_session":
    /// Ends a session of another user, and forgets its browser if it was remembered.
    #[refuses(NotFound("session".into()), PermissionRequired("roles.manage".into()))]
    pub async fn revoke_session(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
        /// Its `id` as `show_user` lists it.
        id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        users::revoke_session(&Actor::user(&caller).await?, &user_id, &id).await?;
        Ok(Answer::new(format!("session of <{user_id}> ended")))
    }
}

function! { "revoke_sessions":
    /// Ends all sessions of another user, and forgets all remembered browsers.
    #[refuses(NotFound("user".into()), PermissionRequired("roles.manage".into()))]
    pub async fn revoke_sessions(
        caller: AllOf<Permission<ManageUsers>, FreshLogin>,
        user_id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        use crate::server::{actor::Actor, users};
        users::revoke_sessions(&Actor::user(&caller).await?, &user_id).await?;
        Ok(Answer::new(format!("all sessions of <{user_id}> ended")))
    }
}

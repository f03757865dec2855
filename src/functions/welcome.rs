//! Ways to a user of one's own: by a one-time link, or by registering.

use crate::{
    contract::{Answer, Refusal, Text, link::LinkCode, login::NewPassword, user::Registered},
    function,
};

function! { "choose_password":
    /// Gives the user of a one-time link the password that the person chooses.
    ///
    /// The link works once. All that the user had open before is ended.
    #[refuses(NotFound("link".into()), TooManyAttempts { retry_after: 60 })]
    pub async fn choose_password(
        caller: Anyone,
        /// The link that you were given, or its part behind the `#`.
        code: LinkCode,
        /// A few words that nobody would guess. Every character is allowed, none is demanded.
        new_password: NewPassword,
    ) -> Result<Answer, Refusal> {
        let user = crate::server::links::choose_password(caller.caller(), &code, new_password).await?;
        Ok(Answer::new(format!("user <{user}> has a new password, and can log in with it")))
    }
}

function! { "create_first_admin":
    /// Adds the first administrator, with the one-time link that the server printed at its start.
    #[refuses(NotFound("link".into()), TooManyAttempts { retry_after: 60 })]
    pub async fn create_first_admin(
        caller: Anyone,
        /// The link that the server printed, or its part behind the `#`.
        code: LinkCode,
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        #[schemars(extend("x-autocomplete" = "username"))]
        user_id: Text<1, 64>,
        /// A few words that nobody would guess. Every character is allowed, none is demanded.
        new_password: NewPassword,
    ) -> Result<Answer, Refusal> {
        crate::server::links::create_first_admin(caller.caller(), &code, &user_id, new_password).await?;
        Ok(Answer::new(format!("user <{user_id}> is the first administrator, and can log in")))
    }
}

function! { "register":
    /// Adds a user for whoever calls, where the operator allows that.
    ///
    /// The server ends the name with a few random letters: so it is free, and nobody learns which names exist.
    #[refuses(Forbidden("Registration is closed here.".into()), TooManyAttempts { retry_after: 60 })]
    pub async fn register(
        caller: Anyone,
        /// What your name shall begin with: up to 48 letters (a to z, A to Z), digits or any of . _ @ -
        #[schemars(extend("x-autocomplete" = "off"))]
        user_id: Text<1, 48>,
        /// A few words that nobody would guess. Every character is allowed, none is demanded.
        new_password: NewPassword,
    ) -> Result<Registered, Refusal> {
        let user_id = crate::server::registration::register(caller.caller(), &user_id, new_password).await?;
        Ok(Registered { msg: format!("user <{user_id}> registered, and can log in under that name"), user_id })
    }
}

//! One's own account: the password, and where one is logged in.

use crate::{
    contract::{
        Answer, Refusal, Text,
        login::{NewPassword, Password},
        session::SessionList,
    },
    function,
};

function! { "change_password":
    /// Gives the caller another password.
    ///
    /// All other sessions end and all remembered browsers are forgotten; this session goes on under a new cookie.
    pub async fn change_password(
        caller: FreshLogin,
        /// A few words that nobody would guess. Every character is allowed, none is demanded.
        new_password: NewPassword,
    ) -> Result<Answer, Refusal> {
        let user = crate::server::account::change_password(caller, new_password).await?;
        Ok(Answer::new(format!("password of <{user}> changed; all other sessions are ended")))
    }
}

function! { "confirm_login":
    /// Confirms a login with the password, so that it counts as fresh for a while: 10 minutes by default.
    ///
    /// Functions that must not be called at a screen that was left open ask for this.
    #[refuses(InvalidCredentials, TooManyAttempts { retry_after: 300 })]
    pub async fn confirm_login(
        caller: LoggedIn,
        /// The password of the user who is logged in.
        password: Password,
    ) -> Result<Answer, Refusal> {
        let user = crate::server::login::confirm(caller, password).await?;
        Ok(Answer::new(format!("login of <{user}> confirmed")))
    }
}

function! { "my_sessions":
    /// Lists where the caller is logged in, and which browsers are remembered.
    pub async fn my_sessions(caller: LoggedIn) -> Result<SessionList, Refusal> {
        Ok(SessionList { sessions: crate::server::account::sessions(&caller).await? })
    }
}

function! { "end_session":
    /// Ends one of the caller's sessions, and forgets its browser if it was remembered.
    #[refuses(NotFound("session".into()))]
    pub async fn end_session(
        caller: LoggedIn,
        /// Its `id` as `my_sessions` lists it.
        id: Text<1, 64>,
    ) -> Result<Answer, Refusal> {
        crate::server::account::end_session(caller, &id).await?;
        Ok(Answer::new("session ended"))
    }
}

function! { "end_other_sessions":
    /// Ends all sessions of the caller but this one, and forgets all other browsers that were remembered.
    pub async fn end_other_sessions(caller: LoggedIn) -> Result<Answer, Refusal> {
        let ended = crate::server::account::end_other_sessions(&caller).await?;
        Ok(Answer::new(match ended {
            0 => "there was no other session".to_owned(),
            1 => "1 other session ended".to_owned(),
            ended => format!("{ended} other sessions ended"),
        }))
    }
}

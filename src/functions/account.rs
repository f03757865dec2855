//! The caller's own account: password, sessions and events.

use crate::{
    contract::{
        Answer, Language, RangedInt, Refusal, Text,
        audit::EventList,
        login::{NewPassword, Password},
        session::SessionList,
        user::ProfileView,
    },
    function,
};

/// Changes the password of the caller.
///
/// All other sessions end and all remembered browsers are forgotten. This session continues with a new cookie.
#[function]
pub async fn change_password(
    caller: FreshLogin,
    /// A few words that nobody would guess. Any characters will do.
    new_password: NewPassword,
) -> Result<Answer, Refusal> {
    let user = crate::server::accounts::own_account::change_password(caller, new_password).await?;
    Ok(Answer::new(format!(
        "password of <{user}> changed; all other sessions are ended"
    )))
}

/// Confirms the login with the password. It then counts as fresh for a while: 10 minutes by default.
///
/// Sensitive functions require a fresh login, because a screen may have been left unattended.
#[function]
#[refuses(InvalidCredentials, TooManyAttempts { retry_after: 300 })]
pub async fn confirm_login(
    caller: LoggedIn,
    /// The password of the logged-in user.
    password: Password,
) -> Result<Answer, Refusal> {
    let user = crate::server::accounts::login::confirm(caller, password).await?;
    Ok(Answer::new(format!("login of <{user}> confirmed")))
}

/// Shows what the caller has chosen: display name, language and time zone.
#[function]
pub async fn my_profile(caller: LoggedIn) -> Result<ProfileView, Refusal> {
    crate::server::accounts::profile::find(&caller).await
}

/// Sets the display name and the time zone of the caller. What is left out is removed.
#[function]
pub async fn set_profile(
    caller: LoggedIn,
    /// The name that is shown beside the login name.
    display_name: Option<Text<0, 40>>,
    /// A name of the IANA time zone database, such as Asia/Seoul. Without one, pages show the time of the site.
    time_zone: Option<Text<0, 64>>,
) -> Result<Answer, Refusal> {
    crate::server::accounts::profile::set_profile(&caller, display_name.as_deref(), time_zone.as_deref()).await?;
    Ok(Answer::new("profile saved"))
}

/// Sets the language of pages and refusals for the caller, in every browser. Without one, each browser decides.
#[function]
pub async fn set_language(caller: LoggedIn, language: Option<Language>) -> Result<Answer, Refusal> {
    crate::server::accounts::profile::set_language(&caller, language).await?;
    Ok(Answer::new("language saved"))
}

/// Lists the caller's sessions and remembered browsers: the latest hundred.
#[function]
pub async fn my_sessions(caller: LoggedIn) -> Result<SessionList, Refusal> {
    let sessions = crate::server::accounts::own_account::sessions(&caller).await?;
    Ok(SessionList::of(sessions))
}

/// Ends one of the caller's sessions, and forgets its browser if it was remembered.
#[function]
#[refuses(NotFound(message!("session")))]
pub async fn end_session(
    caller: LoggedIn,
    /// The `id` of the session, from `my_sessions`.
    id: Text<1, 64>,
) -> Result<Answer, Refusal> {
    crate::server::accounts::own_account::end_session(caller, &id).await?;
    Ok(Answer::new("session ended"))
}

/// Ends all sessions of the caller except this one, and forgets all other remembered browsers.
#[function]
pub async fn end_other_sessions(caller: LoggedIn) -> Result<Answer, Refusal> {
    let ended = crate::server::accounts::own_account::end_other_sessions(&caller).await?;
    Ok(Answer::new(match ended {
        0 => "there was no other session".to_owned(),
        1 => "1 other session ended".to_owned(),
        ended => format!("{ended} other sessions ended"),
    }))
}

/// Lists what the caller did, and what was done to the caller, latest first.
#[function]
pub async fn my_events(
    caller: LoggedIn,
    /// The `next` of the previous page.
    before: Option<RangedInt<1, { i64::MAX }>>,
    /// The maximum number of events. The default is 50.
    most: Option<RangedInt<1, 200>>,
) -> Result<EventList, Refusal> {
    use crate::server::{audit::view, model::paging, storage::events::EventFilter};
    let filter = EventFilter {
        user: Some(caller.user_id()),
        only_present_user: true,
        before: before.map(RangedInt::get),
        ..EventFilter::default()
    };
    Ok(view::events(caller.state().storage(), &filter, paging::limit(most)).await?)
}

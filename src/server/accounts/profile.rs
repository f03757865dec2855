//! What users choose for themselves: a display name, the language and the time zone.

use crate::{
    contract::{Language, Refusal, TimeZone, user::ProfileView},
    platform,
    server::{
        auth::guard::{AuthenticatedGuard, kinds::LoggedIn},
        model::profile,
    },
};

pub async fn find(caller: &LoggedIn) -> Result<ProfileView, Refusal> {
    let found = caller.state().storage().find_profile(caller.user_id()).await?;
    // The user was deleted meanwhile.
    let profile = found.ok_or(Refusal::NotLoggedIn)?;
    Ok(ProfileView {
        display_name: profile.display_name,
        language: profile.language,
        time_zone: profile.time_zone,
    })
}

/// Sets the language of the user, in which this request is answered, too.
pub async fn set_language(caller: &LoggedIn, language: Option<Language>) -> Result<(), Refusal> {
    let tag = language.map(Language::tag);
    caller.state().storage().set_language(caller.user_id(), tag).await?;
    platform::set_current(language.unwrap_or_else(|| caller.caller().language()));
    Ok(())
}

/// Sets display name and time zone. An empty text is none.
///
/// # Errors
/// [`Refusal::InvalidArguments`] for a name with invisible characters, and for a time zone that is not known.
pub async fn set_profile(
    caller: &LoggedIn,
    display_name: Option<&str>,
    time_zone: Option<&str>,
) -> Result<(), Refusal> {
    let display_name = profile::display_name(display_name.unwrap_or_default())
        .map_err(|problem| Refusal::of_argument("display_name", problem))?;
    let time_zone = time_zone.map(str::trim).filter(|name| !name.is_empty());
    let time_zone = time_zone
        .map(|name| TimeZone::of_argument("time_zone", name))
        .transpose()?;
    let storage = caller.state().storage();
    storage
        .set_profile(
            caller.user_id(),
            display_name.as_deref(),
            time_zone.as_ref().map(TimeZone::name),
        )
        .await?;
    Ok(())
}

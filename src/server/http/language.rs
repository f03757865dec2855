//! `POST /language`: chooses the language of this browser and, for a logged-in user, of the account.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use strum::IntoEnumIterator as _;

use super::{
    form_body::read_form,
    pages::Pages,
    response::{self, ErrorPage},
};
use crate::{
    contract::{
        Language, Refusal,
        form_data::SHOWN_TO,
        language::CHOICE,
        redirect_target::{NEXT, OwnPage},
    },
    message,
    server::{
        accounts::profile,
        auth::{
            caller::Caller,
            cookies::{CookieName, SetCookie},
            guard::{Guard as _, kinds::LoggedIn},
        },
    },
};

/// How long a browser keeps the choice.
pub const LIFETIME: Duration = Duration::from_hours(365 * 24);

/// Sets the language cookie and leads back to the page. Works without script and without a login.
pub async fn choose(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
    let language: Language = form
        .get(CHOICE)
        .and_then(|tag| tag.parse().ok())
        .ok_or_else(|| Refusal::of_argument(CHOICE, message!("must be one of {values}", values = tags())))?;
    let page = OwnPage::back_to(form.get(NEXT));
    match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Err(Refusal::OtherUser) => return Ok(response::outdated(page.as_str().to_owned())),
        shown => shown?,
    }
    // Otherwise the earlier choice of the user would go before the cookie.
    match LoggedIn::check(&caller).await {
        Ok(user) => profile::set_language(&user, Some(language)).await?,
        Err(Refusal::NotLoggedIn) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    caller.set_cookie(SetCookie::lasting(
        CookieName::Language,
        language.tag().to_owned(),
        LIFETIME,
    ));
    Ok(response::see_other(page.as_str()))
}

/// The values that the form may have.
fn tags() -> String {
    Language::iter().map(Language::tag).collect::<Vec<_>>().join(", ")
}

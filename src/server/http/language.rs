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
        language::{CHOICE, NEXT},
        redirect_target::OwnPage,
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
    caller.set_cookie(SetCookie::lasting(
        CookieName::Language,
        language.tag().to_owned(),
        LIFETIME,
    ));
    // Otherwise the earlier choice of the user would go before the cookie.
    if let Ok(user) = LoggedIn::check(&caller).await {
        profile::set_language(&user, Some(language)).await?;
    }
    Ok(response::see_other(OwnPage::back_to(form.get(NEXT)).as_str()))
}

/// The values that the form may have.
fn tags() -> String {
    Language::iter().map(Language::tag).collect::<Vec<_>>().join(", ")
}

//! `POST /theme`: chooses the theme of this browser.

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use super::{
    form_body::read_form,
    language::LIFETIME,
    pages::Pages,
    response::{self, ErrorPage},
};
use crate::{
    contract::{
        Refusal, Theme,
        redirect_target::{NEXT, OwnPage},
        theme::CHOICE,
    },
    message,
    server::auth::{
        caller::Caller,
        cookies::{CookieName, SetCookie},
    },
};

/// Sets or removes the theme cookie and leads back to the page. Works without script and without a login.
pub async fn choose(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
    let theme: Theme = form
        .get(CHOICE)
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| Refusal::of_argument(CHOICE, message!("is not one of the choices")))?;
    caller.set_cookie(match theme {
        // As for a browser that never chose.
        Theme::System => SetCookie::remove(CookieName::Theme),
        chosen => SetCookie::lasting(CookieName::Theme, chosen.name().to_owned(), LIFETIME),
    });
    Ok(response::see_other(OwnPage::back_to(form.get(NEXT)).as_str()))
}

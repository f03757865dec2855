//! `POST /language`: chooses the language of this browser.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

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
    server::auth::{
        caller::Caller,
        cookies::{CookieName, SetCookie},
    },
};

/// How long a browser keeps the choice.
const LIFETIME: Duration = Duration::from_hours(365 * 24);

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
        .ok_or_else(|| Refusal::of_argument(CHOICE, message!("is not one of the choices")))?;
    caller.set_cookie(SetCookie::lasting(
        CookieName::Language,
        language.tag().to_owned(),
        LIFETIME,
    ));
    Ok(response::see_other(OwnPage::or_home(form.get(NEXT)).as_str()))
}

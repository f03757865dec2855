//! Logins with an account at a provider: the forms that start one, and the callback to which the provider sends the
//! browser back.
//!
//! A form is answered with a page that leads to the provider, not with a redirect: see [`to_provider`].

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{Method, StatusCode, header::ALLOW},
    response::{IntoResponse as _, Response},
};

use super::{
    form_body::read_form,
    pages::Pages,
    response::{ErrorPage, error_page, login_path, outdated, see_other, to_provider},
};
use crate::{
    contract::{
        Refusal,
        form_data::{SHOWN_TO, Typed},
        link::LinkCode,
        provider::Failure,
        redirect_target::{NEXT, OwnPage},
    },
    message,
    pages::account,
    server::{
        accounts::provider_login::{self, Purpose, ReturnTo, Start},
        auth::caller::Caller,
        telemetry::{request::RequestContext, request_id::RequestId},
    },
};

/// The name of these operations in the log.
const OPERATION: &str = "a login at a provider";

/// `POST /login/with/<key>`: starts a login.
pub async fn log_in(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
    let next = OwnPage::or_home(form.get(NEXT));
    let page = format!("/login?next={}&", next.escaped());
    let start = Start {
        provider: &key,
        purpose: Purpose::Login,
        next,
        remember: form.get("remember").is_some(),
    };
    Ok(leave(&caller, start, &page).await)
}

/// `POST /confirm/with/<key>`: starts a login that makes the current login fresh.
pub async fn confirm(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    request: Request,
) -> Response {
    let form = match read_form_of_user(request, &pages, &caller, |form| page_to_confirm(&next_of(form))).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let next = next_of(&form);
    let page = format!("{}&", page_to_confirm(&next));
    let start = Start {
        provider: &key,
        purpose: Purpose::Confirm,
        next,
        remember: false,
    };
    leave(&caller, start, &page).await
}

/// `POST /account/link/<key>`: starts a login whose account becomes linked to the user.
pub async fn link(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    request: Request,
) -> Response {
    if let Err(response) = read_form_of_user(request, &pages, &caller, |_| account::PATH.to_owned()).await {
        return response;
    }
    let start = Start {
        provider: &key,
        purpose: Purpose::Link,
        next: OwnPage::or_home(Some(&account::linked(&key))),
        remember: false,
    };
    leave(&caller, start, &format!("{}?", account::PATH)).await
}

/// `POST /welcome/with/<key>`: starts a login whose account becomes linked to the user of a one-time link.
pub async fn welcome(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
    let start = Start {
        provider: &key,
        purpose: Purpose::Welcome(LinkCode::new(form.get("code").unwrap_or_default().to_owned())),
        next: OwnPage::or_home(Some(account::PATH)),
        remember: false,
    };
    Ok(leave(&caller, start, "/welcome?").await)
}

/// Reads a form that was rendered for a user. If another user has logged in since, the error page leads back to `page`.
async fn read_form_of_user(
    request: Request,
    pages: &Pages,
    caller: &Caller,
    page: impl FnOnce(&Typed) -> String,
) -> Result<Typed, Response> {
    let form = read_form(request, pages.state().settings()).await;
    let form = form.map_err(|refusal| error_page(&refusal))?;
    match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Ok(()) => Ok(form),
        Err(Refusal::OtherUser) => Err(outdated(page(&form))),
        Err(refusal) => Err(error_page(&refusal)),
    }
}

fn next_of(form: &Typed) -> OwnPage {
    OwnPage::or_home(form.get(NEXT))
}

fn page_to_confirm(next: &OwnPage) -> String {
    format!("/confirm?next={}", next.escaped())
}

/// Starts a flow and sends the browser to the provider. A failure is shown on `page`, an address that ends in `?` or `&`.
async fn leave(caller: &Caller, start: Start<'_>, page: &str) -> Response {
    if caller.state().providers().by_key(start.provider).is_none() {
        return unknown_provider();
    }
    let (provider, purpose_page) = (start.provider.to_owned(), page_after_login(&start));
    let started = caller
        .with_deadline(OPERATION, provider_login::start(caller, start))
        .await;
    match started {
        Ok(Ok(departure)) => to_provider(&departure.provider_name, &departure.host, departure.url),
        Ok(Err(failure)) => {
            let reference = RequestContext::request_id();
            let query = failure.query(&provider, reference.as_ref().map(RequestId::as_str));
            see_other(&format!("{page}{query}"))
        }
        Err(refusal) if refusal.asks_for_login() => see_other(&login_path(&refusal, &purpose_page)),
        Err(refusal) => error_page(&refusal),
    }
}

/// The page to show after a login that the start of a flow needs first.
fn page_after_login(start: &Start<'_>) -> OwnPage {
    match start.purpose {
        Purpose::Link => OwnPage::or_home(Some(account::PATH)),
        _ => start.next.clone(),
    }
}

/// `GET /login/with/<key>/callback`: finishes a login. Always redirects, so that the code does not stay in the address.
///
/// The only GET that changes something. The flow is bound to the browser that started it, so no other site can cause it.
/// Other methods change nothing: a HEAD, for example of a link preview, must not use up the flow.
pub async fn callback(Extension(caller): Extension<Caller>, Path(key): Path<String>, request: Request) -> Response {
    if caller.state().providers().by_key(&key).is_none() {
        return unknown_provider();
    }
    if *request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    let finishing = async { Ok(provider_login::finish(&caller, &key, query).await) };
    match caller.with_deadline(OPERATION, finishing).await {
        Ok(ReturnTo(target)) => see_other(&target),
        Err(_) => see_other(&format!("/login?{}", Failure::Unreachable.query(&key, None))),
    }
}

fn unknown_provider() -> Response {
    error_page(&Refusal::NotFound(message!("provider")))
}

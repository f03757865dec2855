//! The doors for forms without script. What went well is json_response with a redirect, so that a reload
//! sends nothing twice.
//!
//! They call the same declared functions as the JSON door, with what was typed written as JSON. A call that wants a login
//! first is kept, and runs once its person has logged in and pressed the button that says so: never by itself.

use std::time::Instant;

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use serde_json::json;

use super::{
    api::{is_declared, run_and_note},
    body::{drain, read},
    pages::Pages,
    response::{add_headers, body_of, error_page, error_page_with_link},
};
use crate::{
    contract::{
        Refusal,
        form_data::{FORM_PAGE, SHOWN_TO, THEN, Typed, WAITING},
        page::{NOT_YOUR_PASSWORD, PageFacts, RefusedLogin},
        pending_call::{Outcome, PendingCall, State as CallState, page_of},
        redirect_target::OwnPage,
    },
    pages::failure::Way,
    server::{
        auth::caller::Caller,
        config::Settings,
        http::response::{login_for, see_other},
        registry::{self, Function, call_log::RunningCall, pending_calls},
    },
};

/// `POST /functions/<name>`: calls a function and shows on its page what came of it.
pub async fn call(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(function) = registry::find(&name) else {
        return super::pages::not_found(State(pages), request).await;
    };
    let made = async {
        let typed = read_form(request, pages.state().settings()).await?;
        make(function, &caller, &typed, typed.get(SHOWN_TO)).await
    };
    shown(&pages, &caller, made.await).await
}

/// Where a call that was made leads to.
enum Made {
    /// To a page that finds by itself what to show.
    Page(String),
    /// To its own page at once, because what came of it is secret, or too much to be kept, or came too fast: a reload asks the
    /// person before it calls again.
    Shown(Box<PendingCall>),
    /// Nowhere: the page at this path was loaded for another user.
    Outdated(String),
}

async fn shown(pages: &Pages, caller: &Caller, made: Result<Made, Refusal>) -> Response {
    match made {
        Ok(Made::Page(next)) => see_other(&next),
        Ok(Made::Shown(call)) => {
            let target = format!("/functions/{}", call.function);
            let facts = PageFacts {
                kept_call: Some(*call),
                ..PageFacts::default()
            };
            pages.render(caller.clone(), &target, facts, 200).await
        }
        Ok(Made::Outdated(page)) => outdated(page),
        Err(refusal) => error_page(&refusal),
    }
}

/// What is shown in place of what came of a form whose page was loaded for another user.
fn outdated(page: String) -> Response {
    error_page_with_link(&Refusal::OtherUser, Way::new(page, "Reload the page"))
}

/// `POST /functions/<name>/kept`: runs the call that waits for this browser, or lets it go.
pub async fn resume(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(function) = registry::find(&name) else {
        return super::pages::not_found(State(pages), request).await;
    };
    let resumed = async {
        let form = read_form(request, pages.state().settings()).await?;
        let page = function.view().page();
        if caller.require_shown_to(form.get(SHOWN_TO)).await == Err(Refusal::OtherUser) {
            return Ok(Made::Outdated(page));
        }
        let shown = form.get(WAITING).unwrap_or_default();
        let Some(kept) = pending_calls::take(&caller, function.name(), shown).await? else {
            return Ok(Made::Page(page));
        };
        let is_wanted = form.get("run").is_some() && matches!(kept.state, CallState::Waiting { body: Some(_) });
        if is_wanted {
            return make(function, &caller, &kept.typed, None).await;
        }
        pending_calls::delete(&caller).await?;
        Ok(Made::Page(page))
    };
    self::shown(&pages, &caller, resumed.await).await
}

/// Calls the function, keeps what came of it, and says where to go.
async fn make(
    function: &'static Function,
    caller: &Caller,
    typed: &Typed,
    shown_to: Option<&str>,
) -> Result<Made, Refusal> {
    let running = RunningCall::new(caller, function.name());
    let started = running.began();
    let shape = function.shape();
    let (body, faults) = typed.body(shape);
    let admitted = async {
        caller.require_shown_to(shown_to).await?;
        function.admit(caller).await
    };
    // The guard comes before anything of the arguments is judged, as at the other door.
    let result = match admitted.await {
        Ok(_) if !faults.is_empty() => Err(Refusal::InvalidArguments(faults)),
        Ok(admitted) => admitted.call(body.clone()).await,
        Err(refusal) => Err(refusal),
    };
    running.finish(&result);
    // A page that shows by itself what came of the call.
    if result.is_ok()
        && let Some(then) = typed.get(THEN).and_then(OwnPage::after_form)
    {
        pending_calls::delete_after_call(caller, function.name()).await;
        return Ok(Made::Page(then.to_string()));
    }
    let page = page_of(function.name(), typed);
    if result == Err(Refusal::OtherUser) {
        // An act leads to the page that it is on.
        let acted_on = typed.get(THEN).filter(|_| typed.get(FORM_PAGE).is_none());
        let acted_on = acted_on.and_then(OwnPage::after_form);
        return Ok(Made::Outdated(acted_on.unwrap_or(page).to_string()));
    }
    let is_too_long = typed.bytes().max(body.len()) > pending_calls::MAX_ARGUMENTS;
    let (state, next) = match &result {
        Err(refusal) if refusal.asks_for_login() => {
            if is_too_long {
                let limit = pending_calls::MAX_ARGUMENTS as u64;
                return Err(Refusal::TooLarge { limit });
            }
            let body = (!shape.has_secret()).then_some(body);
            (CallState::Waiting { body }, login_for(refusal, &page))
        }
        // Past a form that may be longer than the window. Where something is wrong with what was typed, the form says it.
        _ => {
            let next = match &result {
                Err(Refusal::InvalidArguments(_)) => page.to_string(),
                _ => format!("{page}#reply"),
            };
            (CallState::Done(outcome_of(result, started)), next)
        }
    };
    let call = PendingCall {
        id: String::new(),
        function: function.name().to_owned(),
        typed: typed.without_secrets(shape),
        state,
    };
    let is_secret = function.has_secret_reply() && matches!(&call.state, CallState::Done(outcome) if outcome.is_ok());
    if is_secret || is_too_long {
        pending_calls::delete_after_call(caller, function.name()).await;
        return Ok(Made::Shown(Box::new(call)));
    }
    // A reply is for whoever made the call, a call that waits for the person who filled the form in.
    let shown_to = shown_to.filter(|user_id| !user_id.is_empty() && matches!(call.state, CallState::Waiting { .. }));
    match pending_calls::store(caller, &call, shown_to).await {
        Ok(()) => Ok(Made::Page(next)),
        // It was called, and nobody is to call it again for want of what came of it.
        Err(Refusal::Busy { .. }) if matches!(call.state, CallState::Done(_)) => {
            pending_calls::clear_cookie(caller);
            Ok(Made::Shown(Box::new(call)))
        }
        Err(refusal) => Err(refusal),
    }
}

fn outcome_of(result: Result<String, Refusal>, started: Instant) -> Outcome {
    let (status, body) = match result {
        Ok(body) if body.len() > pending_calls::MAX_REPLY => {
            let note = "The function was called. Its reply is too long for this page. Call it with JSON to read it.";
            (200, json!({ "ok": true, "msg": note }).to_string())
        }
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status(), body_of(&refusal)),
    };
    Outcome {
        status,
        body,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// `POST /login`: logs in and leads to where the person wanted to go, or shows the form again with the reason.
pub async fn login(State(pages): State<Pages>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let form = match read_form(request, pages.state().settings()).await {
        Ok(form) => form,
        Err(refusal) => return error_page(&refusal),
    };
    let user_id = form.get("user_id").unwrap_or_default().to_owned();
    let remember = form.get("remember").is_some();
    let body = json!({
        "user_id": user_id,
        "password": form.get("password").unwrap_or_default(),
        "remember": remember,
    });
    let refused = |refusal: &Refusal| RefusedLogin {
        user_id,
        remember,
        error: refusal.message(),
        is_wrong: *refusal == Refusal::InvalidCredentials,
    };
    enter(&pages, caller, "login", body.to_string(), form.get("next"), refused).await
}

/// `POST /confirm`: confirms the login with the password, and leads on or shows the form again.
pub async fn confirm(State(pages): State<Pages>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let form = match read_form(request, pages.state().settings()).await {
        Ok(form) => form,
        Err(refusal) => return error_page(&refusal),
    };
    match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Ok(()) => {}
        Err(Refusal::OtherUser) => {
            let next = OwnPage::or_home(form.get("next"));
            return outdated(format!("/confirm?next={}", next.escaped()));
        }
        Err(refusal) => return error_page(&refusal),
    }
    let body = json!({ "password": form.get("password").unwrap_or_default() });
    let refused = |refusal: &Refusal| {
        let is_wrong = *refusal == Refusal::InvalidCredentials;
        RefusedLogin {
            error: if is_wrong {
                NOT_YOUR_PASSWORD.to_owned()
            } else {
                refusal.message()
            },
            is_wrong,
            ..RefusedLogin::default()
        }
    };
    enter(
        &pages,
        caller,
        "confirm_login",
        body.to_string(),
        form.get("next"),
        refused,
    )
    .await
}

/// Calls the function that lets somebody in, and leads to `next` or shows the page at `/<way>` again.
async fn enter(
    pages: &Pages,
    caller: Caller,
    name: &str,
    body: String,
    next: Option<&str>,
    refused: impl FnOnce(&Refusal) -> RefusedLogin,
) -> Response {
    let next = OwnPage::or_home(next);
    let Some(function) = registry::find(name) else {
        return error_page(&Refusal::UnknownFunction);
    };
    let way = if name == "login" { "login" } else { "confirm" };
    let escaped = next.escaped();
    match run_and_note(function, caller.clone(), body).await {
        Ok(_) => see_other(next.as_str()),
        // The session is over by now: what is left to do is to log in.
        Err(Refusal::NotLoggedIn) => see_other(&format!("/login?next={escaped}")),
        Err(refusal) => {
            let facts = PageFacts {
                refused_login: Some(refused(&refusal)),
                ..PageFacts::default()
            };
            let target = format!("/{way}?next={escaped}");
            let mut response = pages.render(caller, &target, facts, refusal.status()).await;
            add_headers(&mut response, &refusal);
            response
        }
    }
}

/// `POST /logout`: logs out and leads home. Who is logged out already is led there, too.
pub async fn logout(State(pages): State<Pages>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let Some(function) = registry::find("logout") else {
        return error_page(&Refusal::UnknownFunction);
    };
    // Other forms may lead here, too, and need say nothing.
    let form = read_form(request, pages.state().settings()).await.unwrap_or_default();
    let result = match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Ok(()) => run_and_note(function, caller, "{}".to_owned()).await,
        Err(refusal) => Err(refusal),
    };
    match result {
        Ok(_) | Err(Refusal::NotLoggedIn) => see_other("/"),
        Err(Refusal::OtherUser) => outdated("/".to_owned()),
        Err(refusal) => error_page(&refusal),
    }
}

/// Reads a form that was sent.
async fn read_form(mut request: Request, settings: &Settings) -> Result<Typed, Refusal> {
    let read = if is_declared(request.headers(), "application/x-www-form-urlencoded") {
        read(&mut request, settings).await
    } else {
        Err(Refusal::NotAForm)
    };
    let body = match read {
        Ok(text) => text,
        Err(refusal) => {
            drain(&mut request).await;
            return Err(match refusal {
                Refusal::Malformed(why) => Refusal::MalformedForm(why),
                other => other,
            });
        }
    };
    serde_urlencoded::from_str(&body)
        .map(Typed::new)
        .map_err(|error| Refusal::MalformedForm(error.to_string()))
}

//! Handlers for HTML forms submitted without JavaScript. They answer with a redirect (Post/Redirect/Get), so that a
//! reload sends nothing twice.
//!
//! The form fields become the JSON body of the same declared function that the JSON API calls. A call that needs a
//! login first is stored as a pending call. It runs only when the user presses the button for it, never by itself.

use std::time::Instant;

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    api::run_and_record,
    form_body::read_form,
    pages::Pages,
    provider_logout,
    response::{ErrorPage, add_headers, login_path, outdated, refusal_body, see_other},
};
use crate::{
    contract::{
        Refusal,
        form_data::{FORM_PAGE, SHOWN_TO, THEN, Typed, WAITING},
        page::{PageFacts, RefusedLogin, WRONG_LOGIN, WRONG_PASSWORD},
        pending_call::{Outcome, PendingCall, State as CallState, page_of},
        redirect_target::{NEXT, OwnPage},
    },
    parts::notice::without_notice,
    server::{
        auth::caller::Caller,
        registry::{self, Function, call_log::RunningCall, pending_calls},
        telemetry::request::RequestContext,
    },
    t,
};

/// `POST /functions/<name>`: calls a function and shows the result on its page.
pub async fn call(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let Some(function) = registry::find(&name) else {
        return Ok(super::pages::not_found(State(pages), request).await);
    };
    let typed = read_form(request, pages.state().settings()).await?;
    let result = submit(function, &caller, &typed, typed.get(SHOWN_TO)).await?;
    Ok(respond(&pages, caller, result).await)
}

enum FormResult {
    /// Redirect to a page, which loads the stored result itself.
    Redirect(String),
    /// Render a page with the result now, because the result is secret, too large to store, or over the rate limit.
    /// The browser asks before a reload submits the form again.
    Render(Box<PendingCall>, OwnPage),
    /// Show an error: the page at this path was loaded for another user, so nothing was called.
    Outdated(String),
}

async fn respond(pages: &Pages, caller: Caller, result: FormResult) -> Response {
    match result {
        FormResult::Redirect(next) => see_other(&next),
        FormResult::Render(call, page) => {
            let facts = PageFacts {
                pending_call: Some(*call),
                ..PageFacts::default()
            };
            pages.respond(caller, page.as_str(), facts, 200).await
        }
        FormResult::Outdated(page) => outdated(page),
    }
}

/// `POST /functions/<name>/kept`: runs the pending call of this browser, or deletes it.
pub async fn resume(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let Some(function) = registry::find(&name) else {
        return Ok(super::pages::not_found(State(pages), request).await);
    };
    let form = read_form(request, pages.state().settings()).await?;
    let page = function.view.page();
    match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Err(Refusal::OtherUser) => return Ok(outdated(page)),
        shown => shown?,
    }
    let id = form.get(WAITING).unwrap_or_default();
    let Some(pending) = pending_calls::take(&caller, function.name(), id).await? else {
        return Ok(see_other(&page));
    };
    if form.get("run").is_some() && matches!(pending.state, CallState::Waiting { body: Some(_) }) {
        let result = submit(function, &caller, &pending.typed, None).await?;
        return Ok(respond(&pages, caller, result).await);
    }
    pending_calls::delete(&caller).await?;
    Ok(see_other(&page))
}

/// Calls the function and stores the result, or stores the call if it needs a login first.
async fn submit(
    function: &'static Function,
    caller: &Caller,
    typed: &Typed,
    shown_to: Option<&str>,
) -> Result<FormResult, Refusal> {
    let running = RunningCall::new(caller, function.name());
    let started = running.started;
    let shape = function.shape();
    let (body, faults) = typed.body(shape);
    let authorized = async {
        caller.require_shown_to(shown_to).await?;
        function.authorize(caller).await
    };
    let authorized = authorized.await;
    let is_guard_unavailable = matches!(authorized, Err(Refusal::Busy { .. }));
    // As in the JSON API, the guard is checked before the arguments.
    let result = match authorized {
        Ok(_) if !faults.is_empty() => Err(Refusal::InvalidArguments(faults)),
        Ok(authorized) => authorized.call(body.clone()).await,
        Err(refusal) => Err(refusal),
    };
    running.finish(&result);
    // The database does not answer. Storing the refusal would wait for it again.
    if is_guard_unavailable && let Err(refusal) = result {
        return Err(refusal);
    }
    // The form names a page that shows the effect of the call itself.
    let then = typed.get(THEN).and_then(OwnPage::after_form);
    if result.is_ok()
        && !function.has_secret_reply
        && let Some(next) = &then
    {
        pending_calls::delete_after_call(caller, function.name()).await;
        return Ok(FormResult::Redirect(next.to_string()));
    }
    let page = page_of(function.name(), typed);
    if result == Err(Refusal::OtherUser) {
        // Without `FORM_PAGE`, the form is a single button, which stands on the page that `THEN` names.
        let button_page = then.filter(|_| typed.get(FORM_PAGE).is_none());
        return Ok(FormResult::Outdated(without_notice(
            button_page.unwrap_or(page).as_str(),
        )));
    }
    let is_too_long = typed.bytes().max(body.len()) > pending_calls::MAX_ARGUMENTS;
    let (state, next) = match result {
        Err(refusal) if refusal.asks_for_login() => {
            if is_too_long {
                let limit = pending_calls::MAX_ARGUMENTS as u64;
                return Err(Refusal::TooLarge { limit });
            }
            let body = (!shape.has_secret()).then_some(body);
            (CallState::Waiting { body }, login_path(&refusal, &page))
        }
        // Scroll past a tall form to the reply. Argument errors are shown in the form itself.
        result => {
            let anchor = if matches!(result, Err(Refusal::InvalidArguments(_))) {
                ""
            } else {
                "#reply"
            };
            (CallState::Done(outcome_of(result, started)), format!("{page}{anchor}"))
        }
    };
    let call = PendingCall {
        id: String::new(),
        function: function.name().to_owned(),
        typed: typed.without_secrets(shape),
        state,
    };
    let own_page = OwnPage::of_function(function.name());
    let is_secret = function.has_secret_reply && matches!(&call.state, CallState::Done(outcome) if outcome.is_ok());
    if is_secret || is_too_long {
        pending_calls::delete_after_call(caller, function.name()).await;
        let page = then.filter(|_| is_secret).unwrap_or(own_page);
        return Ok(FormResult::Render(Box::new(call), page));
    }
    // A result belongs to the caller. A waiting call belongs to the user who filled in the form.
    let shown_to = shown_to.filter(|user_id| !user_id.is_empty() && matches!(call.state, CallState::Waiting { .. }));
    match pending_calls::store(caller, &call, shown_to).await {
        Ok(()) => Ok(FormResult::Redirect(next)),
        // The function has already run. Render the result now, so that the user does not repeat the call to see it.
        Err(Refusal::Busy { .. }) if matches!(call.state, CallState::Done(_)) => {
            pending_calls::clear_cookie(caller);
            Ok(FormResult::Render(Box::new(call), own_page))
        }
        Err(refusal) => Err(refusal),
    }
}

fn outcome_of(result: Result<String, Refusal>, started: Instant) -> Outcome {
    let (status, body) = match result {
        Ok(body) if body.len() > pending_calls::MAX_REPLY => {
            let message =
                t!("The function was called. Its reply is too long for this page. Call it with JSON to read it.");
            (200, json!({ "ok": true, "msg": message }).to_string())
        }
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status(), refusal_body(&refusal)),
    };
    Outcome {
        status,
        body,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id: RequestContext::request_id().map(|id| id.to_string()),
    }
}

/// `POST /login`: logs in and redirects to `next`, or shows the form again with the error.
pub async fn login(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
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
        ..RefusedLogin::new(refusal, &WRONG_LOGIN)
    };
    submit_login(&pages, caller, "login", &body, form.get(NEXT), refused).await
}

/// `POST /confirm`: makes the login fresh and redirects to `next`, or shows the form again with the error.
pub async fn confirm(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let form = read_form(request, pages.state().settings()).await?;
    match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Err(Refusal::OtherUser) => {
            let next = OwnPage::or_home(form.get(NEXT));
            return Ok(outdated(format!("/confirm?next={}", next.escaped())));
        }
        shown => shown?,
    }
    let body = json!({ "password": form.get("password").unwrap_or_default() });
    let refused = |refusal: &Refusal| RefusedLogin::new(refusal, &WRONG_PASSWORD);
    submit_login(&pages, caller, "confirm_login", &body, form.get(NEXT), refused).await
}

/// Calls `login` or `confirm_login`. Redirects to `next`, or renders the form again with the refusal.
async fn submit_login(
    pages: &Pages,
    caller: Caller,
    name: &str,
    body: &Value,
    next: Option<&str>,
    refused: impl FnOnce(&Refusal) -> RefusedLogin,
) -> Result<Response, ErrorPage> {
    let next = OwnPage::or_home(next);
    let function = registry::find(name).ok_or(Refusal::UnknownFunction)?;
    let page = if name == "login" { "login" } else { "confirm" };
    let escaped = next.escaped();
    match run_and_record(function, caller.clone(), body.to_string()).await {
        Ok(_) => Ok(see_other(next.as_str())),
        // The session to be confirmed has ended.
        Err(Refusal::NotLoggedIn) => Ok(see_other(&format!("/login?next={escaped}"))),
        Err(refusal) => {
            let facts = PageFacts {
                pending_call: pending_calls::find(&caller).await?,
                refused_login: Some(refused(&refusal)),
                ..PageFacts::default()
            };
            let target = format!("/{page}?next={escaped}");
            let mut response = pages.render(caller, &target, facts, refusal.status()).await;
            add_headers(&mut response, &refusal);
            Ok(response)
        }
    }
}

/// `POST /logout`: logs out and redirects to the home page, also if nobody is logged in. A session that came by a provider
/// leads to the logout there, as the settings say.
pub async fn logout(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ErrorPage> {
    let function = registry::find("logout").ok_or(Refusal::UnknownFunction)?;
    // The body is optional: a form without fields may log out as well.
    let form = read_form(request, pages.state().settings()).await.unwrap_or_default();
    let result = match caller.require_shown_to(form.get(SHOWN_TO)).await {
        Ok(()) => run_and_record(function, caller.clone(), "{}".to_owned()).await,
        Err(refusal) => Err(refusal),
    };
    match result {
        Ok(_) => {
            let login = caller.known_login();
            let provider = login.as_ref().and_then(|login| login.provider.as_deref());
            Ok(provider_logout::after_logout(pages.state(), provider).await)
        }
        Err(Refusal::NotLoggedIn) => Ok(see_other("/")),
        Err(Refusal::OtherUser) => Ok(outdated("/".to_owned())),
        Err(refusal) => Err(refusal.into()),
    }
}

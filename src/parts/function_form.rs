//! The form of a function on a page with a single purpose, such as choosing a password with a one-time link.
//!
//! It works without script. With script it calls the function without loading a page, shows faults beside the fields, and then
//! leads to another page. If the function currently refuses every caller, the reason is shown instead of the form.

use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    arguments::Arguments,
    browser::{arguments, call, fill_from_fragment, focus_first_wrong, hydrated, navigate, submit_without_script},
    program::Program,
    visit::Visit,
};
use crate::{
    contract::{
        Refusal,
        form_data::{FORM_PAGE, SHOWN_TO, THEN},
        function::{CallTarget, FunctionView},
        pending_call::{Outcome, PendingCall, State},
    },
    t,
};

#[component]
pub fn FunctionForm(
    /// The name of the function.
    name: &'static str,
    /// A paragraph above the form.
    #[prop(optional)]
    intro: &'static str,
    button: &'static str,
    /// The page to show after a successful call.
    #[prop(into)]
    then: String,
    /// Whether to show the reply before leading to that page.
    #[prop(optional)]
    shows_reply: bool,
    /// The user whose password is chosen, for password managers.
    #[prop(optional_no_strip)]
    user_id: Option<String>,
    /// The page with this form, if it shows refusals without script. Otherwise the page of the function shows them.
    #[prop(optional, into)]
    page: Option<String>,
    /// Further buttons, which send the form to other addresses: address and label of each.
    #[prop(optional)]
    alternatives: Vec<(String, String)>,
) -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    view! {
        <Suspense>
            {move || {
                let (then, page, user_id) = (then.clone(), page.clone(), user_id.clone());
                let alternatives = alternatives.clone();
                Suspend::new(async move {
                    match functions.named(name).await {
                        Ok(Some(FunctionView { closed: Some(reason), .. })) => view! { <p class="notice">{reason.to_string()}</p> }.into_any(),
                        Ok(Some(function)) => {
                            let user = if function.rule.open { None } else { visit.user().await.ok().flatten() };
                            let shown_to = user.map(|user| user.user_id);
                            view! {
                                {(!intro.is_empty()).then(|| view! { <p>{intro}</p> })}
                                <PurposeForm
                                    target=function.target() button=button.to_owned() then=then shows_reply=shows_reply page=page
                                    user_id=user_id shown_to=shown_to pending_call=visit.pending_call(name)
                                    password_chars=visit.site().password_chars alternatives=alternatives
                                />
                                <Program island="purpose_form"/>
                            }
                            .into_any()
                        }
                        Ok(None) => ().into_any(),
                        Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

/// The island of [`FunctionForm`], with the same properties.
#[island(lazy)]
pub fn PurposeForm(
    target: CallTarget,
    button: String,
    then: String,
    shows_reply: bool,
    page: Option<String>,
    user_id: Option<String>,
    /// The logged-in user, if the function depends on the user.
    shown_to: Option<String>,
    /// The stored call that this page shows: it was refused, or it waited for a login.
    pending_call: Option<PendingCall>,
    /// The minimum length of a new password, in characters.
    password_chars: usize,
    alternatives: Vec<(String, String)>,
) -> impl IntoView {
    let path = StoredValue::new(target.path);
    let then = StoredValue::new(then);
    let user = StoredValue::new(shown_to.clone());
    let here = page.clone().unwrap_or_else(|| target.page.clone());
    let shape = StoredValue::new(target.arguments.clone());
    let (typed, state) = pending_call.map(|call| (call.typed, call.state)).unzip();
    let is_back_from_login = matches!(state, Some(State::Waiting { .. }));
    let outcome = match state {
        Some(State::Done(outcome)) => Some(outcome),
        _ => None,
    };
    let faults = RwSignal::new(outcome.as_ref().map(Outcome::faults).unwrap_or_default());
    let error = RwSignal::new(outcome.as_ref().map(general_error).unwrap_or_default());
    let reply = RwSignal::new(None::<String>);
    let is_calling = RwSignal::new(false);
    let is_outdated = RwSignal::new(false);
    let is_ready = hydrated();
    let (form, continue_link) = (NodeRef::<html::Form>::new(), NodeRef::<html::A>::new());
    let has_code = code_from_fragment(form);
    // The button that had the focus is hidden by then.
    Effect::new(move |_| continue_link.get().map(|link| link.focus()));
    let submit = move |event: web_sys::SubmitEvent| {
        let Some(form) = form.get_untracked().filter(|_| !is_for_elsewhere(&event)) else {
            return;
        };
        event.prevent_default();
        if is_calling.get_untracked() {
            return;
        }
        let body = shape.with_value(|shape| arguments(&form, shape));
        faults.set(body.as_ref().err().cloned().unwrap_or_default());
        let Ok(body) = body else {
            focus_first_wrong(form);
            return;
        };
        // Cleared first, so that screen readers announce the same error again.
        error.set(String::new());
        is_calling.set(true);
        spawn_local(async move {
            let outcome = call(&path.get_value(), body, user.get_value().as_deref(), None).await;
            is_calling.set(false);
            if outcome.is_ok() {
                if shows_reply {
                    reply.set(Some(text_in(&outcome.body, "msg")));
                } else {
                    navigate(&then.get_value());
                }
                return;
            }
            let refusal = outcome.refusal();
            // The server redirects to the login and back.
            if refusal.as_ref().is_some_and(Refusal::asks_for_login) {
                submit_without_script(&form);
                return;
            }
            is_outdated.set(refusal == Some(Refusal::OtherUser));
            // Another link may have to be pasted.
            if matches!(refusal, Some(Refusal::NotFound(_))) {
                has_code.set(false);
            }
            error.set(general_error(&outcome));
            faults.set(outcome.faults());
            focus_first_wrong(form);
        });
    };
    let text = RwSignal::new(String::new());
    let user_field = shown_to.is_some().then_some(SHOWN_TO);
    let user_name = shown_to.or(user_id);
    view! {
        {is_back_from_login.then(|| view! { <BackFromLogin/> })}
        <div role="status">
            {move || reply.get().map(|reply| view! {
                <p><strong>{reply}</strong></p>
                <p><a class="button" href=then.get_value() node_ref=continue_link>{t!("Continue")}</a></p>
            })}
        </div>
        <form
            class="panel" class:has-code=move || has_code.get() method="post" action=target.page node_ref=form
            novalidate=move || is_ready.get() hidden=move || reply.read().is_some() on:submit=submit
        >
            {(!shows_reply).then(|| view! { <input type="hidden" name=THEN value=then.get_value()/> })}
            {page.map(|page| view! { <input type="hidden" name=FORM_PAGE value=page/> })}
            // Password managers read the user name from it.
            {user_name.map(|user| view! { <input type="text" hidden readonly autocomplete="username" name=user_field value=user/> })}
            <p id="reply" tabindex="-1" class="said bad" role="alert">{move || Some(error.get()).filter(|error| !error.is_empty())}</p>
            {move || is_outdated.get().then(|| view! { <p><a class="button quiet" href=here.clone()>{t!("Reload the page")}</a></p> })}
            <Arguments shape=target.arguments typed=typed faults=faults text=text password_chars=password_chars/>
            <button class="button" type="submit" aria-disabled=move || is_calling.get().to_string()>{button}</button>
            <Alternatives buttons=alternatives/>
        </form>
    }
}

#[component]
fn BackFromLogin() -> impl IntoView {
    view! {
        <p class="notice">
            {t!("You needed to log in first. Passwords and other secrets are never stored, so enter them again.")}
        </p>
    }
}

/// Fills in the code of a one-time link. Returns whether the link had one, so that nobody has to see its field.
fn code_from_fragment(form: NodeRef<html::Form>) -> RwSignal<bool> {
    let has_code = RwSignal::new(false);
    Effect::new(move |_| {
        let Some(form) = form.get() else {
            return;
        };
        let fill = move || {
            if fill_from_fragment(&form, "code") {
                has_code.set(true);
            }
        };
        fill();
        // Opening another link in the same tab only changes the fragment.
        let listener = window_event_listener(ev::hashchange, move |_| fill());
        on_cleanup(move || listener.remove());
    });
    has_code
}

/// Buttons that send the form to other addresses: address and label of each.
#[component]
fn Alternatives(buttons: Vec<(String, String)>) -> impl IntoView {
    view! {
        {(!buttons.is_empty()).then(|| view! { <p class="or">{t!("or")}</p> })}
        {buttons
            .into_iter()
            .map(|(address, label)| view! { <button class="button quiet" type="submit" formaction=address formnovalidate>{label}</button> })
            .collect_view()}
    }
}

/// Whether one of the [`Alternatives`] submits the form. The browser then sends it as without script.
fn is_for_elsewhere(event: &web_sys::SubmitEvent) -> bool {
    event
        .submitter()
        .is_some_and(|button| button.has_attribute("formaction"))
}

/// The message of a refusal above the form. Empty if faults are shown beside the fields.
fn general_error(outcome: &Outcome) -> String {
    if outcome.faults().is_empty() {
        text_in(&outcome.body, "error")
    } else {
        String::new()
    }
}

fn text_in(body: &str, name: &str) -> String {
    let reply: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let text = reply
        .as_ref()
        .and_then(|reply| reply.get(name))
        .and_then(serde_json::Value::as_str);
    text.map_or_else(|| Refusal::Unreachable.message().to_string(), str::to_owned)
}

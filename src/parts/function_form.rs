//! The form of a function on a page that is made for one purpose, such as choosing a password with a one-time link.
//!
//! It works without script. With script it calls in place, says what is wrong beside the fields, and then leads on. While the
//! function refuses everybody, the reason stands in its place.

use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    arguments::Arguments,
    browser::{arguments, call, fill_from_fragment, focus_first_wrong, go, hydrated, send_without_script},
    program::Program,
    visit::Visit,
};
use crate::contract::{
    Refusal,
    form_data::{FORM_PAGE, SHOWN_TO, THEN},
    function::FunctionView,
    pending_call::{Outcome, PendingCall, State},
};

/// The form of the function with that name.
#[component]
pub fn FunctionForm(
    /// The name of the function.
    name: &'static str,
    /// What to know before filling it in.
    #[prop(optional)]
    about: &'static str,
    /// What the button says.
    button: &'static str,
    /// Where to go when it is done.
    #[prop(into)]
    then: String,
    /// Whether the reply has to be read before going on.
    #[prop(optional)]
    reads_reply: bool,
    /// Whose password is chosen, for password managers.
    #[prop(optional_no_strip)]
    user_id: Option<String>,
    /// The page that it stands on, where refusals are to be shown there without script, too, and not on the page of the function.
    #[prop(optional, into)]
    page: Option<String>,
) -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    view! {
        <Suspense>
            {move || {
                let (then, page, user_id) = (then.clone(), page.clone(), user_id.clone());
                Suspend::new(async move {
                match functions.named(name).await {
                    Ok(Some(FunctionView { closed: Some(why), .. })) => view! { <p class="notice">{why}</p> }.into_any(),
                    Ok(Some(function)) => {
                        let user = if function.rule.open { None } else { visit.user().await.ok().flatten() };
                        let shown_to = user.map(|user| user.user_id);
                        view! {
                            {(!about.is_empty()).then(|| view! { <p>{about}</p> })}
                            <PurposeForm
                                function=function
                                button=button.to_owned()
                                then=then
                                reads_reply=reads_reply
                                page=page
                                user_id=user_id
                                shown_to=shown_to
                                kept=visit.kept_call(name)
                                password_chars=visit.site().password_chars
                            />
                            <Program/>
                        }
                        .into_any()
                    }
                    Ok(None) => ().into_any(),
                    Err(refusal) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
                }
                })
            }}
        </Suspense>
    }
}

/// The form itself.
#[island(lazy)]
pub fn PurposeForm(
    /// The function.
    function: FunctionView,
    /// What the button says.
    button: String,
    /// Where to go when it is done.
    then: String,
    /// Whether the reply has to be read before going on.
    reads_reply: bool,
    /// The page that it stands on, if that shows what was refused.
    page: Option<String>,
    /// Whose password is chosen with a one-time link.
    user_id: Option<String>,
    /// Whom the form is shown to, where it is for who is logged in.
    shown_to: Option<String>,
    /// What was typed and refused there.
    kept: Option<PendingCall>,
    /// The fewest characters of a new password.
    password_chars: usize,
) -> impl IntoView {
    let path = StoredValue::new(function.path());
    let then = StoredValue::new(then);
    let user = StoredValue::new(shown_to.clone());
    let here = page.clone().unwrap_or_else(|| function.page());
    let shape = StoredValue::new(function.arguments.clone());
    let (typed, state) = kept.map(|call| (call.typed, call.state)).unzip();
    let is_back_from_login = matches!(state, Some(State::Waiting { .. }));
    let outcome = match state {
        Some(State::Done(outcome)) => Some(outcome),
        _ => None,
    };
    let faults = RwSignal::new(outcome.as_ref().map(Outcome::faults).unwrap_or_default());
    let said = RwSignal::new(outcome.as_ref().map(said_of).unwrap_or_default());
    let done = RwSignal::new(None::<String>);
    let is_calling = RwSignal::new(false);
    let is_outdated = RwSignal::new(false);
    let is_ready = hydrated();
    let (form, go_on) = (NodeRef::<html::Form>::new(), NodeRef::<html::A>::new());
    Effect::new(move |_| {
        let Some(form) = form.get() else {
            return;
        };
        fill_from_fragment(&form, "code");
        // Another link that is opened in the same tab loads no page.
        let listener = window_event_listener(ev::hashchange, move |_| fill_from_fragment(&form, "code"));
        on_cleanup(move || listener.remove());
    });
    // The button that was pressed is gone by then.
    Effect::new(move |_| go_on.get().map(|link| link.focus()));
    let submit = move |event: web_sys::SubmitEvent| {
        let Some(form) = form.get_untracked() else {
            return;
        };
        event.prevent_default();
        if is_calling.get_untracked() {
            return;
        }
        let body = match shape.with_value(|shape| arguments(&form, shape)) {
            Ok(body) => body,
            Err(wrong) => {
                faults.set(wrong);
                focus_first_wrong(form);
                return;
            }
        };
        faults.set(Vec::new());
        // Where the same is said again, it is announced again.
        said.set(String::new());
        is_calling.set(true);
        spawn_local(async move {
            let came = call(&path.get_value(), body, user.get_value().as_deref()).await;
            is_calling.set(false);
            if came.is_ok() {
                if reads_reply {
                    done.set(Some(message_of(&came.body, "msg")));
                } else {
                    go(&then.get_value());
                }
                return;
            }
            let refusal = came.refusal();
            // The server leads there and back.
            if refusal.as_ref().is_some_and(Refusal::asks_for_login) {
                send_without_script(&form);
                return;
            }
            is_outdated.set(refusal == Some(Refusal::OtherUser));
            said.set(said_of(&came));
            faults.set(came.faults());
            focus_first_wrong(form);
        });
    };
    let text = RwSignal::new(String::new());
    let name = shown_to.is_some().then_some(SHOWN_TO);
    let whose = shown_to.or(user_id);
    view! {
        {is_back_from_login.then(|| view! {
            <p class="notice">"You needed to log in first, and what is secret is never kept. Enter it again."</p>
        })}
        <div role="status">
            {move || done.get().map(|done| view! {
                <p><strong>{done}</strong></p>
                <p><a class="button" href=then.get_value() node_ref=go_on>"Continue"</a></p>
            })}
        </div>
        <form
            class="panel"
            method="post"
            action=function.page()
            node_ref=form
            novalidate=move || is_ready.get()
            hidden=move || done.read().is_some()
            on:submit=submit
        >
            {(!reads_reply).then(|| view! { <input type="hidden" name=THEN value=then.get_value()/> })}
            {page.map(|page| view! { <input type="hidden" name=FORM_PAGE value=page/> })}
            // Password managers find the name in it.
            {whose.map(|user| view! { <input type="text" hidden readonly autocomplete="username" name=name value=user/> })}
            <p id="reply" tabindex="-1" class="said bad" role="alert">{move || Some(said.get()).filter(|said| !said.is_empty())}</p>
            {move || is_outdated.get().then(|| view! { <p><a class="button quiet" href=here.clone()>"Reload the page"</a></p> })}
            <Arguments shape=function.arguments.clone() typed=typed faults=faults text=text password_chars=password_chars/>
            <button class="button" type="submit" aria-disabled=move || is_calling.get().to_string()>{button}</button>
        </form>
    }
}

/// What is said of a refused call as a whole: nothing where it is said beside the fields.
fn said_of(came: &Outcome) -> String {
    if came.faults().is_empty() {
        message_of(&came.body, "error")
    } else {
        String::new()
    }
}

/// A text in a reply.
fn message_of(body: &str, name: &str) -> String {
    let reply: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let text = reply
        .as_ref()
        .and_then(|reply| reply.get(name))
        .and_then(serde_json::Value::as_str);
    text.map_or_else(|| Refusal::Unreachable.message(), str::to_owned)
}

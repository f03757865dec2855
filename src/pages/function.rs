//! The page of a function: what it does, who may call it, a form to call it with, and what came of it.
//!
//! The form works without script. With script it calls the JSON endpoint in place; where that wants a login, the form is
//! sent as without script, because that way the server keeps what was typed until after the login.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFound;
use crate::{
    contract::{
        Refusal,
        function::{Form, FunctionView},
        kept_call::KeptCall,
    },
    parts::{
        arguments::{Arguments, Typed},
        browser::call,
        curl::Curl,
        guard_badge::GuardBadge,
        reply::Reply,
        visit::{Visit, set_status},
    },
};

/// The page of the function that the path names.
#[component]
pub fn FunctionPage() -> impl IntoView {
    let visit = Visit::current();
    let params = use_params_map();
    view! {
        <Suspense>
            {move || {
                let name = params.read().get("name").unwrap_or_default();
                Suspend::new(async move { page(visit, &name, visit.functions().await) })
            }}
        </Suspense>
    }
}

fn page(visit: Visit, name: &str, functions: Result<Vec<FunctionView>, Refusal>) -> AnyView {
    match functions.map(|functions| functions.into_iter().find(|function| function.name == name)) {
        Ok(Some(function)) => {
            let kept = visit.kept_call(name);
            view! { <Callable function=function kept=kept/> }.into_any()
        }
        Ok(None) => view! { <NotFound/> }.into_any(),
        Err(refusal) => {
            set_status(refusal.status());
            view! { <p role="alert">{refusal.message()}</p> }.into_any()
        }
    }
}

#[component]
fn Callable(function: FunctionView, kept: Option<KeptCall>) -> impl IntoView {
    let visit = Visit::current();
    let (kept_text, kept_outcome) = kept.map(|kept| (kept.arguments, kept.outcome)).unzip();
    let typed = Typed::new(
        kept_text
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| function.example()),
    );
    let outcome = RwSignal::new(kept_outcome.flatten());
    let is_calling = RwSignal::new(false);
    let form_element = NodeRef::<leptos::html::Form>::new();

    let (path, is_open) = (function.path(), function.guard.is_open());
    let form = function.form.clone();
    let asks_for_password = form.asks_for_password();
    let may_change_user = move |visit: Visit| asks_for_password || !visit.is_logged_out();
    let on_submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let Some(element) = form_element.get_untracked().filter(|_| !is_calling.get_untracked()) else {
            return;
        };
        let Some(body) = typed.body(&form, &element) else {
            return;
        };
        if !is_open && visit.is_logged_out() {
            ask_for_login(&element);
            return;
        }
        let path = path.clone();
        is_calling.set(true);
        spawn_local(async move {
            let came = call(&path, body).await;
            is_calling.set(false);
            if came.status == Refusal::NotLoggedIn.status() && is_not_logged_in(&came.body) {
                ask_for_login(&element);
                return;
            }
            if came.is_ok() && may_change_user(visit) {
                visit.look_again();
            }
            outcome.set(Some(came));
        });
    };

    let shown = match &function.form {
        Form::Json { .. } => typed.text().into(),
        Form::Nothing | Form::Fields(_) => Signal::stored(function.example()),
    };
    view! {
        <Title text=function.name.clone()/>
        <p class="crumb"><a href="/">"All functions"</a></p>
        <div class="title">
            <h1><code>{function.name.clone()}</code></h1>
            <GuardBadge rule=function.guard/>
        </div>
        <p class="lead">{function.summary.clone()}</p>
        {function.details.iter().map(|paragraph| view! { <p>{paragraph.clone()}</p> }).collect_view()}
        <form class="panel" method="post" action=function.page() node_ref=form_element on:submit=on_submit>
            <Arguments form=function.form.clone() typed=typed/>
            <button class="button" type="submit" aria-disabled=move || is_calling.get().to_string()>"Call"</button>
        </form>
        <Reply outcome=outcome is_calling=is_calling/>
        <Curl function=function body=shown/>
    }
}

/// Sends the form as without script: the server keeps what was typed, and asks for the login.
fn ask_for_login(form: &web_sys::HtmlFormElement) {
    // It raises no event and fails only where the form has left the page.
    let _ = form.submit();
}

/// `login` answers 401 to a wrong password, too: only the code tells the two apart.
fn is_not_logged_in(body: &str) -> bool {
    serde_json::from_str(body).is_ok_and(|refusal: Refusal| refusal == Refusal::NotLoggedIn)
}

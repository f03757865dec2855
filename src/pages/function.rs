//! The page of a function: what it does, who may call it, a form to call it, and the reply. A function that currently refuses
//! every caller has no form.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFound;
use crate::{
    contract::{
        Refusal,
        function::FunctionView,
        pending_call::{PendingCall, State},
        user::WhoAmI,
    },
    parts::{
        call_form::CallForm, call_stats::CallsOfFunction, guard_badge::GuardBadge, program::Program, prose::prose,
        refused::title_of, reply::Reply, visit::Visit,
    },
    t,
};

/// The page of the function that the path names.
#[component]
pub fn FunctionPage() -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    let params = use_params_map();
    view! {
        <Suspense>
            {move || {
                let name = params.read().get("name").unwrap_or_default();
                Suspend::new(async move { page(visit, functions.named(&name).await).await })
            }}
        </Suspense>
    }
}

async fn page(visit: Visit, function: Result<Option<FunctionView>, Refusal>) -> AnyView {
    match function {
        Ok(Some(function)) => {
            let whoami = visit.whoami().await;
            view! { <Callable function=function whoami=whoami/> }.into_any()
        }
        Ok(None) => view! { <NotFound/> }.into_any(),
        Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
    }
}

#[component]
fn Callable(function: FunctionView, whoami: Result<Option<WhoAmI>, Refusal>) -> impl IntoView {
    let visit = Visit::current();
    let pending_call = visit.pending_call(&function.name);
    let is_refused = matches!(&pending_call, Some(PendingCall { state: State::Done(outcome), .. }) if !outcome.is_ok());
    let site = visit.site();
    let name = function.name.clone();
    view! {
        <Title text=title_of(&function.name, is_refused)/>
        <p class="crumb"><a href="/">{t!("All functions")}</a></p>
        <div class="title">
            <h1><code translate="no">{function.name.clone()}</code></h1>
            <GuardBadge rule=function.rule.clone() is_closed=function.closed.is_some()/>
        </div>
        <p class="lead" lang=function.summary.lang()>{prose(function.summary.current())}</p>
        {function.details.iter().map(|text| view! { <p lang=text.lang()>{prose(text.current())}</p> }).collect_view()}
        {match function.closed.clone() {
            Some(reason) => view! { <Closed reason=reason.to_string() pending_call=pending_call/> }.into_any(),
            None => view! {
                <CallForm
                    function=function whoami=whoami pending_call=pending_call
                    password_chars=site.password_chars origin=site.origin ca_file=site.ca_file
                />
                <Program/>
            }
            .into_any(),
        }}
        <CallsOfFunction name=name/>
    }
}

/// Why the function currently refuses every caller, with the outcome of a call that was made by form nevertheless.
#[component]
fn Closed(reason: String, pending_call: Option<PendingCall>) -> impl IntoView {
    let outcome = pending_call.and_then(|call| match call.state {
        State::Done(outcome) => Some(outcome),
        State::Waiting { .. } => None,
    });
    view! {
        <p class="notice">{reason}</p>
        {outcome.map(|outcome| view! { <Reply outcome=Some(outcome) is_calling=false/> })}
    }
}

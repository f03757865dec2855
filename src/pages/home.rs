//! The home page: what this is, who one is, and the functions that can be called.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    contract::{Refusal, function::FunctionView},
    parts::{guard_badge::GuardBadge, prose::prose, visit::Visit},
};

/// The home page.
#[component]
pub fn Home() -> impl IntoView {
    let visit = Visit::current();
    view! {
        <Title text=""/>
        <section class="intro">
            <h1>"Functions behind a login"</h1>
            <p class="lead">
                "Log in once, then call functions: from these pages, from plain JSON, or from a form without script. \
                 Some are open to anyone; the others ask their guard first, whichever way you come."
            </p>
            <Suspense>
                {move || Suspend::new(async move {
                    visit.user().await.ok().map(|user| match user {
                        Some(user) => view! {
                            <p class="you">"You are " <strong>{user.user_id}</strong> ". The functions below are open to you; some ask for your password once more."</p>
                        }
                        .into_any(),
                        None => view! {
                            <p class="you">"You are not logged in. " <a href="/login">"Log in"</a> " to call the guarded functions."</p>
                        }
                        .into_any(),
                    })
                })}
            </Suspense>
        </section>
        <section aria-labelledby="functions">
            <h2 id="functions">"Functions"</h2>
            <Suspense>
                {move || Suspend::new(async move { list(visit.functions().await) })}
            </Suspense>
        </section>
    }
}

fn list(functions: Result<Vec<FunctionView>, Refusal>) -> AnyView {
    match functions {
        Ok(functions) => view! {
            <ul class="functions">
                {functions.into_iter().map(|function| view! { <FunctionRow function=function/> }).collect_view()}
            </ul>
        }
        .into_any(),
        Err(refusal) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
    }
}

#[component]
fn FunctionRow(function: FunctionView) -> impl IntoView {
    view! {
        <li>
            <div>
                <a class="name" href=function.page()><code>{function.name.clone()}</code></a>
                <p>{prose(&function.summary)}</p>
            </div>
            <GuardBadge rule=function.rule/>
        </li>
    }
}

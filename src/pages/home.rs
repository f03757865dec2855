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
    let functions = visit.functions();
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
                            <p class="you">"You are " <strong>{user.user_id}</strong> ". Some functions ask for your password once more, those below \"Administration\" for a permission."</p>
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
        <Suspense>
            {move || Suspend::new(async move { lists(functions.all().await) })}
        </Suspense>
    }
}

fn lists(functions: Result<Vec<FunctionView>, Refusal>) -> AnyView {
    match functions {
        Ok(functions) => {
            let (administration, others): (Vec<_>, Vec<_>) =
                functions.into_iter().partition(|function| function.rule.by_permission);
            view! {
                <List id="functions" heading="Functions" functions=others/>
                <List id="administration" heading="Administration" functions=administration/>
            }
            .into_any()
        }
        Err(refusal) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
    }
}

#[component]
fn List(id: &'static str, heading: &'static str, functions: Vec<FunctionView>) -> impl IntoView {
    view! {
        <section aria-labelledby=id>
            <h2 id=id>{heading}</h2>
            <ul class="functions">
                {functions.into_iter().map(|function| view! { <FunctionRow function=function/> }).collect_view()}
            </ul>
        </section>
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

//! The home page: an introduction, the user, and the list of functions.

use leptos::prelude::*;
use leptos_meta::Title;
use strum::VariantArray as _;

use crate::{
    contract::{
        Refusal,
        function::{FunctionView, Group},
    },
    parts::{guard_badge::GuardBadge, prose::prose, visit::Visit},
    sentence, t,
};

#[component]
pub fn Home() -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    view! {
        <Title text=""/>
        <section class="intro">
            <h1>{t!("Functions behind a login")}</h1>
            <p class="lead">
                {t!("Log in once, then call functions from these pages or with JSON. The pages also work without JavaScript. \
                     Some functions are open to anyone. The others check who you are, however you call them.")}
            </p>
            <Suspense>
                {move || Suspend::new(async move {
                    visit.user().await.ok().map(|user| match user {
                        Some(user) => view! {
                            <p class="you">
                                {sentence!(
                                    "You are logged in as {user}. Some functions need a permission, or a recent login.",
                                    user = view! { <strong>{user.user_id}</strong> },
                                )}
                            </p>
                        }
                        .into_any(),
                        None => view! {
                            <p class="you">
                                {sentence!(
                                    "You are not logged in. {link} to call the guarded functions.",
                                    link = view! { <a href="/login">{t!("Log in")}</a> },
                                )}
                            </p>
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
        Ok(functions) => Group::VARIANTS
            .iter()
            .map(|&group| {
                let functions = functions.iter().filter(|function| function.group == group);
                view! { <List group=group functions=functions.cloned().collect()/> }
            })
            .collect_view()
            .into_any(),
        Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
    }
}

#[component]
fn List(group: Group, functions: Vec<FunctionView>) -> impl IntoView {
    let id = group.name();
    (!functions.is_empty()).then(|| {
        view! {
            <section aria-labelledby=id>
                <h2 id=id>{group.words().to_string()}</h2>
                <ul class="functions">
                    {functions.into_iter().map(|function| view! { <FunctionRow function=function/> }).collect_view()}
                </ul>
            </section>
        }
    })
}

#[component]
fn FunctionRow(function: FunctionView) -> impl IntoView {
    view! {
        <li>
            <div>
                <a class="name" href=function.page()><code translate="no">{function.name.clone()}</code></a>
                <p lang=function.summary.lang()>{prose(function.summary.current())}</p>
            </div>
            <GuardBadge rule=function.rule is_closed=function.closed.is_some()/>
        </li>
    }
}

//! The home page: an introduction or a greeting, and the functions with a search.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use strum::VariantArray as _;

use crate::{
    contract::{
        Language,
        function::{FunctionView, Group},
    },
    parts::{
        filter::{Field, address, value_of},
        guard_badge::GuardBadge,
        prose::prose,
        visit::Visit,
    },
    sentence, t,
};

/// The query parameter with the words to search for.
const SEARCH: &str = "q";
/// The query parameter that lists also the functions that the user cannot call, with the value [`YES`].
const ALL: &str = "all";
const YES: &str = "yes";

#[component]
pub fn Home() -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    let query = use_query_map();
    view! {
        <Title text=""/>
        <Suspense>
            {move || Suspend::new(async move {
                match visit.user().await {
                    Ok(Some(user)) => view! {
                        <h1 class="greeting">{sentence!("Hello, {user}", user = view! { <span translate="no">{user.user_id}</span> })}</h1>
                    }
                    .into_any(),
                    found => view! { <Introduction is_known=found.is_ok()/> }.into_any(),
                }
            })}
        </Suspense>
        <Suspense>
            {move || Suspend::new(async move {
                let query = query.get_untracked();
                match functions.all().await {
                    Ok(functions) => view! { <Found functions=functions refused=visit.refused_functions() query=query/> }.into_any(),
                    Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// What the site is for, for visitors.
#[component]
fn Introduction(
    /// Whether it is known that nobody is logged in.
    is_known: bool,
) -> impl IntoView {
    view! {
        <section class="intro">
            <h1>{t!("Functions behind a login")}</h1>
            <p class="lead">
                {t!("Log in once, then call functions from these pages or with JSON. The pages also work without JavaScript. \
                     Some functions are open to anyone. The others check who you are, however you call them.")}
            </p>
            {is_known.then(|| view! {
                <p class="you">
                    {sentence!(
                        "You are not logged in. {link} to call the guarded functions.",
                        link = view! { <a href="/login">{t!("Log in")}</a> },
                    )}
                </p>
            })}
        </section>
    }
}

/// A function, and whether its guard allows the user. Visitors may call none of the guarded ones, so all are listed for them.
struct Row {
    function: FunctionView,
    is_allowed: bool,
}

#[component]
fn Found(
    functions: Vec<FunctionView>,
    /// The functions whose guards refuse the user. `None` if nobody is logged in.
    refused: Option<Vec<String>>,
    query: ParamsMap,
) -> impl IntoView {
    let search = value_of(&query, SEARCH).trim().to_owned();
    let shows_all = value_of(&query, ALL) == YES;
    let is_logged_in = refused.is_some();
    let refused = refused.unwrap_or_default();
    let mut rows: Vec<Row> = functions
        .into_iter()
        .filter(|function| matches(function, &search))
        .map(|function| Row {
            is_allowed: !is_logged_in || (function.closed.is_none() && !refused.contains(&function.name)),
            function,
        })
        .collect();
    let refused_count = rows.iter().filter(|row| !row.is_allowed).count();
    if !shows_all {
        rows.retain(|row| row.is_allowed);
    }
    let is_search = !search.is_empty();
    let count = is_search.then(|| match rows.len() {
        0 => t!("No function found.").to_owned(),
        1 => t!("1 function found.").to_owned(),
        n => t!("{n} functions found.", n),
    });
    let other = match (refused_count, shows_all) {
        (0, _) => None,
        (_, true) => Some(t!("Show only functions that you can call").to_owned()),
        (n, false) => Some(t!("Show also functions that you cannot call ({n})", n)),
    };
    let address = address("/", &[(SEARCH, &search), (ALL, if shows_all { "" } else { YES })]);
    view! {
        <form class="filter find" method="get" action="/" role="search" aria-label=t!("Functions")>
            <Field name=SEARCH label=t!("Search functions") value=search kind="search"/>
            {shows_all.then(|| view! { <input type="hidden" name=ALL value=YES/> })}
            <button class="button quiet" type="submit">{t!("Search")}</button>
        </form>
        {count.map(|count| view! { <p>{count}" "<a href="/">{t!("Clear the search")}</a></p> })}
        {other.map(|label| view! { <p><a href=address>{label}</a></p> })}
        {groups(rows, is_search)}
    }
}

/// Whether the name or the summary has each word of `search`, in any case. The summary may be in any language.
fn matches(function: &FunctionView, search: &str) -> bool {
    let summary = &function.summary;
    let texts = [
        function.name.as_str(),
        summary.in_language(Language::En),
        summary.in_language(Language::Ko),
    ]
    .map(str::to_lowercase);
    let is_in_one = |word: &str| texts.iter().any(|text| text.contains(word));
    search.to_lowercase().split_whitespace().all(is_in_one)
}

fn groups(mut rows: Vec<Row>, is_search: bool) -> AnyView {
    Group::VARIANTS
        .iter()
        .map(|&group| {
            let (of_group, others) = rows.drain(..).partition(|row| row.function.group == group);
            rows = others;
            view! { <List group=group rows=of_group is_search=is_search/> }
        })
        .collect_view()
        .into_any()
}

#[component]
fn List(group: Group, rows: Vec<Row>, is_search: bool) -> impl IntoView {
    let id = group.name();
    let count = rows.len();
    let heading = view! { <h2 id=id>{group.words().to_string()}</h2> };
    let list = view! { <ul class="functions">{rows.into_iter().map(|row| view! { <FunctionRow row=row/> }).collect_view()}</ul> };
    (count > 0).then(|| {
        // Most users never need them.
        let is_folded = group == Group::Administration;
        view! {
            <section aria-labelledby=id>
                {if is_folded {
                    view! {
                        <details class="group" open=is_search>
                            <summary>{heading}<span class="quiet">{count}</span></summary>
                            {list}
                        </details>
                    }
                    .into_any()
                } else {
                    view! { {heading} {list} }.into_any()
                }}
            </section>
        }
    })
}

#[component]
fn FunctionRow(row: Row) -> impl IntoView {
    let Row { function, is_allowed } = row;
    // The link of the row covers the marks, which have the same tooltip.
    let tooltip = function.rule.words.to_string();
    view! {
        <li title=tooltip>
            <div>
                <a class="name" href=function.page()><code translate="no">{function.name.clone()}</code></a>
                <p lang=function.summary.lang()>{prose(function.summary.current())}</p>
            </div>
            {(!is_allowed && function.closed.is_none()).then(|| view! { <span class="mark-word role">{t!("No permission")}</span> })}
            <GuardBadge rule=function.rule is_closed=function.closed.is_some()/>
        </li>
    }
}

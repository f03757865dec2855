//! What pages with a filter have in common: they read the query of their address, offer choices, and lead on to more.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

/// What stands in the query under a name; empty where nothing does.
pub fn value_of<'a>(query: &'a ParamsMap, name: &str) -> &'a str {
    query.get_str(name).unwrap_or_default()
}

/// A choice in a filter.
#[component]
pub fn Choice(
    /// The name of the field, which is also its id.
    name: &'static str,
    /// What it is called.
    label: &'static str,
    /// What is chosen.
    chosen: String,
    /// What there is to choose from, and what each is called.
    choices: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    let options = choices
        .into_iter()
        .map(|(value, words)| view! { <option value=value selected=value == chosen>{words}</option> })
        .collect_view();
    view! {
        <div>
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
        </div>
    }
}

/// A link to the next page: the same address with one part of its query replaced.
#[component]
pub fn More(
    /// The path of this page.
    path: &'static str,
    /// Its query.
    query: ParamsMap,
    /// Which part of it says where a page begins.
    name: &'static str,
    /// What it is on the next page. Without it, there is none.
    next: Option<String>,
    /// What the link says.
    what: &'static str,
) -> impl IntoView {
    next.map(|next| {
        let mut query = query;
        query.replace(name, next);
        view! { <p><a class="button quiet" href=format!("{path}{}", query.to_query_string())>{what}</a></p> }
    })
}

//! What pages with a filter have in common: they read the query of their address, and lead on to more.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

/// What stands in the query under a name; empty where nothing does.
pub fn asked<'a>(query: &'a ParamsMap, name: &str) -> &'a str {
    query.get_str(name).unwrap_or_default()
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

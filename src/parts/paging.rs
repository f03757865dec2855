//! The link to the next page of a list.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::notice::DONE;

/// A link to the next page of a list: the same address with one query parameter replaced.
#[component]
pub fn More(
    path: &'static str,
    query: ParamsMap,
    /// The query parameter that says where a page starts.
    name: &'static str,
    /// Its value for the next page. `None` on the last page, which has no link.
    next: Option<String>,
    label: &'static str,
) -> impl IntoView {
    next.map(|next| {
        let mut query = query;
        query.replace(name, next);
        query.remove(DONE);
        view! { <p><a class="button quiet" href=format!("{path}{}", query.to_query_string())>{label}</a></p> }
    })
}

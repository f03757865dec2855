//! Shared by pages that list entries: reading the query, the fields of a filter, and the link to the next page.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::t;

pub fn value_of<'a>(query: &'a ParamsMap, name: &str) -> &'a str {
    query.get_str(name).unwrap_or_default()
}

/// A text or a date in a filter.
#[component]
pub fn Field(
    /// The name of the field and the id of the element.
    name: &'static str,
    #[prop(into)] label: String,
    value: String,
    #[prop(default = "text")] kind: &'static str,
) -> impl IntoView {
    view! {
        <div>
            <label for=name>{label}</label>
            <input id=name name=name type=kind value=value autocapitalize="off" spellcheck="false"/>
        </div>
    }
}

#[component]
pub fn Choice(
    /// The name of the field and the id of the element.
    name: &'static str,
    label: &'static str,
    chosen: String,
    /// The label of the empty value.
    #[prop(default = t!("any"))]
    empty: &'static str,
    /// The other values with their labels.
    choices: Vec<(&'static str, String)>,
) -> impl IntoView {
    let options = [("", empty.to_owned())]
        .into_iter()
        .chain(choices)
        .map(|(value, label)| view! { <option value=value selected=value == chosen>{label}</option> })
        .collect_view();
    view! {
        <div>
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
        </div>
    }
}

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
        view! { <p><a class="button quiet" href=format!("{path}{}", query.to_query_string())>{label}</a></p> }
    })
}

//! Shared by pages that list entries: reading the query, the fields of a filter, and the link to the next page.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::notice::DONE;
use crate::{
    contract::{Message, letter_case::capitalized},
    t,
};

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
    /// Why the value is invalid.
    #[prop(optional_no_strip)]
    fault: Option<Message>,
) -> impl IntoView {
    let is_wrong = fault.is_some();
    view! {
        <div>
            <label for=name>{label}</label>
            <input
                id=name name=name type=kind value=value autocapitalize="off" spellcheck="false"
                aria-invalid=is_wrong.then_some("true") aria-describedby=is_wrong.then(|| id_of_fault(name)) autofocus=is_wrong
            />
            <Fault name=name fault=fault/>
        </div>
    }
}

#[component]
pub fn Choice<V: Into<String> + 'static>(
    /// The name of the field and the id of the element.
    name: &'static str,
    label: &'static str,
    chosen: String,
    /// The label of the empty value.
    #[prop(default = t!("any"))]
    empty: &'static str,
    /// The other values with their labels.
    choices: Vec<(V, String)>,
    /// Why the chosen value is invalid.
    #[prop(optional_no_strip)]
    fault: Option<Message>,
) -> impl IntoView {
    let is_wrong = fault.is_some();
    let mut choices: Vec<(String, String)> = choices
        .into_iter()
        .map(|(value, label)| (value.into(), label))
        .collect();
    // A value that the filter has nevertheless, so that the form shows it.
    if !chosen.is_empty() && choices.iter().all(|(value, _)| *value != chosen) {
        choices.push((chosen.clone(), chosen.clone()));
    }
    let options = [(String::new(), empty.to_owned())]
        .into_iter()
        .chain(choices)
        .map(|(value, label)| view! { <option value=value.clone() selected=value == chosen>{label}</option> })
        .collect_view();
    view! {
        <div>
            <label for=name>{label}</label>
            <select
                id=name name=name
                aria-invalid=is_wrong.then_some("true") aria-describedby=is_wrong.then(|| id_of_fault(name)) autofocus=is_wrong
            >
                {options}
            </select>
            <Fault name=name fault=fault/>
        </div>
    }
}

/// Why the value of a field is invalid.
#[component]
fn Fault(name: &'static str, fault: Option<Message>) -> impl IntoView {
    fault.map(|fault| view! { <p id=id_of_fault(name) class="said bad">{capitalized(&format!("{fault}."))}</p> })
}

fn id_of_fault(name: &str) -> String {
    format!("fault-{name}")
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
        query.remove(DONE);
        view! { <p><a class="button quiet" href=format!("{path}{}", query.to_query_string())>{label}</a></p> }
    })
}

//! The filter of a list, and links to a list with a filter.

use std::fmt::Write as _;

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::paging::value_of;
use crate::t;

/// A form that is folded on narrow screens. Its summary says how many values are set.
#[component]
pub fn Filter(
    path: &'static str,
    label: &'static str,
    query: ParamsMap,
    /// The names of the fields.
    fields: &'static [&'static str],
    /// Whether the form is shown in any case, because a value is invalid.
    is_open: bool,
    children: Children,
) -> impl IntoView {
    let count = fields
        .iter()
        .filter(|field| !value_of(&query, field).is_empty())
        .count();
    let summary = match count {
        0 => t!("Filter").to_owned(),
        n => t!("Filter ({n})", n),
    };
    view! {
        <details class="filters" open=is_open>
            <summary>{summary}</summary>
            <form class="filter" method="get" action=path role="search" aria-label=label>
                {children()}
                <div class="buttons">
                    <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
                    {(count > 0).then(|| view! { <a class="button quiet" href=path>{t!("Clear"; "filter")}</a> })}
                </div>
            </form>
        </details>
    }
}

/// What stands in place of an empty list: a sentence and, if there is a filter, a link to the whole list.
#[component]
pub fn Nothing(text: &'static str, path: &'static str, query: ParamsMap) -> impl IntoView {
    let is_filtered = !query.to_query_string().is_empty();
    view! {
        <p class="quiet">
            {text}
            {is_filtered.then(|| view! { " " <a href=path>{t!("Clear the filter")}</a> })}
        </p>
    }
}

/// The address of a page with these values in its query. Empty ones are left out.
pub fn address(path: &str, values: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        let separator = if address.contains('?') { '&' } else { '?' };
        address.push(separator);
        address.push_str(name);
        address.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => address.push(char::from(byte)),
                byte => {
                    // Writing to a string does not fail.
                    let _ = write!(address, "%{byte:02X}");
                }
            }
        }
    }
    address
}

/// The values of a query that are set, to change some of them for a link.
pub fn values<'a>(query: &'a ParamsMap, names: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    names.iter().map(|name| (*name, value_of(query, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_empty_ones_left_out() {
        assert_eq!(address("/calls", &[("user", ""), ("function", "")]), "/calls");
        assert_eq!(
            address("/calls", &[("user", "a&é"), ("hour", ""), ("outcome", "not_found")]),
            "/calls?user=a%26%C3%A9&outcome=not_found"
        );
    }
}

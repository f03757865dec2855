//! The filter of a list with its fields, and links to a list with a filter.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{refused::Refused, visit::set_status};
use crate::{
    contract::{Message, Refusal, letter_case::capitalized},
    t,
};

/// The characters to escape in the value of a query: all but the unreserved ones (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query parameters that stay when a filter is cleared: the period of charts, and the order.
const KEPT: &[&str] = &["by", "order"];

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
    let count = count(&query, fields);
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
                    {(count > 0).then(|| view! { <a class="button quiet" href=cleared(path, &query)>{t!("Clear"; "filter")}</a> })}
                </div>
            </form>
        </details>
    }
}

/// What stands in place of an empty list: a sentence and, if there is a filter, a link to the whole list.
#[component]
pub fn Nothing(
    text: &'static str,
    path: &'static str,
    query: ParamsMap,
    /// The names of the fields.
    fields: &'static [&'static str],
) -> impl IntoView {
    let clear = (count(&query, fields) > 0).then(|| {
        view! { " " <a href=cleared(path, &query)>{t!("Clear the filter")}</a> }
    });
    view! { <p class="quiet">{text}{clear}</p> }
}

/// What stands in place of the list if a value of the filter is invalid: the fault, unless its field shows it. Sets the status
/// of the page.
#[component]
pub fn Invalid(
    refusal: Refusal,
    /// The names of the fields that show their faults.
    fields: &'static [&'static str],
) -> impl IntoView {
    set_status(refusal.status());
    let is_shown = match &refusal {
        Refusal::InvalidArguments(faults) => faults.iter().all(|fault| fields.contains(&fault.field.as_str())),
        _ => false,
    };
    (!is_shown).then(|| view! { <Refused refusal=refusal/> })
}

/// Why the value of a field is invalid, if the list was refused because of it.
pub fn fault_of<T>(found: &Result<T, Refusal>, name: &str) -> Option<Message> {
    let Err(Refusal::InvalidArguments(faults)) = found else {
        return None;
    };
    let fault = faults.iter().find(|fault| fault.field == name);
    fault.map(|fault| fault.problem.clone())
}

/// A text, a number or a date in a filter.
#[component]
pub fn Field(
    /// The name of the field and the id of the element.
    name: &'static str,
    #[prop(into)] label: String,
    value: String,
    #[prop(default = "text")] kind: &'static str,
    /// The least and the greatest number.
    #[prop(optional)]
    range: Option<(u8, u8)>,
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
                min=range.map(|(least, _)| least) max=range.map(|(_, greatest)| greatest)
                aria-invalid=is_wrong.then_some("true") aria-describedby=is_wrong.then(|| id_of_fault(name)) autofocus=is_wrong
            />
            <Fault name=name fault=fault/>
        </div>
    }
}

/// A choice in a filter.
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

/// How many fields have a value.
fn count(query: &ParamsMap, fields: &[&str]) -> usize {
    let is_set = |field: &&&str| !value_of(query, field).is_empty();
    fields.iter().filter(is_set).count()
}

/// The address of a list without its filter.
fn cleared(path: &str, query: &ParamsMap) -> String {
    address(path, &values(query, KEPT))
}

/// The value of a query parameter. Empty if there is none.
pub fn value_of<'a>(query: &'a ParamsMap, name: &str) -> &'a str {
    query.get_str(name).unwrap_or_default()
}

/// The address of a page with these values in its query. Empty ones are left out.
pub fn address(path: &str, values: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = values
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)))
        .collect();
    match pairs.join("&").as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
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

    #[test]
    fn a_period_is_no_filter_and_stays_when_the_filter_is_cleared() {
        let shown = |query: &[(&'static str, &str)]| {
            let query = query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let nothing = || view! { <Nothing text="None." path="/calls" query=query fields=&["user"]/> };
            Owner::new().with(|| nothing().to_html())
        };
        let unfiltered = shown(&[("by", "day"), ("user", "")]);
        assert!(!unfiltered.contains("<a"), "{unfiltered}");
        let filtered = shown(&[("by", "day"), ("user", "ada")]);
        assert!(filtered.contains(r#"href="/calls?by=day""#), "{filtered}");
    }
}

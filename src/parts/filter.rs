//! The filter of a list.

use leptos::prelude::*;

use crate::t;

/// The form of a filter. Narrow screens show it folded, with the number of its values that are set.
#[component]
pub fn Filter(
    /// The page with the list.
    path: &'static str,
    label: &'static str,
    /// The number of values that are set.
    set: usize,
    /// Whether a value is invalid. The filter is unfolded then.
    is_wrong: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="fold" open=is_wrong>
            <summary>{t!("Filter")}{(set > 0).then(|| format!(" ({set})"))}</summary>
            <form class="filter" method="get" action=path role="search" aria-label=label>
                {children()}
                <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
                {(set > 0).then(|| view! { <a class="button quiet" href=path>{t!("Clear"; "filter")}</a> })}
            </form>
        </details>
    }
}

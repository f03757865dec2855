//! Who may call a function: a mark for each thing that its guard requires. Screen readers get the rule in words, which is
//! also the tooltip.

use leptos::prelude::*;

use super::sign::Lock;
use crate::{
    contract::function::{FRESH_LOGIN, LOGIN, RuleView},
    t,
};

#[component]
pub fn GuardBadge(
    rule: RuleView,
    /// Whether the function currently refuses every caller.
    is_closed: bool,
) -> impl IntoView {
    let (words, lang) = if is_closed {
        (t!("Closed").to_owned(), None)
    } else {
        (rule.words.to_string(), rule.words.lang())
    };
    let marks = if is_closed {
        vec![words.clone()]
    } else if rule.open {
        vec![t!("Anyone").to_owned()]
    } else {
        marks(&rule.requires, &words)
    };
    let is_open = rule.open && !is_closed;
    let class = if is_open { "guard open" } else { "guard closed" };
    let lock = move || view! { <svg viewBox="0 0 16 16" aria-hidden="true"><Lock is_open=is_open/></svg> };
    let marks = marks
        .into_iter()
        .enumerate()
        .map(|(at, mark)| view! { <span class=class>{(at == 0).then(lock)}{mark}</span> })
        .collect_view();
    let tooltip = words.clone();
    view! {
        <span class="guards" title=tooltip>
            <span class="unseen" lang=lang>{words}</span>
            <span aria-hidden="true">{marks}</span>
        </span>
    }
}

/// A mark for each requirement. A permission and a fresh login imply a login, which then has no mark.
fn marks(requires: &[Vec<String>], words: &str) -> Vec<String> {
    let mark = |names: &Vec<String>| match names.as_slice() {
        [name] if name == LOGIN => (requires.len() == 1).then(|| t!("Login").to_owned()),
        [name] if name == FRESH_LOGIN => Some(t!("Recent login").to_owned()),
        names => Some(names.join(" | ")),
    };
    match requires {
        // Only its words can say what it requires.
        [] => vec![words.to_owned()],
        requires => requires.iter().filter_map(mark).collect(),
    }
}

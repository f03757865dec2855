//! A point in time.

use jiff::Timestamp;
use leptos::prelude::*;

use super::visit::Visit;
use crate::contract::{TimeZone, moment};

/// Shows a time in the time zone of the reader: in few words, and exactly on hover and to screen readers.
#[component]
pub fn Moment(
    /// In RFC 3339 and UTC, such as `2026-01-31T10:20:30Z`.
    at: String,
    /// Whether to show date and time as in prose. Otherwise as in a list: how long ago, if that is less than a week.
    #[prop(optional)]
    in_prose: bool,
) -> impl IntoView {
    let Ok(time) = at.parse::<Timestamp>() else {
        return at.into_any();
    };
    let zone = TimeZone::current();
    let (time, now) = (zone.at(time), zone.at(Visit::current().now()));
    let words = if in_prose {
        moment::in_prose(&time, &now)
    } else {
        moment::in_list(&time, &now)
    };
    let exact = moment::exact(&time);
    let title = exact.clone();
    view! {
        <time datetime=at title=title>
            <span aria-hidden="true">{words}</span>
            <span class="unseen">{exact}</span>
        </time>
    }
    .into_any()
}

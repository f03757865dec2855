//! Charts of calls, on the pages that they belong to.

use jiff::civil::Date;
use leptos::prelude::*;

use super::{
    chart::{self, Bars, Rank, total},
    filter::address,
    numbers::{grouped, milliseconds},
    visit::Visit,
};
use crate::{
    contract::{
        Text, TimeZone,
        audit::{Bucket, FunctionStats, OutcomeKind, Period},
        role::READ_AUDIT,
    },
    functions::audit::call_stats,
    t,
};

/// How many functions a ranking shows.
const MAX_RANKS: usize = 5;

/// The calls of the last 24 hours or 30 days. Each bar leads to its calls in the call log.
#[component]
pub fn CallBars(
    by: Period,
    buckets: Vec<Bucket>,
    /// The user whose calls are counted. Empty for all users.
    user: String,
    /// The function whose calls are counted. Empty for all functions.
    function: String,
    /// Whether the chart is small, without labels.
    #[prop(default = false)]
    is_small: bool,
) -> impl IntoView {
    let [good, refused, failed] =
        [OutcomeKind::Good, OutcomeKind::Refused, OutcomeKind::Failed].map(|kind| total(&buckets, kind));
    let n = grouped(good + refused + failed);
    let (refused, failed) = (grouped(refused), grouped(failed));
    let caption = match by {
        Period::Hour => t!(
            "Calls in the last 24 hours: {n}. Refused: {refused}. Failed: {failed}.",
            n,
            refused,
            failed
        ),
        Period::Day => t!(
            "Calls in the last 30 days: {n}. Refused: {refused}. Failed: {failed}.",
            n,
            refused,
            failed
        ),
    };
    let address = move |bucket: &Bucket| {
        let day = bucket.day.to_string();
        let hour = bucket.hour.map(|hour| hour.to_string()).unwrap_or_default();
        let by = if by == Period::Day { by.into() } else { "" };
        let values = [
            ("user", &*user),
            ("function", &function),
            ("since", &day),
            ("until", &day),
            ("hour", &hour),
            ("by", by),
        ];
        address("/calls", &values)
    };
    view! { <Bars id="calls-chart" buckets=buckets kinds=chart::ALL caption=caption address=address is_small=is_small/> }
}

/// The functions that refuse most, and those that take longest.
#[component]
pub fn Rankings(
    functions: Vec<FunctionStats>,
    /// The user whose calls are counted. Empty for all users.
    user: String,
    /// The first day whose calls are counted.
    since: Option<Date>,
) -> impl IntoView {
    let since = since.map(|day| day.to_string()).unwrap_or_default();
    let ranked = |number: fn(&FunctionStats) -> u64| {
        let mut ranked: Vec<(String, u64)> = functions
            .iter()
            .map(|function| (function.function.clone(), number(function)))
            .filter(|(_, number)| *number > 0)
            .collect();
        ranked.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        ranked.truncate(MAX_RANKS);
        ranked
    };
    let refused = ranked(|function| function.refused);
    let slowest = ranked(|function| function.median_us.unwrap_or_default());
    (!functions.is_empty()).then(|| {
        view! {
            <details class="rankings">
                <summary>{t!("Slowest and most refused functions")}</summary>
                <div class="columns">
                    <Ranking
                        caption=t!("Most often refused") head=t!("Calls refused") ranked=refused
                        kind=OutcomeKind::Refused words=grouped user=user.clone() since=since.clone()
                    />
                    <Ranking
                        caption=t!("Slowest") head=t!("Median duration") ranked=slowest
                        kind=OutcomeKind::Good words=milliseconds user=user since=since
                    />
                </div>
            </details>
        }
    })
}

#[component]
fn Ranking(
    caption: &'static str,
    head: &'static str,
    ranked: Vec<(String, u64)>,
    /// The outcome of the calls that are ranked.
    kind: OutcomeKind,
    words: fn(u64) -> String,
    user: String,
    since: String,
) -> impl IntoView {
    let most = ranked.first().map(|(_, number)| *number).unwrap_or_default();
    let rows = ranked
        .into_iter()
        .map(|(function, number)| {
            let values = [
                ("user", &*user),
                ("function", &function),
                ("outcome", kind.name()),
                ("since", &since),
            ];
            view! {
                <tr>
                    <th scope="row"><a href=address("/calls", &values)>{function.clone()}</a></th>
                    <td><Rank number=number most=most kind=kind/>{words(number)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="ranking">
            <caption>{caption}</caption>
            <thead class="unseen"><tr><th scope="col">{t!("Function")}</th><th scope="col">{head}</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// The calls of a function in the last 24 hours, for those who may read the call log.
pub async fn calls_of_function(visit: Visit, name: String) -> Option<AnyView> {
    let function = Text::new(name.clone()).ok()?;
    let (buckets, functions) = read(visit, Period::Hour, None, Some(function)).await?;
    let log = address("/calls", &[("function", &name)]);
    let median = functions.into_iter().next().and_then(|function| function.median_us);
    let section = view! {
        <section class="recent-calls" aria-labelledby="calls-heading">
            <h2 id="calls-heading">{t!("Recent calls")}</h2>
            <CallBars by=Period::Hour buckets=buckets user=String::new() function=name/>
            <p>
                {median.map(|median| t!("Median duration: {time}.", time = milliseconds(median)))} " "
                <a href=log>{t!("Show in the call log")}</a>
            </p>
        </section>
    };
    Some(section.into_any())
}

/// The calls of a user in the last 30 days, for those who may read the call log.
pub async fn calls_of_user(visit: Visit, name: String) -> Option<AnyView> {
    let user = Text::new(name.clone()).ok()?;
    let (buckets, _) = read(visit, Period::Day, Some(user), None).await?;
    let log = address("/calls", &[("user", &name)]);
    let section = view! {
        <section class="recent-calls" aria-labelledby="calls-heading">
            <h2 id="calls-heading">{t!("Recent calls")}</h2>
            <CallBars by=Period::Day buckets=buckets user=name function=String::new() is_small=true/>
            <p><a href=log>{t!("Show in the call log")}</a></p>
        </section>
    };
    Some(section.into_any())
}

/// The numbers, or nothing for those who may not read the call log. A chart is no reason for a page to fail.
async fn read(
    visit: Visit,
    by: Period,
    user: Option<Text<1, 64>>,
    function: Option<Text<1, 64>>,
) -> Option<(Vec<Bucket>, Vec<FunctionStats>)> {
    if !visit.may(READ_AUDIT).await {
        return None;
    }
    let zone = Text::new(TimeZone::current().name()).ok();
    let stats = call_stats(by, user, function, zone).await.ok()?;
    Some((stats.buckets, stats.functions))
}

//! Charts as SVG, made on the server, with their numbers as a table.
//!
//! The policy of pages forbids styles in attributes, so sizes are attributes of SVG and colours belong to classes. Kinds of
//! outcome differ in order and width of the bars as well as in colour.

use leptos::prelude::*;

use super::{numbers::grouped, outcome::outcome_in_words};
use crate::{
    contract::audit::{Bucket, OutcomeKind},
    t,
};

/// The height of the highest bar, in units of the drawing.
const HEIGHT: u64 = 1000;
/// The lowest bar that can be seen.
const LEAST: u64 = 25;
/// The width of a bar with its gap.
const STEP: u64 = 10;

/// The kinds of outcome that a chart shows, from bottom to top.
pub const ALL: &[OutcomeKind] = &[OutcomeKind::Good, OutcomeKind::Refused, OutcomeKind::Failed];

/// How many calls or logins of a kind there are in all buckets.
pub fn total(buckets: &[Bucket], kind: OutcomeKind) -> u64 {
    buckets.iter().map(|bucket| count(bucket, kind)).sum()
}

fn count(bucket: &Bucket, kind: OutcomeKind) -> u64 {
    match kind {
        OutcomeKind::Good => bucket.good,
        OutcomeKind::Refused => bucket.refused,
        OutcomeKind::Failed => bucket.failed,
    }
}

fn in_words(kind: OutcomeKind) -> String {
    outcome_in_words(kind.name())
}

/// When a bucket begins: the day, or the day and the hour.
fn label(bucket: &Bucket) -> String {
    match bucket.hour {
        Some(hour) => format!("{} {hour:02}:00", bucket.day),
        None => bucket.day.to_string(),
    }
}

/// Bars over time. Each leads to the list of what it counts, and so does each row of the table.
#[component]
pub fn Bars(
    /// A unique id.
    id: &'static str,
    buckets: Vec<Bucket>,
    kinds: &'static [OutcomeKind],
    /// What the chart shows, in a sentence.
    caption: String,
    /// The list of what a bucket counts.
    address: impl Fn(&Bucket) -> String,
    /// Whether the chart is small, without labels.
    #[prop(default = false)]
    is_small: bool,
) -> impl IntoView {
    let of_kinds = |bucket: &Bucket| kinds.iter().map(|&kind| count(bucket, kind)).sum::<u64>();
    let most = buckets.iter().map(of_kinds).max().unwrap_or_default();
    if most == 0 {
        return view! { <p class="quiet">{caption}</p> }.into_any();
    }
    let mut bars = Vec::new();
    for (column, bucket) in (0..).zip(&buckets) {
        let mut top = HEIGHT;
        for (&kind, height) in kinds.iter().zip(heights(bucket, kinds, most)) {
            let (class, inset) = shape(kind);
            top -= height;
            if height > 0 {
                let (x, width) = (column * STEP + inset, STEP - 2 * inset);
                bars.push(view! { <rect class=class x=x y=top width=width height=height/> });
            }
        }
    }
    let links = buckets
        .iter()
        .map(|bucket| {
            let numbers = kinds
                .iter()
                .map(|&kind| format!("{} {}", in_words(kind), grouped(count(bucket, kind))));
            let title = [label(bucket)]
                .into_iter()
                .chain(numbers)
                .collect::<Vec<_>>()
                .join(" · ");
            view! { <a href=address(bucket) tabindex="-1" title=title></a> }
        })
        .collect_view();
    let rows = buckets
        .iter()
        .map(|bucket| {
            let cells = kinds
                .iter()
                .map(|&kind| view! { <td>{grouped(count(bucket, kind))}</td> })
                .collect_view();
            view! { <tr><th scope="row"><a href=address(bucket)>{label(bucket)}</a></th>{cells}</tr> }
        })
        .collect_view();
    let heads = kinds
        .iter()
        .map(|&kind| view! { <th scope="col">{in_words(kind)}</th> })
        .collect_view();
    let legend = (kinds.len() > 1).then(|| {
        let items = kinds
            .iter()
            .map(|&kind| view! { <li><Swatch kind=kind/>{in_words(kind)}</li> });
        view! { <ul class="legend">{items.collect_view()}</ul> }
    });
    let ends = [buckets.first(), buckets.last()].map(|bucket| bucket.map(label));
    let view_box = format!(
        "0 0 {} {HEIGHT}",
        STEP * u64::try_from(buckets.len()).unwrap_or_default()
    );
    view! {
        <figure class=if is_small { "chart small" } else { "chart" }>
            <figcaption id=id>{caption}</figcaption>
            <div class="plot">
                <svg viewBox=view_box preserveAspectRatio="none" role="img" aria-labelledby=id>{bars}</svg>
                // The rows of the table are the same links, for the keyboard and for screen readers.
                <div class="hits" aria-hidden="true">{links}</div>
                {(!is_small).then(|| view! { <span class="most" aria-hidden="true">{grouped(most)}</span> })}
            </div>
            {(!is_small).then(|| view! {
                <p class="ends" aria-hidden="true">{ends.map(|end| view! { <span>{end}</span> }).collect_view()}</p>
                {legend}
            })}
            <details>
                <summary>{t!("Show the numbers")}</summary>
                <div class="scroll" role="region" aria-labelledby=id tabindex="0">
                    <table class="numbers">
                        <thead><tr><th scope="col">{t!("Time")}</th>{heads}</tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
    .into_any()
}

/// The class of the bars of a kind, and how much narrower they are at each side.
fn shape(kind: OutcomeKind) -> (&'static str, u64) {
    match kind {
        OutcomeKind::Good => ("good", 1),
        OutcomeKind::Refused => ("refused", 2),
        OutcomeKind::Failed => ("failed", 3),
    }
}

fn height(count: u64, most: u64) -> u64 {
    match count {
        0 => 0,
        count => (count.saturating_mul(HEIGHT) / most.max(1)).max(LEAST),
    }
}

/// The heights of the bars of a bucket. So that all fit although small ones are raised, the highest one is cut.
fn heights(bucket: &Bucket, kinds: &[OutcomeKind], most: u64) -> Vec<u64> {
    let mut heights: Vec<u64> = kinds.iter().map(|&kind| height(count(bucket, kind), most)).collect();
    let excess = heights.iter().sum::<u64>().saturating_sub(HEIGHT);
    if let Some(highest) = heights.iter_mut().max() {
        *highest -= excess;
    }
    heights
}

#[component]
fn Swatch(kind: OutcomeKind) -> impl IntoView {
    let (class, inset) = shape(kind);
    view! {
        <svg viewBox="0 0 10 10" aria-hidden="true"><rect class=class x=inset y="0" width=STEP - 2 * inset height="10"/></svg>
    }
}

/// A horizontal bar in a cell of a table, in front of its number.
#[component]
pub fn Rank(number: u64, most: u64, kind: OutcomeKind) -> impl IntoView {
    let (class, _) = shape(kind);
    view! {
        <svg class="rank" viewBox=format!("0 0 {HEIGHT} 10") preserveAspectRatio="none" aria-hidden="true">
            <rect class=class x="0" y="0" width=height(number, most) height="10"/>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_seen_and_nothing_is_not() {
        assert_eq!(height(0, 100), 0);
        assert_eq!(height(1, 1_000_000), LEAST);
        assert_eq!(height(50, 100), HEIGHT / 2);
        assert_eq!(height(100, 100), HEIGHT);
    }

    #[test]
    fn a_bar_leads_to_its_list_and_says_its_numbers() {
        let bucket = |hour, good, refused| Bucket {
            day: "2026-01-31".parse().unwrap(),
            hour: Some(hour),
            good,
            refused,
            failed: 0,
        };
        let buckets = vec![bucket(9, 1200, 1), bucket(10, 0, 0)];
        let address = |bucket: &Bucket| format!("/calls?hour={}", bucket.hour.unwrap());
        let caption = "Calls: 1201".to_owned();
        let html = Owner::new()
            .with(|| view! { <Bars id="chart" buckets=buckets kinds=ALL caption=caption address=address/> }.to_html());
        assert_eq!(html.matches("<rect").count(), 2 + ALL.len(), "bars and legend: {html}");
        for part in [
            r#"role="img" aria-labelledby="chart""#,
            r#"title="2026-01-31 09:00 · ok 1,200 · refused 1 · failed 0""#,
            r#"href="/calls?hour=10""#,
            r#"<rect x="2" y="0" width="6" height="25" class="refused">"#,
            ">1,201<",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("style="), "{html}");
    }
}

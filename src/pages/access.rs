//! Who may call which function: a table of functions and roles, and an explanation for one user and one function.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        Refusal, query,
        role::{AccessByRole, AccessRow, Explanation},
    },
    functions::roles::{access_table, explain_access},
    parts::{paging::value_of, refused::Refused},
    t,
};

#[component]
pub fn Access() -> impl IntoView {
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text=t!("Access")/>
        <h1>{t!("Access")}</h1>
        <p class="lead">{t!("Who can call which function. The guards themselves decide this, for a user who has just logged in.")}</p>
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Results query=query.get_untracked() found=found/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Found {
    table: AccessByRole,
    explanation: Option<Result<Explanation, Refusal>>,
}

async fn find(query: ParamsMap) -> Result<Found, Refusal> {
    let table = access_table().await?;
    let explanation = explain(&query).await.transpose();
    Ok(Found { table, explanation })
}

/// The explanation, if the query names a user and a function.
async fn explain(query: &ParamsMap) -> Result<Option<Explanation>, Refusal> {
    let user = query::text("user_id", value_of(query, "user_id"))?;
    let function = query::text("function", value_of(query, "function"))?;
    match (user, function) {
        (Some(user), Some(function)) => explain_access(user, function).await.map(Some),
        _ => Ok(None),
    }
}

#[component]
fn Results(query: ParamsMap, found: Found) -> impl IntoView {
    let Found { table, explanation } = found;
    let user = query.get("user_id").unwrap_or_default();
    let function = query.get("function").unwrap_or_default();
    let options = table
        .functions
        .iter()
        .map(|row| {
            let name = row.function.clone();
            view! { <option value=name.clone() selected=name == function>{name.clone()}</option> }
        })
        .collect_view();
    view! {
        <section aria-labelledby="why-heading">
            <h2 id="why-heading">{t!("Why someone can or cannot call a function")}</h2>
            <form class="filter" method="get" action="/access">
                <div>
                    <label for="user_id">{t!("User")}</label>
                    <input id="user_id" name="user_id" value=user required autocapitalize="off" spellcheck="false"/>
                </div>
                <div>
                    <label for="function">{t!("Function")}</label>
                    <select id="function" name="function">{options}</select>
                </div>
                <button class="button quiet" type="submit">{t!("Check")}</button>
            </form>
            {explanation.map(|explanation| match explanation {
                Ok(explanation) => view! { <Verdict explanation=explanation/> }.into_any(),
                Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
            })}
        </section>
        <section aria-labelledby="table-heading">
            <h2 id="table-heading">{t!("Functions and roles")}</h2>
            <Table table=table/>
        </section>
    }
}

#[component]
fn Verdict(explanation: Explanation) -> impl IntoView {
    let Explanation {
        user_id: user,
        function,
        allowed,
        reasons,
    } = explanation;
    let verdict = if allowed {
        t!("{user} can call {function}.", user, function)
    } else {
        t!("{user} cannot call {function}.", user, function)
    };
    view! {
        <div role="status">
            <p><strong>{verdict}</strong></p>
            <ul class="plain-list">{reasons.into_iter().map(|reason| view! { <li>{reason.to_string()}</li> }).collect_view()}</ul>
        </div>
    }
}

#[component]
fn Table(table: AccessByRole) -> impl IntoView {
    // The first two callers are not roles.
    let kinds = [t!("nobody"; "caller"), t!("no role")];
    let roles = table.callers.into_iter().skip(kinds.len());
    let head = kinds
        .into_iter()
        .map(str::to_owned)
        .chain(roles)
        .map(|caller| view! { <th scope="col">{caller}</th> })
        .collect_view();
    let rows = table.functions.into_iter().map(row).collect_view();
    view! {
        <div class="scroll" role="region" aria-label=t!("Table of functions and roles") tabindex="0">
            <table>
                <thead><tr><th scope="col">{t!("Function")}</th>{head}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(row: AccessRow) -> impl IntoView {
    // Long guard names wrap only after `<`, not within a word.
    let parts = row
        .guard
        .split_inclusive('<')
        .map(|part| view! { {part.to_owned()}<wbr/> })
        .collect_view();
    let cells = row
        .answers
        .into_iter()
        .map(|answer| {
            let class = if answer == "yes" { "yes" } else { "no" };
            view! { <td class=class>{in_words(&answer)}</td> }
        })
        .collect_view();
    view! {
        <tr>
            <th scope="row"><a href=format!("/functions/{}", row.function)>{row.function.clone()}</a><span class="quiet">{parts}</span></th>
            {cells}
        </tr>
    }
}

/// The decision of a guard for people.
fn in_words(answer: &str) -> String {
    match answer {
        "yes" => t!("yes"; "can call").to_owned(),
        "not_logged_in" => t!("not logged in").to_owned(),
        "permission_required" => t!("permission required").to_owned(),
        "forbidden" => t!("forbidden").to_owned(),
        other => other.replace('_', " "),
    }
}

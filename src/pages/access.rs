//! Who may call which function: an explanation for one user and one function, and a table of functions and roles. On narrow
//! screens, a list of functions for one role takes the place of the table.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        RangedInt, Refusal, query,
        role::{AccessByRole, AccessRow, Explanation},
        user::UserOrder,
    },
    functions::{
        roles::{access_table, explain_access},
        users::list_users,
    },
    parts::{
        filter::value_of,
        outcome::outcome_in_words,
        refused::Refused,
        sign::{LockSymbol, Meaning, Sign},
    },
    t,
};

/// The value of [`ROLE`] for somebody who is not logged in. Names of roles do not begin with a hyphen.
const NOBODY: &str = "-";
/// The query parameter with the role whose functions are listed on narrow screens. Empty for a user without a role.
const ROLE: &str = "role";

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
    /// The first users by name, to choose from.
    users: Vec<String>,
    explanation: Option<Result<Explanation, Refusal>>,
}

async fn find(query: ParamsMap) -> Result<Found, Refusal> {
    let table = access_table().await?;
    let explanation = explain(&query).await.transpose();
    let users = list_users(None, None, None, UserOrder::Name, None, RangedInt::new(200).ok()).await?;
    Ok(Found {
        table,
        users: users.users.into_iter().map(|user| user.user_id).collect(),
        explanation,
    })
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
    let Found {
        table,
        users,
        explanation,
    } = found;
    let role = query.get(ROLE).unwrap_or_default();
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
                    <input id="user_id" name="user_id" value=user list="users" required autocomplete="off" autocapitalize="off" spellcheck="false"/>
                    <datalist id="users">{users.into_iter().map(|user| view! { <option value=user></option> }).collect_view()}</datalist>
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
            <LockSymbol/>
            <ByRole role=role table=table.clone()/>
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

/// The callers of the table with the values that stand for them in [`ROLE`].
fn callers(table: &AccessByRole) -> Vec<(String, String)> {
    // The first two callers are not roles.
    let kinds = [(NOBODY, t!("nobody"; "caller")), ("", t!("no role"))];
    let roles = table
        .callers
        .iter()
        .skip(kinds.len())
        .map(|role| (role.clone(), role.clone()));
    let kinds = kinds
        .into_iter()
        .map(|(value, words)| (value.to_owned(), words.to_owned()));
    kinds.chain(roles).collect()
}

/// The functions for one role, with a choice of the role.
#[component]
fn ByRole(role: String, table: AccessByRole) -> impl IntoView {
    let callers = callers(&table);
    let column = callers.iter().position(|(value, _)| *value == role);
    let options = callers
        .into_iter()
        // Without a role among the callers, the first option is chosen, as browsers do.
        .map(|(value, words)| view! { <option value=value.clone() selected=value == role>{words}</option> })
        .collect_view();
    let rows = table
        .functions
        .into_iter()
        .map(|row| {
            let answer = row.answers.get(column.unwrap_or_default()).cloned().unwrap_or_default();
            view! { <li>{sign(&answer)}<a href=format!("/functions/{}", row.function)>{row.function.clone()}</a></li> }
        })
        .collect_view();
    view! {
        <div class="by-role">
            <form class="filter" method="get" action="/access">
                <div>
                    <label for=ROLE>{t!("Role")}</label>
                    <select id=ROLE name=ROLE>{options}</select>
                </div>
                <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
            </form>
            <ul class="plain-list">{rows}</ul>
        </div>
    }
}

#[component]
fn Table(table: AccessByRole) -> impl IntoView {
    let head = callers(&table)
        .into_iter()
        .map(|(_, words)| view! { <th scope="col">{words}</th> })
        .collect_view();
    let rows = table.functions.into_iter().map(row).collect_view();
    view! {
        <div class="scroll access" role="region" aria-label=t!("Table of functions and roles") tabindex="0">
            <table>
                <thead><tr><th scope="col">{t!("Function")}</th>{head}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(row: AccessRow) -> impl IntoView {
    let cells = row
        .answers
        .iter()
        .map(|answer| view! { <td>{sign(answer)}</td> })
        .collect_view();
    view! {
        <tr>
            <th scope="row"><a href=format!("/functions/{}", row.function) title=row.words.to_string()>{row.function.clone()}</a></th>
            {cells}
        </tr>
    }
}

/// The decision of a guard.
fn sign(answer: &str) -> impl IntoView + use<> {
    let (meaning, words) = match answer {
        "yes" => (Meaning::Yes, t!("yes"; "can call").to_owned()),
        "not_logged_in" => (Meaning::Login, outcome_in_words(answer)),
        code => (Meaning::No, outcome_in_words(code)),
    };
    view! { <Sign meaning=meaning words=words/> }
}

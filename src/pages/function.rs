//! The page of a function: what it does, who may call it, a form to call it, the reply, and what a call can return. A function
//! that currently refuses every caller has no form.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFound;
use crate::{
    contract::{
        Refusal,
        function::{FunctionView, Responses},
        pending_call::{PendingCall, State},
        role::{MANAGE_ROLES, MANAGE_USERS, PermissionView, RoleList, RoleView, SEE_USERS},
        shape::{Choice, Choices, Field, Format, Shape, joined},
        user::WhoAmI,
    },
    functions::roles::list_roles,
    parts::{
        call_form::{CallForm, initial_body},
        call_stats::calls_of_function,
        client_code::ClientPrograms,
        copyable::CopyScript,
        guard_badge::GuardBadge,
        program::Program,
        prose::prose,
        refused::title_of,
        reply::Reply,
        visit::Visit,
    },
    sentence, t,
};

/// The page of the function that the path names.
#[component]
pub fn FunctionPage() -> impl IntoView {
    let visit = Visit::current();
    let functions = visit.functions();
    let params = use_params_map();
    view! {
        <Suspense>
            {move || {
                let name = params.read().get("name").unwrap_or_default();
                Suspend::new(async move { page(visit, functions.named(&name).await).await })
            }}
        </Suspense>
    }
}

async fn page(visit: Visit, function: Result<Option<FunctionView>, Refusal>) -> AnyView {
    match function {
        Ok(Some(mut function)) => {
            let whoami = visit.whoami().await;
            offer_choices(visit, &mut function).await;
            let calls = calls_of_function(visit, function.name.clone()).await;
            view! { <Callable function=function whoami=whoami calls=calls/> }.into_any()
        }
        Ok(None) => view! { <NotFound/> }.into_any(),
        Err(refusal) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
    }
}

/// Offers the names of roles and permissions as choices to users who may list them.
async fn offer_choices(visit: Visit, function: &mut FunctionView) {
    let Shape::Record(fields) = &mut function.arguments else {
        return;
    };
    if fields.iter().all(|field| field.choices.is_none()) {
        return;
    }
    // Asked first, because a refused call would be recorded.
    let may_list = visit.may(SEE_USERS).await || visit.may(MANAGE_USERS).await || visit.may(MANAGE_ROLES).await;
    if !may_list {
        return;
    }
    // Without the list, the names are typed.
    let Ok(RoleList { roles, permissions }) = list_roles().await else {
        return;
    };
    for field in fields {
        match field.choices {
            Some(Choices::Roles) => field.offer(roles.iter().map(role_choice).collect()),
            Some(Choices::Permissions) => field.offer(permissions.iter().map(permission_choice).collect()),
            None => {}
        }
    }
}

fn role_choice(role: &RoleView) -> Choice {
    choice(&role.role, &role.description)
}

fn permission_choice(permission: &PermissionView) -> Choice {
    choice(&permission.name, permission.words.current())
}

fn choice(name: &str, meaning: &str) -> Choice {
    Choice {
        value: name.to_owned(),
        label: match meaning {
            "" => name.to_owned().into(),
            meaning => format!("{name}: {meaning}").into(),
        },
    }
}

#[component]
fn Callable(
    function: FunctionView,
    whoami: Result<Option<WhoAmI>, Refusal>,
    /// The chart of the function's calls, if the viewer may see it.
    calls: Option<AnyView>,
) -> impl IntoView {
    let visit = Visit::current();
    let pending_call = visit.pending_call(&function.name);
    let is_refused = matches!(&pending_call, Some(PendingCall { state: State::Done(outcome), .. }) if !outcome.is_ok());
    let site = visit.site();
    view! {
        <Title text=title_of(&function.name, is_refused)/>
        <p class="crumb"><a href="/">{t!("All functions")}</a></p>
        <div class="title">
            <h1><code translate="no">{function.name.clone()}</code></h1>
            <GuardBadge rule=function.rule.clone() is_closed=function.closed.is_some()/>
        </div>
        <p class="lead" lang=function.summary.lang()>{prose(function.summary.current())}</p>
        {function.details.iter().map(|text| view! { <p lang=text.lang()>{prose(text.current())}</p> }).collect_view()}
        {match function.closed.clone() {
            Some(reason) => view! { <Closed reason=reason.to_string() pending_call=pending_call/> }.into_any(),
            None => view! {
                <CallForm
                    target=function.target() whoami=whoami pending_call=pending_call.clone() password_chars=site.password_chars
                />
                <ClientPrograms
                    body=initial_body(pending_call.as_ref().map(|call| &call.typed), &function.target()) function=function
                    origin=site.origin ca_file=site.ca_file
                />
                <Program island="call_form"/>
            }
            .into_any(),
        }}
        {visit.responses().map(|responses| view! { <ResponseTables responses=responses/> })}
        {calls}
        <CopyScript/>
    }
}

/// The fields of the reply, and the refusals that can come, folded.
#[component]
fn ResponseTables(responses: Responses) -> impl IntoView {
    let Responses { reply, refusals } = responses;
    let mut rows = Vec::new();
    add_rows(&reply, "", &mut rows);
    let refusals = refusals
        .into_iter()
        .map(|refusal| {
            view! {
                <tr>
                    <th scope="row"><code>{refusal.code()}</code></th>
                    <td>{refusal.status()}</td>
                    <td>{refusal.message().to_string()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        {(!rows.is_empty()).then(|| view! {
            <details class="responses">
                <summary>{t!("Fields of the reply")}</summary>
                <div class="scroll" tabindex="0" role="group" aria-label=t!("Fields of the reply")>
                    <table>
                        <thead>
                            <tr><th scope="col">{t!("Field")}</th><th scope="col">{t!("Type")}</th><th scope="col">{t!("Meaning")}</th></tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        })}
        <details class="responses">
            <summary>{t!("Refusals that can come")}</summary>
            <div class="scroll" tabindex="0" role="group" aria-label=t!("Refusals that can come")>
                <table>
                    <thead>
                        <tr><th scope="col">{t!("Code"; "of a refusal")}</th><th scope="col">{t!("Status")}</th><th scope="col">{t!("Meaning")}</th></tr>
                    </thead>
                    <tbody>{refusals}</tbody>
                </table>
            </div>
            <p class="quiet">
                {sentence!(
                    "Every call can also be refused because of its form, or fail. {link} has all codes.",
                    link = view! { <a href="/api/openapi.json">"/api/openapi.json"</a> },
                )}
            </p>
        </details>
    }
}

/// A row for each field, and for the fields of records and of lists of records in it.
fn add_rows(fields: &[Field], path: &str, rows: &mut Vec<AnyView>) {
    for field in fields {
        let path = joined(path, &field.name);
        let mut kind = type_in_words(&field.shape);
        if !field.required || field.nullable {
            kind = sentence!("{kind} (optional)", kind);
        }
        rows.push(
            view! {
                <tr>
                    <th scope="row"><code>{path.clone()}</code></th>
                    <td>{kind}</td>
                    <td lang=field.help.lang()>{prose(field.help.current())}</td>
                </tr>
            }
            .into_any(),
        );
        match &field.shape {
            Shape::Record(fields) => add_rows(fields, &path, rows),
            Shape::List(list) => {
                if let Shape::Record(fields) = &*list.item {
                    add_rows(fields, &format!("{path}[]"), rows);
                }
            }
            _ => {}
        }
    }
}

fn type_in_words(shape: &Shape) -> AnyView {
    let words = match shape {
        Shape::Text(text) => match text.format {
            Format::Plain => t!("text"; "type"),
            Format::Date => t!("date"; "type"),
            Format::Email => t!("e-mail address"; "type"),
        },
        Shape::Integer(_) => t!("whole number"; "type"),
        Shape::Number(_) => t!("number"; "type"),
        Shape::Flag => t!("true or false"; "type"),
        Shape::Record(_) | Shape::Object => t!("object"; "type"),
        Shape::Any(_) => "JSON",
        Shape::Choice(choices) => {
            let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
            let values = view! { <code translate="no">{values.join(", ")}</code> };
            return sentence!("one of {values}", values);
        }
        Shape::List(list) => return sentence!("list: {item}", item = type_in_words(&list.item)),
    };
    words.into_any()
}

/// Why the function currently refuses every caller, with the outcome of a call that was made by form nevertheless.
#[component]
fn Closed(reason: String, pending_call: Option<PendingCall>) -> impl IntoView {
    let outcome = pending_call.and_then(|call| match call.state {
        State::Done(outcome) => Some(outcome),
        State::Waiting { .. } => None,
    });
    view! {
        <p class="notice">{reason}</p>
        {outcome.map(|outcome| view! { <Reply outcome=Some(outcome) is_calling=false/> })}
    }
}

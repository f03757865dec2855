//! The roles and their permissions as a table, with a form for one of them at a time.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    contract::{
        form_data::THEN,
        role::{MANAGE_ROLES, PermissionView, RoleList, RoleView},
    },
    functions::roles::list_roles,
    parts::{
        action_button::{ActionButton, ShownTo},
        filter::address,
        notice::{Done, DoneNotice},
        numbers::user_count,
        prose::escaped,
        refused::Refused,
        sign::{Meaning, Sign},
        visit::Visit,
    },
    t,
};

/// The query parameter with the name of the role to edit.
const EDIT: &str = "edit";

#[component]
pub fn Roles() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(|| (), |()| list_roles());
    view! {
        <Title text=t!("Roles")/>
        <h1>{t!("Roles")}</h1>
        <p class="lead">{t!("A role is a set of permissions that you can give to users. Changes take effect on the next call.")}</p>
        <Suspense>
            {move || Suspend::new(async move {
                let may_manage = visit.may(MANAGE_ROLES).await;
                let edited = query.read_untracked().get(EDIT).unwrap_or_default();
                match found.await {
                    Ok(list) => view! { <Results list=list edited=edited may_manage=may_manage/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Results(
    list: RoleList,
    /// The name of the role to edit, if there is such a role.
    edited: String,
    may_manage: bool,
) -> impl IntoView {
    let RoleList { roles, permissions } = list;
    let edited = roles
        .iter()
        .find(|role| may_manage && role.role == edited && !role.built_in);
    let form = match edited {
        Some(role) => view! { <EditRole role=role.clone() permissions=permissions.clone()/> }.into_any(),
        None => may_manage
            .then(|| view! { <NewRole permissions=permissions.clone()/> })
            .into_any(),
    };
    view! {
        <DoneNotice/>
        {form}
        <Matrix roles=roles permissions=permissions may_manage=may_manage/>
    }
}

/// A row for each role, and a column for each permission that a guard declares or a role has.
#[component]
fn Matrix(roles: Vec<RoleView>, permissions: Vec<PermissionView>, may_manage: bool) -> impl IntoView {
    let mut columns = permissions;
    for held in roles.iter().flat_map(|role| &role.permissions) {
        if columns.iter().all(|column| column.name != held.name) {
            columns.push(held.clone());
        }
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let heads = columns
        .into_iter()
        .map(|permission| view! { <th role="columnheader" scope="col"><Permission permission=permission/></th> })
        .collect_view();
    let rows = roles
        .into_iter()
        .map(|role| view! { <Row role=role columns=names.clone() may_manage=may_manage/> })
        .collect_view();
    view! {
        <div class="scroll" role="region" aria-label=t!("Roles and permissions") tabindex="0">
            <table class="cards roles" role="table">
                <thead role="rowgroup">
                    <tr role="row">
                        <th role="columnheader" scope="col">{t!("Role")}</th>
                        {heads}
                        <th role="columnheader" scope="col">{t!("Users")}</th>
                        {may_manage.then(|| view! { <th role="columnheader" scope="col"><span class="unseen">{t!("Edit")}</span></th> })}
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(role: RoleView, columns: Vec<String>, may_manage: bool) -> impl IntoView {
    let name = role.role;
    let cells = columns
        .into_iter()
        .map(|column| {
            let (meaning, words) = if role.permissions.iter().any(|held| held.name == column) {
                (Meaning::Yes, t!("yes"; "has a permission"))
            } else {
                (Meaning::No, t!("no"; "has a permission"))
            };
            view! { <td role="cell" data-label=column><Sign meaning=meaning words=words/></td> }
        })
        .collect_view();
    let edit = may_manage.then(|| {
        let link = (!role.built_in).then(|| {
            view! {
                <a class="button quiet" href=address("/roles", &[(EDIT, &name)])>
                    {t!("Edit")}<span class="unseen">{format!(": {name}")}</span>
                </a>
            }
        });
        view! { <td role="cell">{link}</td> }
    });
    view! {
        <tr role="row">
            <th role="rowheader" scope="row">
                <strong>{name.clone()}</strong>
                {role.built_in.then(|| view! { " " <span class="mark-word">{t!("built in")}</span> })}
                <span class="quiet">{role.description}</span>
            </th>
            {cells}
            <td role="cell" data-label=t!("Users")><a href=address("/users", &[("role", &name)])>{user_count(role.users)}</a></td>
            {edit}
        </tr>
    }
}

#[component]
fn Permission(permission: PermissionView) -> impl IntoView {
    let PermissionView { name, words, known } = permission;
    view! {
        <code>{name}</code>
        {(!known).then(|| view! { " " <span class="mark-word bad">{t!("unknown"; "permission")}</span> })}
        " " <span class="quiet" lang=words.lang()>{words.to_string()}</span>
    }
}

#[component]
fn EditRole(role: RoleView, permissions: Vec<PermissionView>) -> impl IntoView {
    let held = role.permissions;
    let mut offered: Vec<(PermissionView, bool)> = permissions
        .into_iter()
        .map(|permission| {
            let is_held = held.iter().any(|held| held.name == permission.name);
            (permission, is_held)
        })
        .collect();
    offered.extend(held.into_iter().filter(|held| !held.known).map(|held| (held, true)));
    let name = role.role;
    view! {
        <section class="card" aria-labelledby="edit-role">
            <h2 id="edit-role">{t!("Edit role {name}", name)}</h2>
            <form method="post" action="/functions/put_role">
                <ShownTo/>
                <input type="hidden" name="role" value=name.clone()/>
                <input type="hidden" name="version" value=role.version/>
                <RoleFields description=role.description offered=offered/>
                <div class="buttons">
                    <button class="button" type="submit">{t!("Save")}</button>
                    <a class="button quiet" href="/roles">{t!("Cancel")}</a>
                </div>
            </form>
            <details>
                <summary>{t!("Delete this role")}</summary>
                <p>{t!("All users who have this role will lose it.")}</p>
                <ActionButton function="delete_role" arguments=vec![("role", name.clone())] then=Done::RoleDeleted.on("/roles") label=t!("Delete permanently") subject=name/>
            </details>
        </section>
    }
}

#[component]
fn NewRole(permissions: Vec<PermissionView>) -> impl IntoView {
    let offered = permissions.into_iter().map(|permission| (permission, false));
    view! {
        <details class="add">
            <summary class="button quiet">{t!("Add a role")}</summary>
            <section class="card" aria-labelledby="new-role">
                <h2 id="new-role">{t!("New role")}</h2>
                <form method="post" action="/functions/put_role">
                    <ShownTo/>
                    <label for="new-name">{t!("Name"; "role")}</label>
                    <p id="new-name-help" class="help">{t!("Lowercase letters, digits, dots and hyphens.")}</p>
                    <input id="new-name" name="role" required autocapitalize="off" spellcheck="false" aria-describedby="new-name-help"/>
                    <input type="hidden" name="new" value="true"/>
                    <RoleFields description=String::new() offered=offered.collect()/>
                    <button class="button" type="submit">{t!("Add")}</button>
                </form>
            </section>
        </details>
    }
}

/// The fields of a role, existing or new.
#[component]
fn RoleFields(description: String, offered: Vec<(PermissionView, bool)>) -> impl IntoView {
    let boxes = offered
        .into_iter()
        .map(|(permission, is_held)| {
            let name = permission.name.clone();
            view! {
                <label class="tick">
                    <input name="permissions" type="checkbox" value=name checked=is_held/>
                    <span><Permission permission=permission/></span>
                </label>
            }
        })
        .collect_view();
    view! {
        <input type="hidden" name=THEN value=Done::RoleSaved.on("/roles")/>
        <label for="description">{t!("Description (optional)")}</label>
        <textarea id="description" name="description" rows="2" class="prose" inner_html=escaped(&description)></textarea>
        <fieldset>
            <legend>{t!("Permissions")}</legend>
            {boxes}
        </fieldset>
    }
}

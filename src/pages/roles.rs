//! The roles and their permissions, with forms to change them.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    contract::{
        form_data::THEN,
        role::{MANAGE_ROLES, PermissionView, RoleList, RoleView},
    },
    functions::roles::list_roles,
    parts::{
        action_button::{ActionButton, ShownTo},
        notice::{Done, DoneNotice},
        refused::Refused,
        visit::Visit,
    },
    t,
};

#[component]
pub fn Roles() -> impl IntoView {
    let visit = Visit::current();
    let found = Resource::new_blocking(|| (), |()| list_roles());
    view! {
        <Title text=t!("Roles")/>
        <h1>{t!("Roles")}</h1>
        <p class="lead">{t!("A role is a set of permissions that you can give to users. Changes take effect on the next call.")}</p>
        <Suspense>
            {move || Suspend::new(async move {
                let may_manage = visit.may(MANAGE_ROLES).await;
                match found.await {
                    Ok(list) => view! { <RoleCards list=list may_manage=may_manage/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn RoleCards(list: RoleList, may_manage: bool) -> impl IntoView {
    let RoleList { roles, permissions } = list;
    let for_new_role = permissions.clone();
    view! {
        <DoneNotice/>
        {roles
            .into_iter()
            .map(|role| view! { <RoleCard role=role permissions=permissions.clone() may_manage=may_manage/> })
            .collect_view()}
        {may_manage.then(|| view! { <NewRole permissions=for_new_role/> })}
    }
}

#[component]
fn RoleCard(role: RoleView, permissions: Vec<PermissionView>, may_manage: bool) -> impl IntoView {
    let (name, built_in) = (role.role.clone(), role.built_in);
    let heading = format!("role-{name}");
    let labelled_by = heading.clone();
    let user_count = match role.users {
        1 => t!("1 user").to_owned(),
        n => t!("{n} users", n),
    };
    let body = if may_manage && !built_in {
        view! { <EditRole role=role permissions=permissions/> }.into_any()
    } else {
        view! {
            <p>{role.description}</p>
            <ul class="plain-list">{role.permissions.into_iter().map(|permission| view! { <li><Permission permission=permission/></li> }).collect_view()}</ul>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <div class="title">
                <h2 id=heading>{name.clone()}</h2>
                {built_in.then(|| view! { <span class="mark-word">{t!("built in")}</span> })}
                <a href=format!("/users?role={name}")>{user_count}</a>
            </div>
            {body}
        </section>
    }
}

#[component]
fn Permission(permission: PermissionView) -> impl IntoView {
    let PermissionView { name, words, known } = permission;
    view! {
        <code>{name}</code>
        {(!known).then(|| view! { " " <span class="mark-word bad">{t!("unknown"; "permission")}</span> })}
        <span class="quiet" lang=words.lang()>{format!(": {words}")}</span>
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
        <form method="post" action="/functions/put_role">
            <ShownTo/>
            <input type="hidden" name="role" value=name.clone()/>
            <input type="hidden" name="version" value=role.version/>
            <RoleFields prefix=name.clone() description=role.description offered=offered/>
            <button class="button quiet" type="submit">{t!("Save")}<span class="unseen">{format!(": {name}")}</span></button>
        </form>
        <details>
            <summary>{t!("Delete this role")}<span class="unseen">{format!(": {name}")}</span></summary>
            <p>{t!("All users who have this role will lose it.")}</p>
            <ActionButton function="delete_role" arguments=vec![("role", name.clone())] then=Done::RoleDeleted.on("/roles") label=t!("Delete permanently") subject=name/>
        </details>
    }
}

#[component]
fn NewRole(permissions: Vec<PermissionView>) -> impl IntoView {
    let offered = permissions.into_iter().map(|permission| (permission, false));
    view! {
        <section class="card" aria-labelledby="new-role">
            <h2 id="new-role">{t!("New role")}</h2>
            <form method="post" action="/functions/put_role">
                <ShownTo/>
                <label for="new-name">{t!("Name"; "role")}</label>
                <p id="new-name-help" class="help">{t!("Lowercase letters, digits, dots and hyphens.")}</p>
                <input id="new-name" name="role" required autocapitalize="off" spellcheck="false" aria-describedby="new-name-help"/>
                <input type="hidden" name="new" value="true"/>
                // `+` cannot be in the name of a role, so the ids stay unique.
                <RoleFields prefix="+".to_owned() description=String::new() offered=offered.collect()/>
                <button class="button quiet" type="submit">{t!("Add")}</button>
            </form>
        </section>
    }
}

/// The fields of a role, existing or new. The prefix makes their ids unique.
#[component]
fn RoleFields(prefix: String, description: String, offered: Vec<(PermissionView, bool)>) -> impl IntoView {
    let id = format!("{prefix}-description");
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
        <label for=id.clone()>{t!("Description (optional)")}</label>
        <input id=id name="description" value=description/>
        <fieldset>
            <legend>{t!("Permissions")}</legend>
            {boxes}
        </fieldset>
    }
}

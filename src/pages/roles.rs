//! The roles: what each may do, and how to change it.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    contract::{
        form_data::THEN,
        role::{MANAGE_ROLES, PermissionView, RoleList, RoleView},
    },
    functions::roles::list_roles,
    parts::{act::Act, refused::Refused, shown_to::ShownTo, visit::Visit},
};

/// The page.
#[component]
pub fn Roles() -> impl IntoView {
    let visit = Visit::current();
    let found = Resource::new_blocking(|| (), |()| list_roles());
    view! {
        <Title text="Roles"/>
        <h1>"Roles"</h1>
        <p class="lead">"A role is a set of permissions that users can be given. Changes take effect from the very next call."</p>
        <Suspense>
            {move || Suspend::new(async move {
                let may_manage = visit.may(MANAGE_ROLES).await;
                match found.await {
                    Ok(list) => view! { <All list=list may_manage=may_manage/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn All(list: RoleList, may_manage: bool) -> impl IntoView {
    let RoleList { roles, permissions } = list;
    let known = permissions.clone();
    view! {
        {roles
            .into_iter()
            .map(|role| view! { <One role=role permissions=permissions.clone() may_manage=may_manage/> })
            .collect_view()}
        {may_manage.then(|| view! { <New permissions=known/> })}
    }
}

#[component]
fn One(role: RoleView, permissions: Vec<PermissionView>, may_manage: bool) -> impl IntoView {
    let RoleView {
        role,
        description,
        permissions: held,
        version,
        users,
        built_in,
    } = role;
    let heading = format!("role-{role}");
    let labelled_by = heading.clone();
    let who = if users == 1 {
        "1 user".to_owned()
    } else {
        format!("{users} users")
    };
    let body = if may_manage && !built_in {
        view! { <Edit role=role.clone() version=version description=description held=held permissions=permissions/> }
            .into_any()
    } else {
        view! {
            <p>{description}</p>
            <ul class="plain-list">{held.into_iter().map(|permission| view! { <li><Named permission=permission/></li> }).collect_view()}</ul>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <div class="title">
                <h2 id=heading>{role.clone()}</h2>
                {built_in.then(|| view! { <span class="mark-word">"built in"</span> })}
                <a href=format!("/users?role={role}")>{who}</a>
            </div>
            {body}
        </section>
    }
}

/// A permission with what it allows.
#[component]
fn Named(permission: PermissionView) -> impl IntoView {
    let PermissionView { name, words, known } = permission;
    view! {
        <code>{name}</code>
        {(!known).then(|| view! { " " <span class="mark-word bad">"unknown"</span> })}
        <span class="quiet">{format!(": {words}")}</span>
    }
}

#[component]
fn Edit(
    role: String,
    version: String,
    description: String,
    held: Vec<PermissionView>,
    permissions: Vec<PermissionView>,
) -> impl IntoView {
    let prefix = role.clone();
    let is_held = |name: &str| held.iter().any(|permission| permission.name == name);
    let mut offered: Vec<(PermissionView, bool)> = permissions
        .into_iter()
        .map(|permission| {
            let is_held = is_held(&permission.name);
            (permission, is_held)
        })
        .collect();
    offered.extend(held.iter().filter(|held| !held.known).map(|held| (held.clone(), true)));
    view! {
        <form method="post" action="/functions/put_role">
            <ShownTo/>
            <input type="hidden" name="role" value=role.clone()/>
            <input type="hidden" name="version" value=version/>
            <Fields prefix=prefix description=description offered=offered/>
            <button class="button quiet" type="submit">"Save"<span class="unseen">{format!(": {role}")}</span></button>
        </form>
        <details>
            <summary>"Delete this role"<span class="unseen">{format!(": {role}")}</span></summary>
            <p>"All users who have it will lose it."</p>
            <Act function="delete_role" arguments=vec![("role", role.clone())] then="/roles" what="Delete permanently" about=role/>
        </details>
    }
}

#[component]
fn New(permissions: Vec<PermissionView>) -> impl IntoView {
    let offered = permissions
        .into_iter()
        .map(|permission| (permission, false))
        .collect::<Vec<_>>();
    view! {
        <section class="card" aria-labelledby="new-role">
            <h2 id="new-role">"New role"</h2>
            <form method="post" action="/functions/put_role">
                <ShownTo/>
                <label for="new-name">"Name"</label>
                <p id="new-name-help" class="help">"Lowercase letters, digits, dots and hyphens."</p>
                <input id="new-name" name="role" required autocapitalize="off" spellcheck="false" aria-describedby="new-name-help"/>
                <input type="hidden" name="new" value="true"/>
                // No role has a name with such a letter.
                <Fields prefix="+".to_owned() description=String::new() offered=offered/>
                <button class="button quiet" type="submit">"Add"</button>
            </form>
        </section>
    }
}

/// What there is to say of a role, old or new.
#[component]
fn Fields(prefix: String, description: String, offered: Vec<(PermissionView, bool)>) -> impl IntoView {
    let id = format!("{prefix}-description");
    let boxes = offered
        .into_iter()
        .map(|(permission, is_held)| {
            let name = permission.name.clone();
            view! {
                <label class="tick">
                    <input name="permissions" type="checkbox" value=name checked=is_held/>
                    <span><Named permission=permission/></span>
                </label>
            }
        })
        .collect_view();
    view! {
        <input type="hidden" name=THEN value="/roles"/>
        <label for=id.clone()>"Description (optional)"</label>
        <input id=id name="description" value=description/>
        <fieldset>
            <legend>"Permissions"</legend>
            {boxes}
        </fieldset>
    }
}

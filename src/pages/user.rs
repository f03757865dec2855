//! One user: state, roles, sessions, what happened of late, and what can be done about it.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::users::class_of;
use crate::{
    contract::{
        Refusal, Text,
        role::{MANAGE_USERS, READ_AUDIT, RoleView, SEE_USERS},
        session::SessionView,
        typed::THEN,
        user::{UserDetail, UserState},
    },
    functions::{roles::list_roles, users::show_user},
    parts::{
        act::Act, events::Events, moment::Moment, refused::Refused, session::Session, shown_to::ShownTo, visit::Visit,
    },
};

/// The page.
#[component]
pub fn UserPage() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let name = move || query.read().get("name").unwrap_or_default();
    let found = Resource::new_blocking(name, find);
    view! {
        <p class="crumb"><a href="/users">"All users"</a></p>
        <Suspense>
            {move || Suspend::new(async move {
                let may = May {
                    manage: visit.may(MANAGE_USERS).await,
                    explain: visit.may(SEE_USERS).await,
                    read_audit: visit.may(READ_AUDIT).await,
                };
                match found.await {
                    Ok((detail, roles)) => view! { <User detail=detail all_roles=roles may=may/> }.into_any(),
                    Err(refusal) => view! {
                        <Title text="User"/>
                        <h1>"User"</h1>
                        <Refused refusal=refusal/>
                    }
                    .into_any(),
                }
            })}
        </Suspense>
    }
}

async fn find(name: String) -> Result<(UserDetail, Vec<RoleView>), Refusal> {
    let name = Text::new(name).map_err(|_| Refusal::NotFound("user".to_owned()))?;
    let detail = show_user(name).await?;
    Ok((detail, list_roles().await?.roles))
}

/// What the visitor is offered.
#[derive(Clone, Copy)]
struct May {
    manage: bool,
    explain: bool,
    read_audit: bool,
}

#[component]
fn User(detail: UserDetail, all_roles: Vec<RoleView>, may: May) -> impl IntoView {
    let may_manage = may.manage;
    let UserDetail {
        user,
        link_until,
        sessions,
        total_sessions,
        events,
    } = detail;
    let is_cut = total_sessions > sessions.len();
    let name = user.user_id.clone();
    let page = format!("/user?name={name}");
    let state = match user.state {
        UserState::Active => "Can log in.",
        UserState::Invited => "Has no password yet. Send this person a one-time link to choose one.",
        UserState::Disabled => "Cannot log in.",
    };
    view! {
        // Not the name: the title is written as it stands (leptos_meta 0.8).
        <Title text="User"/>
        <div class="title">
            <h1>{name.clone()}</h1>
            <span class=class_of(user.state)>{user.state.name()}</span>
        </div>
        <p class="lead">{state}</p>
        <p class="quiet">"Added " <Moment at=user.created_at/></p>
        {link_until.map(|until| view! { <p class="quiet">"A one-time link works until " <Moment at=until/></p> })}
        {may_manage.then(|| view! { <Actions name=name.clone() state=user.state page=page.clone()/> })}
        <section aria-labelledby="roles-heading">
            <h2 id="roles-heading">"Roles"</h2>
            <Roles name=name.clone() held=user.roles all=all_roles page=page.clone() may_manage=may_manage/>
            {may.explain.then(|| view! { <p><a href=format!("/access?user_id={name}")>"What can this user call?"</a></p> })}
        </section>
        <section aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">"Where this user is logged in"</h2>
            {is_cut.then(|| view! { <p class="quiet">{format!("These are the latest {} of {total_sessions}.", sessions.len())}</p> })}
            <Sessions name=name.clone() sessions=sessions page=page may_manage=may_manage/>
        </section>
        <section aria-labelledby="events-heading">
            <h2 id="events-heading">"Recent activity"</h2>
            <Events events=events/>
            {may.read_audit.then(|| view! { <p><a href=format!("/audit?user={name}")>"Show all"</a></p> })}
        </section>
    }
}

#[component]
fn Actions(name: String, state: UserState, page: String) -> impl IntoView {
    let user = vec![("user_id", name.clone())];
    let is_disabled = state == UserState::Disabled;
    let link = match state {
        UserState::Invited => Some(("invite_user", "Create an invitation link")),
        UserState::Active => Some(("require_new_password", "Create a link for a new password")),
        UserState::Disabled => None,
    };
    let is_active = state == UserState::Active;
    view! {
        <div class="buttons">
            {link.map(|(function, what)| view! { <Act function=function arguments=user.clone() what=what/> })}
            {match is_disabled {
                true => view! { <Act function="enable_user" arguments=user.clone() then=page what="Enable"/> }.into_any(),
                false => view! { <Act function="disable_user" arguments=user.clone() then=page what="Disable"/> }.into_any(),
            }}
        </div>
        {is_active.then(|| view! {
            <p class="quiet">"A link for a new password removes the current one and ends all sessions."</p>
        })}
        <details>
            <summary>"Delete this user"</summary>
            <p>{format!("This permanently deletes {name} and everything that belongs to {name}. The audit trail stays.")}</p>
            <Act function="delete_user" arguments=user then="/users" what="Delete permanently"/>
        </details>
    }
}

#[component]
fn Roles(name: String, held: Vec<String>, all: Vec<RoleView>, page: String, may_manage: bool) -> impl IntoView {
    let others: Vec<RoleView> = all.into_iter().filter(|role| !held.contains(&role.role)).collect();
    let is_empty = held.is_empty();
    let rows = held
        .into_iter()
        .map(|role| {
            let arguments = vec![("user_id", name.clone()), ("role", role.clone())];
            let take = may_manage.then(|| {
                view! { <Act function="take_role" arguments=arguments then=page.clone() what="Remove" about=role.clone()/> }
            });
            view! { <li><div><p><strong>{role.clone()}</strong></p></div>{take}</li> }
        })
        .collect_view();
    let give = (may_manage && !others.is_empty()).then(|| {
        let options = others
            .into_iter()
            .map(|role| view! { <option value=role.role.clone()>{role.role.clone()}</option> })
            .collect_view();
        view! {
            <form class="filter" method="post" action="/functions/give_role">
                <ShownTo/>
                <input type="hidden" name="user_id" value=name.clone()/>
                <input type="hidden" name=THEN value=page.clone()/>
                <div>
                    <label for="role">"Give a role"</label>
                    <select id="role" name="role">{options}</select>
                </div>
                <button class="button quiet" type="submit">"Give"</button>
            </form>
        }
    });
    view! {
        {is_empty.then(|| view! { <p class="quiet">"No roles."</p> })}
        <ul class="sessions">{rows}</ul>
        {give}
    }
}

#[component]
fn Sessions(name: String, sessions: Vec<SessionView>, page: String, may_manage: bool) -> impl IntoView {
    let is_empty = sessions.is_empty();
    let rows = sessions
        .into_iter()
        .map(|session| {
            let end = may_manage.then_some("revoke_session");
            let arguments = vec![("user_id", name.clone())];
            view! { <Session session=session end=end arguments=arguments then=page.clone()/> }
        })
        .collect_view();
    let all = (may_manage && !is_empty).then(|| {
        view! { <Act function="revoke_sessions" arguments=vec![("user_id", name.clone())] then=page.clone() what="End all sessions"/> }
    });
    view! {
        {is_empty.then(|| view! { <p class="quiet">"No sessions."</p> })}
        <ul class="sessions">{rows}</ul>
        {all}
    }
}

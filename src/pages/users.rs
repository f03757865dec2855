//! All users, a page at a time, with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        Refusal,
        user::{UserList, UserOrder, UserRow, UserState},
    },
    functions::users::list_users,
    parts::{
        moment::Moment,
        paging::{More, asked},
        refused::Refused,
        visit::Visit,
    },
};

/// The page.
#[component]
pub fn Users() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text="Users"/>
        <h1>"Users"</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let may_manage = visit.may("users.manage").await;
                match found.await {
                    Ok(list) => view! { <Found query=query.get_untracked() list=list may_manage=may_manage/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The users that the address asks for.
async fn find(query: ParamsMap) -> Result<UserList, Refusal> {
    let state = match query.get_str("state") {
        Some("active") => Some(UserState::Active),
        Some("invited") => Some(UserState::Invited),
        Some("disabled") => Some(UserState::Disabled),
        _ => None,
    };
    let order = match query.get_str("order") {
        Some("newest") => UserOrder::Newest,
        _ => UserOrder::Name,
    };
    list_users(
        asked(&query, "part"),
        state,
        asked(&query, "role"),
        order,
        asked(&query, "after"),
        None,
    )
    .await
}

#[component]
fn Found(query: ParamsMap, list: UserList, may_manage: bool) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let states = [
        ("", "any"),
        ("active", "active"),
        ("invited", "invited"),
        ("disabled", "disabled"),
    ];
    let orders = [("", "by name"), ("newest", "the newest first")];
    let is_empty = list.users.is_empty();
    view! {
        {may_manage.then(|| view! { <p><a class="button" href="/functions/invite_user">"Invite a user"</a></p> })}
        <form class="filter" method="get" action="/users" role="search" aria-label="Users">
            <div>
                <label for="part">"Part of the name"</label>
                <input id="part" name="part" value=text("part") maxlength="64" autocapitalize="off" spellcheck="false"/>
            </div>
            <div>
                <label for="role">"Role"</label>
                <input id="role" name="role" value=text("role") maxlength="64" autocapitalize="off" spellcheck="false"/>
            </div>
            <Choice name="state" label="State" chosen=text("state") choices=states.to_vec()/>
            <Choice name="order" label="Order" chosen=text("order") choices=orders.to_vec()/>
            <button class="button quiet" type="submit">"Show"</button>
        </form>
        <ul class="rows">{list.users.into_iter().map(|user| view! { <Row user=user/> }).collect_view()}</ul>
        {is_empty.then(|| view! { <p class="quiet">"There is no such user."</p> })}
        <More path="/users" query=query name="after" next=list.next what="Next page"/>
    }
}

/// A choice in a filter.
#[component]
pub fn Choice(
    /// The name of the field, which is also its id.
    name: &'static str,
    /// What it is called.
    label: &'static str,
    /// What is chosen.
    chosen: String,
    /// What there is to choose from, and what each is called.
    choices: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    let options = choices
        .into_iter()
        .map(|(value, words)| view! { <option value=value selected=value == chosen>{words}</option> })
        .collect_view();
    view! {
        <div>
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
        </div>
    }
}

#[component]
fn Row(user: UserRow) -> impl IntoView {
    let UserRow {
        user_id,
        state,
        roles,
        created_at,
    } = user;
    let page = format!("/user?name={user_id}");
    view! {
        <li>
            <p>
                <a href=page>{user_id}</a>
                {(state != UserState::Active).then(|| view! { " " <span class="mark-word">{state.name()}</span> })}
                {roles.into_iter().map(|role| view! { " " <span class="mark-word">{role}</span> }).collect_view()}
            </p>
            <p class="quiet">"since " <Moment at=created_at/></p>
        </li>
    }
}

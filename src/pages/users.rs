//! The list of users, with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use strum::VariantArray as _;

use crate::{
    contract::{
        RangedInt, Refusal, query,
        role::MANAGE_USERS,
        user::{UserList, UserOrder, UserRow, UserState},
    },
    functions::users::list_users,
    parts::{
        moment::Moment,
        paging::{Choice, Field, More, value_of},
        refused::{Refused, filtered},
        visit::Visit,
    },
    sentence, t,
};

#[component]
pub fn Users() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text=t!("Users")/>
        <h1>{t!("Users")}</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let may_manage = visit.may(MANAGE_USERS).await;
                let query = query.get_untracked();
                filtered(found.await, |found| view! { <Results query=query found=found may_manage=may_manage/> }.into_any())
            })}
        </Suspense>
    }
}

async fn find(query: ParamsMap) -> Result<UserList, Refusal> {
    let filter = || {
        Ok((
            query::text("part", value_of(&query, "part"))?,
            query::one("state", value_of(&query, "state"))?,
            query::text("role", value_of(&query, "role"))?,
            query::one("order", value_of(&query, "order"))?.unwrap_or_default(),
            query::text("after", value_of(&query, "after"))?,
        ))
    };
    match filter() {
        Ok((part, state, role, order, after)) => list_users(part, state, role, order, after, None).await,
        // Asks the guard first: callers without the permission get its refusal, not the one about the filter.
        Err(refusal) => {
            let check = list_users(None, None, None, UserOrder::Name, None, RangedInt::new(1).ok());
            check.await.and(Err(refusal))
        }
    }
}

#[component]
fn Results(query: ParamsMap, found: Result<UserList, Refusal>, may_manage: bool) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let states = UserState::VARIANTS
        .iter()
        .map(|&state| (state.name(), state_in_words(state).to_owned()));
    view! {
        {may_manage.then(|| view! { <p><a class="button" href="/functions/invite_user">{t!("Invite a user")}</a></p> })}
        <form class="filter" method="get" action="/users" role="search" aria-label=t!("Users")>
            <Field name="part" label=t!("Name contains") value=text("part")/>
            <Field name="role" label=t!("Role") value=text("role")/>
            <Choice name="state" label=t!("State") chosen=text("state") choices=states.collect()/>
            <Choice
                name="order" label=t!("Order") chosen=text("order") empty=t!("by name")
                choices=vec![("newest", t!("newest first").to_owned())]
            />
            <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
        </form>
        {match found {
            Ok(list) => view! {
                {list.users.is_empty().then(|| view! { <p class="quiet">{t!("No users found.")}</p> })}
                <ul class="rows">{list.users.into_iter().map(|user| view! { <Row user=user/> }).collect_view()}</ul>
                <More path="/users" query=query name="after" next=list.next label=t!("Next page")/>
            }
            .into_any(),
            Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
        }}
    }
}

/// The CSS class of a user's state.
pub fn state_class(state: UserState) -> &'static str {
    match state {
        UserState::Disabled => "mark-word bad",
        UserState::Active | UserState::Invited => "mark-word",
    }
}

/// The label of a user's state.
pub fn state_in_words(state: UserState) -> &'static str {
    match state {
        UserState::Active => t!("active"; "state of a user"),
        UserState::Invited => t!("invited"; "state of a user"),
        UserState::Disabled => t!("disabled"; "state of a user"),
    }
}

#[component]
fn Row(user: UserRow) -> impl IntoView {
    let state = user.state;
    let page = format!("/user?name={}", user.user_id);
    view! {
        <li>
            <p>
                <a href=page>{user.user_id}</a>
                {(state != UserState::Active).then(|| view! { " " <span class=state_class(state)>{state_in_words(state)}</span> })}
                {user.roles.into_iter().map(|role| view! { " " <span class="mark-word role">{role}</span> }).collect_view()}
            </p>
            <p class="quiet">{sentence!("added {time}", time = view! { <Moment at=user.created_at/> })}</p>
        </li>
    }
}

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
    functions::{roles::list_roles, users::list_users},
    parts::{
        filter::{Choice, Field, Filter, Invalid, Nothing, fault_of, value_of},
        moment::Moment,
        notice::DoneNotice,
        numbers::user_count,
        paging::More,
        refused::Refused,
        visit::Visit,
    },
    t,
};

/// The address of this page.
pub const PATH: &str = "/users";

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
                match found.await {
                    Ok((found, roles)) => view! {
                        <Results query=query found=found roles=roles may_manage=may_manage/>
                    }
                    .into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The users, or what is wrong with the filter, and the names of all roles.
async fn find(query: ParamsMap) -> Result<(Result<UserList, Refusal>, Vec<String>), Refusal> {
    let found = match list(&query).await {
        Err(refusal) if !matches!(refusal, Refusal::InvalidArguments(_)) => return Err(refusal),
        found => found,
    };
    let roles = list_roles().await?.roles.into_iter().map(|role| role.role);
    Ok((found, roles.collect()))
}

async fn list(query: &ParamsMap) -> Result<UserList, Refusal> {
    let filter = || {
        Ok((
            query::text("part", value_of(query, "part"))?,
            query::one("state", value_of(query, "state"))?,
            query::text("role", value_of(query, "role"))?,
            query::one("order", value_of(query, "order"))?.unwrap_or_default(),
            query::text("after", value_of(query, "after"))?,
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

/// The fields of the filter. The order is none of them, because it leaves no user out.
const FIELDS: &[&str] = &["part", "role", "state"];

#[component]
fn Results(query: ParamsMap, found: Result<UserList, Refusal>, roles: Vec<String>, may_manage: bool) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let fault = |name| fault_of(&found, name);
    let roles = roles.into_iter().map(|role| (role.clone(), role));
    let states = UserState::VARIANTS
        .iter()
        .map(|&state| (state.name(), state_in_words(state).to_owned()));
    let fields = view! {
        <Field name="part" label=t!("Name contains") value=text("part") fault=fault("part")/>
        <Choice name="role" label=t!("Role") chosen=text("role") choices=roles.collect() fault=fault("role")/>
        <Choice name="state" label=t!("State") chosen=text("state") choices=states.collect() fault=fault("state")/>
        <Choice
            name="order" label=t!("Order") chosen=text("order") empty=t!("by name")
            choices=vec![("newest", t!("newest first").to_owned())] fault=fault("order")
        />
    };
    view! {
        <DoneNotice/>
        {may_manage.then(|| view! { <p><a class="button" href="/functions/invite_user">{t!("Invite a user")}</a></p> })}
        <Filter path=PATH label=t!("Users") query=query.clone() fields=FIELDS is_open=found.is_err()>{fields}</Filter>
        {match found {
            Ok(list) if list.users.is_empty() => view! {
                <Nothing text=t!("No users found.") path=PATH query=query fields=FIELDS/>
            }
            .into_any(),
            Ok(UserList { users, next, total }) => view! {
                <p class="quiet">{user_count(total)}</p>
                <Table users=users/>
                <More path=PATH query=query name="after" next=next label=t!("Next page")/>
            }
            .into_any(),
            Err(refusal) => view! { <Invalid refusal=refusal fields=&["part", "role", "state", "order"]/> }.into_any(),
        }}
    }
}

/// The users in a table, whose rows are cards on narrow screens. The roles are written down, because browsers take them from
/// tables that are not displayed as such.
#[component]
fn Table(users: Vec<UserRow>) -> impl IntoView {
    let columns = [
        t!("Name"; "user"),
        t!("State"),
        t!("Roles"),
        t!("Last login"),
        t!("Added"; "column"),
    ];
    view! {
        <table class="cards" role="table" aria-label=t!("Users")>
            <thead role="rowgroup">
                <tr role="row">
                    {columns.map(|column| view! { <th role="columnheader" scope="col">{column}</th> }).collect_view()}
                </tr>
            </thead>
            <tbody role="rowgroup">{users.into_iter().map(|user| view! { <Row user=user/> }).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Row(user: UserRow) -> impl IntoView {
    let page = format!("/user?name={}", user.user_id);
    let nothing = || view! { <span class="quiet">"–"</span> }.into_any();
    let roles = if user.roles.is_empty() {
        nothing()
    } else {
        let chip = |role: String| view! { <span class="chip" title=role.clone()>{role.clone()}</span> " " };
        user.roles.into_iter().map(chip).collect_view().into_any()
    };
    let last_login = user.last_login_at.map(|at| view! { <Moment at=at/> }.into_any());
    view! {
        <tr role="row">
            <th role="rowheader" scope="row">
                <a href=page>{user.user_id}</a>
                {user.display_name.map(|name| view! { " " <span class="quiet" translate="no">{name}</span> })}
            </th>
            <td role="cell" data-label=t!("State")><State state=user.state/></td>
            <td role="cell" data-label=t!("Roles")>{roles}</td>
            <td role="cell" data-label=t!("Last login")>{last_login.unwrap_or_else(nothing)}</td>
            <td role="cell" data-label=t!("Added"; "column")><Moment at=user.created_at/></td>
        </tr>
    }
}

/// A user's state: a coloured dot and a word.
#[component]
pub fn State(state: UserState) -> impl IntoView {
    view! { <span class=format!("state {}", state.name())>{state_in_words(state)}</span> }
}

/// The label of a user's state.
fn state_in_words(state: UserState) -> &'static str {
    match state {
        UserState::Active => t!("active"; "state of a user"),
        UserState::Invited => t!("invited"; "state of a user"),
        UserState::Disabled => t!("disabled"; "state of a user"),
    }
}

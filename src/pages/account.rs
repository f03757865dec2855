//! The user's own account: password, accounts at providers, sessions and recent activity.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use serde::{Deserialize, Serialize};

use crate::{
    contract::{
        RangedInt, Refusal, audit::EventList, identity::IdentityList, page::CHANGE_PASSWORD, provider::ProviderView,
        query, session::SessionList,
    },
    functions::{
        account::{my_events, my_sessions},
        identities::my_identities,
    },
    parts::{
        action_button::ActionButton,
        events::Events,
        identity::Identity,
        paging::{More, value_of},
        provider::{ProviderFailure, ProviderForm, failed_login, name_of},
        refused::{Refused, title_of},
        session::Session,
        visit::Visit,
    },
};

/// The address of this page.
pub const PATH: &str = "/account";

/// The address of this page with the notice that the password has been changed.
pub const PASSWORD_CHANGED: &str = "/account?changed=password#notice";

/// The address of this page with the notice that an account at the provider `key` has been linked.
pub fn linked(key: &str) -> String {
    format!("{PATH}?linked={key}#notice")
}

#[component]
pub fn Account() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), move |query| find(visit, query));
    view! {
        <Title text=title_of("Your account", failed_login().is_some())/>
        <h1>"Your account"</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let notice = notice(&query.get_untracked());
                let user = visit.user().await.ok().flatten();
                match (user, found.await) {
                    (Some(user), Ok(Some(found))) => {
                        view! {
                            // The fragment of the address focuses it, so that screen readers read it.
                            {notice.map(|notice| view! { <p id="notice" class="notice" tabindex="-1">{notice}</p> })}
                            <ProviderFailure/>
                            <Details user_id=user.user_id found=found/>
                        }
                        .into_any()
                    }
                    (_, Err(refusal)) => view! { <Refused refusal=refusal/> }.into_any(),
                    _ => view! {
                        <p>"You are not logged in. " <a href="/login?next=/account">"Log in"</a> " to see your account."</p>
                    }
                    .into_any(),
                }
            })}
        </Suspense>
    }
}

/// The notice about what was just done, according to the query.
fn notice(query: &ParamsMap) -> Option<String> {
    if query.get_str("changed") == Some("password") {
        return Some("Your password has been changed. All your other sessions have ended.".to_owned());
    }
    let name = name_of(query.get_str("linked")?)?;
    Some(format!("Your account at {name} is linked. You can now log in with it."))
}

/// What the page shows of the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    sessions: SessionList,
    events: EventList,
    /// `None` if no provider is configured.
    identities: Option<IdentityList>,
}

/// What the page shows. `None` if nobody is logged in.
async fn find(visit: Visit, query: ParamsMap) -> Result<Option<Found>, Refusal> {
    if visit.user().await?.is_none() {
        return Ok(None);
    }
    let found = async {
        let before = query::number("before", value_of(&query, "before"))?;
        let has_providers = !visit.site().providers.is_empty();
        Ok(Found {
            events: my_events(before, RangedInt::new(20).ok()).await?,
            sessions: my_sessions().await?,
            identities: if has_providers {
                Some(my_identities().await?)
            } else {
                None
            },
        })
    };
    match found.await {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

#[component]
fn Details(user_id: String, found: Found) -> impl IntoView {
    let Found {
        sessions: list,
        events,
        identities,
    } = found;
    let has_password = identities.as_ref().is_none_or(|list| list.has_password);
    let total = list.total;
    let is_cut = total > list.sessions.len();
    view! {
        <p class="lead">"You are logged in as " <strong>{user_id}</strong> "."</p>
        <section aria-labelledby="password-heading">
            <h2 id="password-heading">"Password"</h2>
            <p>
                {(!has_password).then_some("You have no password. ")}
                <a href=CHANGE_PASSWORD>{if has_password { "Change your password" } else { "Choose a password" }}</a>
                ". This ends all your other sessions and forgets all remembered browsers."
            </p>
        </section>
        {identities.map(|list| view! { <Identities list=list/> })}
        <section aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">"Where you are logged in"</h2>
            {is_cut.then(|| view! { <p class="quiet">{format!("Showing the latest {} of {total}.", SessionList::MOST)}</p> })}
            <ul class="sessions">{list.sessions.into_iter().map(|session| view! {
                <Session session=session end=Some("end_session") then="/account"/>
            }).collect_view()}</ul>
            {(total > 1).then(|| view! {
                <ActionButton function="end_other_sessions" arguments=[] then="/account" label="End all other sessions"/>
            })}
        </section>
        <section aria-labelledby="events-heading">
            <h2 id="events-heading">"Recent activity"</h2>
            <p class="quiet">"If you see something that was not you, change your password."</p>
            <Events events=events.events/>
            <More path="/account" query=ParamsMap::new() name="before" next=events.next.map(|next| next.to_string()) label="Earlier"/>
        </section>
    }
}

/// The accounts at providers that the user can log in with, and buttons to link others.
#[component]
fn Identities(list: IdentityList) -> impl IntoView {
    let IdentityList {
        identities,
        has_password,
    } = list;
    let is_empty = identities.is_empty();
    let has_only_way = !has_password && identities.iter().any(|identity| !identity.can_unlink);
    let is_linked = |provider: &ProviderView| {
        let key = Some(provider.key.as_str());
        identities.iter().any(|identity| identity.provider.as_deref() == key)
    };
    let mut others = Visit::current().site().providers;
    others.retain(|provider| !is_linked(provider));
    view! {
        <section aria-labelledby="identities-heading">
            <h2 id="identities-heading">"Accounts elsewhere"</h2>
            {is_empty.then(|| view! { <p class="quiet">"Link an account elsewhere to log in with it."</p> })}
            <ul class="sessions">{identities.into_iter().map(|identity| {
                let end = identity.can_unlink.then_some(("unlink_identity", "Unlink"));
                view! { <Identity identity=identity end=end then=PATH/> }
            }).collect_view()}</ul>
            {has_only_way.then(|| view! {
                <p>"This is your only way to log in. " <a href=CHANGE_PASSWORD>"Choose a password"</a> " before you unlink it."</p>
            })}
            <div class="buttons">{others.into_iter().map(|provider| view! {
                <ProviderForm provider=provider action="/account/link" label="Link" is_of_user=true/>
            }).collect_view()}</div>
        </section>
    }
}

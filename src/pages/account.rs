//! The user's own account: password, sessions and recent activity.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{RangedInt, Refusal, audit::EventList, page::CHANGE_PASSWORD, query, session::SessionList},
    functions::account::{my_events, my_sessions},
    parts::{
        action_button::ActionButton,
        events::Events,
        paging::{More, value_of},
        refused::Refused,
        session::Session,
        visit::Visit,
    },
};

/// The address of this page with the notice that the password has been changed.
pub const PASSWORD_CHANGED: &str = "/account?changed=password#notice";

#[component]
pub fn Account() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let is_changed = query.read_untracked().get_str("changed") == Some("password");
    let found = Resource::new_blocking(move || query.get(), move |query| find(visit, query));
    view! {
        <Title text="Your account"/>
        <h1>"Your account"</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let user = visit.user().await.ok().flatten();
                match (user, found.await) {
                    (Some(user), Ok(Some((list, events)))) => {
                        view! {
                            // The fragment of the address focuses it, so that screen readers read it.
                            {is_changed.then(|| view! {
                                <p id="notice" class="notice" tabindex="-1">"Your password has been changed. All your other sessions have ended."</p>
                            })}
                            <Details user_id=user.user_id list=list events=events/>
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

/// The sessions and recent activity. `None` if nobody is logged in.
async fn find(visit: Visit, query: ParamsMap) -> Result<Option<(SessionList, EventList)>, Refusal> {
    if visit.user().await?.is_none() {
        return Ok(None);
    }
    let found = async {
        let before = query::number("before", value_of(&query, "before"))?;
        let events = my_events(before, RangedInt::new(20).ok()).await?;
        Ok((my_sessions().await?, events))
    };
    match found.await {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

#[component]
fn Details(user_id: String, list: SessionList, events: EventList) -> impl IntoView {
    let total = list.total;
    let is_cut = total > list.sessions.len();
    view! {
        <p class="lead">"You are logged in as " <strong>{user_id}</strong> "."</p>
        <section aria-labelledby="password-heading">
            <h2 id="password-heading">"Password"</h2>
            <p>
                <a href=CHANGE_PASSWORD>"Change your password"</a>
                ". This ends all your other sessions and forgets all remembered browsers."
            </p>
        </section>
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

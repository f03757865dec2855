//! One's own account: the password, where one is logged in, and what happened of late.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        Refusal, Whole, asked,
        audit::EventList,
        session::{SessionList, SessionView},
        typed::THEN,
    },
    functions::{account::my_sessions, audit::my_events},
    parts::{
        events::Events,
        moment::Moment,
        paging::{More, asked as of},
        refused::Refused,
        visit::Visit,
    },
};

/// The page.
#[component]
pub fn Account() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), move |query| find(visit, query));
    view! {
        <Title text="Your account"/>
        <h1>"Your account"</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let user = visit.user().await.ok().flatten();
                match (user, found.await) {
                    (Some(user), Ok(Some((list, events)))) => {
                        view! { <Own user_id=user.user_id list=list events=events/> }.into_any()
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

/// The sessions and what happened of late, if somebody is logged in.
async fn find(visit: Visit, query: ParamsMap) -> Result<Option<(SessionList, EventList)>, Refusal> {
    if visit.user().await?.is_none() {
        return Ok(None);
    }
    let found = async {
        let before = asked::number("before", of(&query, "before"))?;
        let events = my_events(before, Whole::new(20).ok()).await?;
        Ok((my_sessions().await?, events))
    };
    match found.await {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

#[component]
fn Own(user_id: String, list: SessionList, events: EventList) -> impl IntoView {
    let has_others = list.sessions.len() > 1;
    view! {
        <p class="lead">"You are logged in as " <strong>{user_id}</strong> "."</p>
        <section aria-labelledby="password-heading">
            <h2 id="password-heading">"Password"</h2>
            <p>
                <a href="/functions/change_password">"Change your password"</a>
                ". That ends all your other sessions and forgets all remembered browsers."
            </p>
        </section>
        <section aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">"Where you are logged in"</h2>
            <ul class="sessions">{list.sessions.into_iter().map(|session| view! { <Session session=session/> }).collect_view()}</ul>
            {has_others.then(|| view! {
                <form method="post" action="/functions/end_other_sessions">
                    <input type="hidden" name=THEN value="/account"/>
                    <button class="plain" type="submit">"End all other sessions"</button>
                </form>
            })}
        </section>
        <section aria-labelledby="events-heading">
            <h2 id="events-heading">"What happened of late"</h2>
            <p class="quiet">"Something here that was not you? Change your password."</p>
            <Events events=events.events/>
            <More path="/account" query=ParamsMap::new() name="before" next=events.next.map(|next| next.to_string()) what="Earlier"/>
        </section>
    }
}

#[component]
fn Session(session: SessionView) -> impl IntoView {
    let SessionView {
        id,
        device,
        address,
        logged_in_at,
        last_used_at,
        remembered,
        current,
    } = session;
    let what = if current { "Log out here" } else { "End" };
    let about = match address.as_str() {
        "" => device.clone(),
        address => format!("{device}, {address}"),
    };
    view! {
        <li>
            <div>
                <p>
                    <strong>{about.clone()}</strong>
                    {current.then(|| view! { " " <span class="mark-word">"this one"</span> })}
                    {remembered.then(|| view! { " " <span class="mark-word">"remembered"</span> })}
                </p>
                <p class="quiet">
                    "Logged in " <Moment at=logged_in_at/> ", last used " <Moment at=last_used_at/>
                </p>
            </div>
            <form method="post" action="/functions/end_session">
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name=THEN value="/account"/>
                <button class="plain" type="submit">{what}<span class="unseen">": " {about}</span></button>
            </form>
        </li>
    }
}

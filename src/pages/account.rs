//! One's own account: the password, and where one is logged in.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    contract::{
        Refusal,
        session::{SessionList, SessionView},
        typed::THEN,
    },
    functions::account::my_sessions,
    parts::visit::Visit,
};

/// The page.
#[component]
pub fn Account() -> impl IntoView {
    let visit = Visit::current();
    let sessions = Resource::new_blocking(|| (), move |()| sessions(visit));
    view! {
        <Title text="Your account"/>
        <h1>"Your account"</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let user = visit.user().await.ok().flatten();
                match (user, sessions.await) {
                    (Some(user), Ok(Some(list))) => view! { <Own user_id=user.user_id list=list/> }.into_any(),
                    (_, Err(refusal)) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
                    _ => view! {
                        <p>"You are not logged in. " <a href="/login?next=/account">"Log in"</a> " to see your account."</p>
                    }
                    .into_any(),
                }
            })}
        </Suspense>
    }
}

/// The sessions, if somebody is logged in.
async fn sessions(visit: Visit) -> Result<Option<SessionList>, Refusal> {
    if visit.user().await?.is_none() {
        return Ok(None);
    }
    match my_sessions().await {
        Ok(list) => Ok(Some(list)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

#[component]
fn Own(user_id: String, list: SessionList) -> impl IntoView {
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
                    "Logged in " <time datetime=logged_in_at.clone()>{in_words(&logged_in_at)}</time>
                    ", last used " <time datetime=last_used_at.clone()>{in_words(&last_used_at)}</time>
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

/// `2026-01-31T10:20:30Z` as people read it.
fn in_words(moment: &str) -> String {
    let minutes: String = moment.chars().take("2026-01-31T10:20".len()).collect();
    format!("{} UTC", minutes.replace('T', " "))
}

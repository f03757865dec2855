//! The user's own account: password, accounts at providers, sessions and recent activity.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use crate::{
    contract::{
        Language, RangedInt, Refusal,
        audit::EventList,
        form_data::THEN,
        identity::IdentityList,
        page::CHANGE_PASSWORD,
        provider::ProviderView,
        query,
        session::{SessionList, SessionView},
        user::ProfileView,
    },
    functions::{
        account::{my_events, my_profile, my_sessions},
        identities::my_identities,
    },
    parts::{
        action_button::{ActionButton, ShownTo},
        events::Events,
        filter::value_of,
        identity::Identity,
        notice::{Done, DoneNotice, NOTICE, Notice},
        paging::More,
        provider::{ProviderFailure, ProviderForm, failed_login, name_of},
        refused::{Explanation, Refused, title_of},
        session::Session,
        visit::Visit,
    },
    platform, sentence, t,
};

/// The address of this page.
pub const PATH: &str = "/account";

/// The address of this page with the notice that an account at the provider `key` has been linked.
pub fn linked(key: &str) -> String {
    format!("{PATH}?linked={key}#{NOTICE}")
}

#[component]
pub fn Account() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), move |query| find(visit, query));
    view! {
        <Title text=title_of(t!("Your account"), failed_login().is_some())/>
        <h1>{t!("Your account")}</h1>
        <Suspense>
            {move || Suspend::new(async move {
                let linked = linked_notice(&query.get_untracked());
                let user = visit.user().await.ok().flatten();
                match (user, found.await) {
                    (Some(user), Ok(Some(found))) => {
                        view! {
                            <DoneNotice/>
                            {linked.map(|linked| view! { <Notice>{linked}</Notice> })}
                            <ProviderFailure/>
                            <Details user_id=user.user_id found=found/>
                        }
                        .into_any()
                    }
                    (_, Err(refusal)) => view! { <Refused refusal=refusal/> }.into_any(),
                    _ => view! { <Explanation refusal=Refusal::NotLoggedIn/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The notice that an account was linked, according to the query.
fn linked_notice(query: &ParamsMap) -> Option<String> {
    let name = name_of(query.get_str("linked")?)?;
    Some(t!(
        "Your account at {name} is linked. You can now log in with it.",
        name
    ))
}

/// What the page shows of the user.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    profile: ProfileView,
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
            profile: my_profile().await?,
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
        profile,
        sessions: list,
        events,
        identities,
    } = found;
    let has_password = identities.as_ref().is_none_or(|list| list.has_password);
    let sections = [
        Some(("profile-heading", t!("Profile"))),
        Some(("password-heading", t!("Password"))),
        identities
            .as_ref()
            .map(|_| ("identities-heading", t!("Accounts elsewhere"))),
        Some(("sessions-heading", t!("Where you are logged in"))),
        Some(("events-heading", t!("Recent activity"))),
    ];
    let links = sections
        .into_iter()
        .flatten()
        .map(|(id, name)| view! { <li><a href=format!("#{id}")>{name}</a></li> });
    let about_password = if has_password {
        sentence!(
            "{link}. This ends all your other sessions and forgets all remembered browsers.",
            link = view! { <a href=CHANGE_PASSWORD>{t!("Change your password")}</a> },
        )
    } else {
        sentence!(
            "You have no password. {link}. This ends all your other sessions and forgets all remembered browsers.",
            link = view! { <a href=CHANGE_PASSWORD>{t!("Choose a password")}</a> },
        )
    };
    view! {
        <p class="lead">{sentence!("You are logged in as {user}.", user = view! { <strong>{user_id}</strong> })}</p>
        <div class="sections">
            <nav aria-label=t!("Sections of this page")><ul>{links.collect_view()}</ul></nav>
            <div>
                <Profile profile=profile/>
                <section aria-labelledby="password-heading">
                    <h2 id="password-heading">{t!("Password")}</h2>
                    <p>{about_password}</p>
                </section>
                {identities.map(|list| view! { <Identities list=list/> })}
                <Sessions list=list/>
                <section aria-labelledby="events-heading">
                    <h2 id="events-heading">{t!("Recent activity")}</h2>
                    <p class="quiet">{t!("If you see something that was not you, change your password.")}</p>
                    <Events events=events.events/>
                    <More path=PATH query=ParamsMap::new() name="before" next=events.next.map(|next| next.to_string()) label=t!("Earlier")/>
                </section>
            </div>
        </div>
    }
}

/// The current session, the others, and a step to end all others.
#[component]
fn Sessions(list: SessionList) -> impl IntoView {
    let SessionList { sessions, total } = list;
    let is_cut = total > sessions.len();
    let (current, others): (Vec<SessionView>, Vec<SessionView>) =
        sessions.into_iter().partition(|session| session.current);
    let has_others = !others.is_empty();
    // Ending the current session logs the user out, so there is no notice.
    let row = |session: SessionView| {
        let then = if session.current {
            PATH.to_owned()
        } else {
            Done::LoggedOutThere.on(PATH)
        };
        view! { <Session session=session end=Some("end_session") then=then/> }
    };
    view! {
        <section aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">{t!("Where you are logged in")}</h2>
            {is_cut.then(|| view! {
                <p class="quiet">{t!("Showing the latest {shown} of {total}.", shown = SessionList::MOST, total)}</p>
            })}
            <ul class="sessions current">{current.into_iter().map(row).collect_view()}</ul>
            <ul class="sessions">{others.into_iter().map(row).collect_view()}</ul>
            {has_others.then(|| view! {
                <details>
                    <summary>{t!("Log out everywhere else")}</summary>
                    <p>{t!("This ends all your other sessions and forgets all other remembered browsers. You stay logged in here.")}</p>
                    <ActionButton
                        function="end_other_sessions" arguments=[] then=Done::LoggedOutElsewhere.on(PATH)
                        label=t!("End all other sessions") is_bad=true
                    />
                </details>
            })}
        </section>
    }
}

/// What the user has chosen, and forms to change it.
#[component]
fn Profile(profile: ProfileView) -> impl IntoView {
    let ProfileView {
        display_name,
        language,
        time_zone,
    } = profile;
    let choice = move |choice: Language| {
        view! {
            <option value=choice.tag() lang=choice.tag() selected=language == Some(choice)>{choice.own_name()}</option>
        }
    };
    view! {
        <section aria-labelledby="profile-heading">
            <h2 id="profile-heading">{t!("Profile")}</h2>
            <form class="panel" method="post" action="/functions/set_profile">
                <ShownTo/>
                <input type="hidden" name=THEN value=Done::ProfileSaved.on(PATH)/>
                <label for="display-name">{t!("Display name")}</label>
                <p id="display-name-help" class="help">{t!("Shown beside your login name. Leave it empty for none.")}</p>
                <input
                    id="display-name" name="display_name" maxlength="40" autocomplete="name" value=display_name
                    aria-describedby="display-name-help"
                />
                <label for="time-zone">{t!("Time zone")}</label>
                <p id="time-zone-help" class="help">{t!("Such as Asia/Seoul. Leave it empty for the time of the site.")}</p>
                <input
                    id="time-zone" name="time_zone" maxlength="64" value=time_zone list="time-zones" autocapitalize="off"
                    spellcheck="false" aria-describedby="time-zone-help"
                />
                <datalist id="time-zones">
                    {platform::time_zones().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}
                </datalist>
                <button class="button quiet" type="submit">{t!("Save")}<span class="unseen">{format!(": {}", t!("Profile"))}</span></button>
            </form>
            <form class="panel" method="post" action="/functions/set_language">
                <ShownTo/>
                <input type="hidden" name=THEN value=Done::LanguageSaved.on(PATH)/>
                <label for="language">{t!("Language")}</label>
                <select id="language" name="language">
                    <option value="" selected=language.is_none()>{t!("As the browser asks for")}</option>
                    {Language::iter().map(choice).collect_view()}
                </select>
                <button class="button quiet" type="submit">{t!("Save")}<span class="unseen">{format!(": {}", t!("Language"))}</span></button>
            </form>
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
            <h2 id="identities-heading">{t!("Accounts elsewhere")}</h2>
            {is_empty.then(|| view! { <p class="quiet">{t!("Link an account elsewhere to log in with it.")}</p> })}
            <ul class="sessions">{identities.into_iter().map(|identity| {
                let end = identity.can_unlink.then_some(("unlink_identity", t!("Unlink")));
                view! { <Identity identity=identity end=end then=Done::IdentityUnlinked.on(PATH)/> }
            }).collect_view()}</ul>
            {has_only_way.then(|| view! {
                <p>
                    {sentence!(
                        "This is your only way to log in. {link} before you unlink it.",
                        link = view! { <a href=CHANGE_PASSWORD>{t!("Choose a password")}</a> },
                    )}
                </p>
            })}
            <div class="buttons">{others.into_iter().map(|provider| view! {
                <ProviderForm label=t!("Link {name}", name = provider.name) provider=provider action="/account/link" is_of_user=true/>
            }).collect_view()}</div>
        </section>
    }
}

//! A user: state, roles, accounts at providers, sessions, recent activity, and actions for administrators.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::users::{self, State};
use crate::{
    contract::{
        Refusal, Text,
        form_data::THEN,
        identity::{IdentityList, IdentityView},
        role::{MANAGE_USERS, READ_AUDIT, RoleView, SEE_USERS},
        session::SessionView,
        user::{UserDetail, UserState},
    },
    functions::{
        roles::list_roles,
        users::{list_identities, show_user},
    },
    message,
    parts::{
        action_button::{ActionButton, ShownTo},
        call_stats::calls_of_user,
        events::Events,
        identity::Identity,
        moment::Moment,
        notice::{Done, DoneNotice},
        one_time_link::OneTimeLink,
        refused::Refused,
        session::Session,
        visit::Visit,
    },
    sentence, t,
};

#[component]
pub fn UserPage() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let name = move || query.read().get("name").unwrap_or_default();
    let found = Resource::new_blocking(name, move |name| find(visit, name));
    view! {
        <p class="crumb"><a href=users::PATH>{t!("All users")}</a></p>
        <Suspense>
            {move || Suspend::new(async move {
                let may = May {
                    manage: visit.may(MANAGE_USERS).await,
                    explain: visit.may(SEE_USERS).await,
                    read_audit: visit.may(READ_AUDIT).await,
                };
                let viewer = visit.user().await.ok().flatten().map(|user| user.user_id);
                match found.await {
                    Ok((detail, roles, identities)) => {
                        let calls = calls_of_user(visit, detail.user.user_id.clone()).await;
                        view! {
                            <User
                                is_self=viewer.as_ref() == Some(&detail.user.user_id)
                                detail=detail all_roles=roles identities=identities calls=calls may=may
                            />
                        }
                        .into_any()
                    }
                    Err(refusal) => view! {
                        <Title text=t!("User")/>
                        <h1>{t!("User")}</h1>
                        <Refused refusal=refusal/>
                    }
                    .into_any(),
                }
            })}
        </Suspense>
    }
}

/// The user, all roles, and the user's accounts at providers if the viewer may see them.
async fn find(visit: Visit, name: String) -> Result<(UserDetail, Vec<RoleView>, Option<IdentityList>), Refusal> {
    let name = Text::<1, 64>::new(name).map_err(|_| Refusal::NotFound(message!("user")))?;
    let detail = show_user(name.clone()).await?;
    let may_manage = visit.may(MANAGE_USERS).await;
    let identities = if may_manage {
        Some(list_identities(name).await?)
    } else {
        None
    };
    Ok((detail, list_roles().await?.roles, identities))
}

/// Which parts of the page the viewer may see or use.
#[derive(Clone, Copy)]
struct May {
    manage: bool,
    explain: bool,
    read_audit: bool,
}

#[component]
fn User(
    detail: UserDetail,
    all_roles: Vec<RoleView>,
    identities: Option<IdentityList>,
    /// The chart of the user's calls, if the viewer may see it.
    calls: Option<AnyView>,
    may: May,
    /// Whether the viewer is the user.
    is_self: bool,
) -> impl IntoView {
    let may_manage = may.manage;
    let (user, sessions, total) = (detail.user, detail.sessions, detail.total_sessions);
    let is_cut = total > sessions.len();
    let name = user.user_id;
    let page = format!("/user?name={name}");
    let identities = identities.map(|list| list.identities).unwrap_or_default();
    view! {
        <Title text=title(&name)/>
        <div class="title">
            <h1>{name.clone()}</h1>
            {user.display_name.map(|name| view! { <span class="quiet" translate="no">{name}</span> })}
            <State state=user.state/>
        </div>
        <DoneNotice/>
        <OneTimeLink/>
        <Login name=name.clone() state=user.state page=page.clone() may_manage=may_manage/>
        <p class="quiet">{sentence!("Added {time}", time = view! { <Moment at=user.created_at in_prose=true/> })}</p>
        {user.last_login_at.map(|at| view! {
            <p class="quiet">{sentence!("Last login {time}", time = view! { <Moment at=at in_prose=true/> })}</p>
        })}
        {detail.link_until.map(|until| view! {
            <p class="quiet">{sentence!("One-time link valid until {time}", time = view! { <Moment at=until in_prose=true/> })}</p>
        })}
        {match (may_manage, is_self) {
            (true, false) => view! { <Actions name=name.clone() state=user.state page=page.clone()/> }.into_any(),
            (true, true) => view! {
                <p>
                    {sentence!(
                        "This is you. Your password and your sessions are under {link}.",
                        link = view! { <a href="/account">{t!("Your account")}</a> },
                    )}
                </p>
            }
            .into_any(),
            (false, _) => ().into_any(),
        }}
        <section aria-labelledby="roles-heading">
            <h2 id="roles-heading">{t!("Roles")}</h2>
            <Roles name=name.clone() held=user.roles all=all_roles page=page.clone() may_manage=may_manage/>
            {may.explain.then(|| view! { <p><a href=format!("/access?user_id={name}")>{t!("What can this user call?")}</a></p> })}
        </section>
        {(!identities.is_empty()).then(|| view! {
            <Identities name=name.clone() identities=identities page=page.clone()/>
        })}
        <section aria-labelledby="sessions-heading">
            <h2 id="sessions-heading">{t!("Where this user is logged in")}</h2>
            {is_cut.then(|| view! {
                <p class="quiet">{t!("Showing the latest {shown} of {total}.", shown = sessions.len(), total)}</p>
            })}
            <Sessions name=name.clone() sessions=sessions page=page may_manage=may_manage/>
        </section>
        {calls}
        <section aria-labelledby="events-heading">
            <h2 id="events-heading">{t!("Recent activity")}</h2>
            <Events events=detail.events/>
            {may.read_audit.then(|| view! { <p><a href=format!("/audit?user={name}")>{t!("Show all")}</a></p> })}
        </section>
    }
}

/// The name of the user. Titles are not escaped (`leptos_meta` 0.8), so a name with other signs than new names have is left out.
fn title(name: &str) -> String {
    let is_harmless = |sign: char| sign.is_ascii_alphanumeric() || "._@-".contains(sign);
    if name.chars().all(is_harmless) {
        name.to_owned()
    } else {
        t!("User").to_owned()
    }
}

/// Whether the user can log in. Contains the button to enable a disabled user again.
#[component]
fn Login(name: String, state: UserState, page: String, may_manage: bool) -> impl IntoView {
    match state {
        UserState::Active => view! { <p class="lead">{t!("Can log in.")}</p> }.into_any(),
        UserState::Invited => view! {
            <p class="lead">{t!("Cannot log in yet. Send this person a one-time link to choose a password.")}</p>
        }
        .into_any(),
        UserState::Disabled => view! {
            <p class="lead">{t!("This user is disabled and cannot log in. All sessions have ended.")}</p>
            {may_manage.then(|| view! {
                <div class="buttons">
                    <ActionButton
                        function="enable_user" arguments=vec![("user_id", name)] then=Done::UserEnabled.on(&page) label=t!("Enable")
                    />
                </div>
            })}
        }
        .into_any(),
    }
}

/// Actions with large effects. Each is hidden behind a summary that explains it, so that one click is not enough.
#[component]
fn Actions(name: String, state: UserState, page: String) -> impl IntoView {
    let user = vec![("user_id", name.clone())];
    view! {
        {(state == UserState::Invited).then(|| view! {
            <div class="buttons">
                <ActionButton function="invite_user" arguments=user.clone() then=page.clone() label=t!("Create an invitation link")/>
            </div>
        })}
        {(state == UserState::Active).then(|| view! {
            <details>
                <summary>{t!("Require a new password")}</summary>
                <p>
                    {t!(
                        "This removes the password of {name} and ends all their sessions. You get a one-time link to send to this person.",
                        name,
                    )}
                </p>
                <ActionButton
                    function="require_new_password" arguments=user.clone() then=page.clone()
                    label=t!("Remove the password of {name} and create a link", name) is_bad=true
                />
            </details>
        })}
        {(state != UserState::Disabled).then(|| view! {
            <details>
                <summary>{t!("Disable this user")}</summary>
                <p>
                    {t!(
                        "This ends all sessions of {name} and blocks logins. Roles are kept, and you can enable {name} again.",
                        name,
                    )}
                </p>
                <ActionButton
                    function="disable_user" arguments=user.clone() then=Done::UserDisabled.on(&page)
                    label=t!("Disable {name}", name) is_bad=true
                />
            </details>
        })}
        <details>
            <summary>{t!("Delete this user")}</summary>
            <p>
                {t!(
                    "This permanently deletes {name} and everything that belongs to {name}. Entries in the audit log are kept.",
                    name,
                )}
            </p>
            <ActionButton
                function="delete_user" arguments=user then=Done::UserDeleted.on(users::PATH)
                label=t!("Delete {name} permanently", name) is_bad=true
            />
        </details>
    }
}

#[component]
fn Roles(name: String, held: Vec<String>, all: Vec<RoleView>, page: String, may_manage: bool) -> impl IntoView {
    // The built-in role is `admin`.
    let (admin, others): (Vec<RoleView>, Vec<RoleView>) = all
        .into_iter()
        .filter(|role| !held.contains(&role.role))
        .partition(|role| role.built_in);
    let is_empty = held.is_empty();
    let rows = held
        .into_iter()
        .map(|role| {
            let arguments = vec![("user_id", name.clone()), ("role", role.clone())];
            let take = may_manage.then(|| {
                view! {
                    <ActionButton
                        function="take_role" arguments=arguments then=Done::RoleTaken.on(&page) label=t!("Remove"; "role of a user")
                        subject=role.clone() is_bad=true
                    />
                }
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
                <input type="hidden" name=THEN value=Done::RoleGiven.on(&page)/>
                <div>
                    <label for="role">{t!("Give a role")}</label>
                    <select id="role" name="role" required>
                        <option value="">{t!("Choose a role")}</option>
                        {options}
                    </select>
                </div>
                <button class="button quiet" type="submit">{t!("Give")}</button>
            </form>
        }
    });
    let promote = admin.into_iter().filter(|_| may_manage).map(|role| {
        let summary = t!("Make {name} an administrator", name);
        let arguments = vec![("user_id", name.clone()), ("role", role.role)];
        view! {
            <details>
                <summary>{summary}</summary>
                <p>
                    {t!(
                        "An administrator can call every function. {name} could then manage all users and roles, including you.",
                        name,
                    )}
                </p>
                <ActionButton
                    function="give_role" arguments=arguments then=Done::RoleGiven.on(&page) label=t!("Make administrator") is_bad=true
                />
            </details>
        }
    });
    view! {
        {is_empty.then(|| view! { <p class="quiet">{t!("No roles.")}</p> })}
        <ul class="sessions">{rows}</ul>
        {give}
        {promote.collect_view()}
    }
}

#[component]
fn Identities(name: String, identities: Vec<IdentityView>, page: String) -> impl IntoView {
    let rows = identities
        .into_iter()
        .map(|identity| {
            let arguments = vec![("user_id", name.clone())];
            let end = Some(("remove_identity", t!("Remove"; "linked account")));
            view! { <Identity identity=identity end=end arguments=arguments then=Done::IdentityUnlinked.on(&page) shows_details=true/> }
        })
        .collect_view();
    view! {
        <section aria-labelledby="identities-heading">
            <h2 id="identities-heading">{t!("Accounts elsewhere")}</h2>
            <ul class="sessions">{rows}</ul>
        </section>
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
            view! { <Session session=session end=end arguments=arguments then=Done::SessionEnded.on(&page)/> }
        })
        .collect_view();
    view! {
        {is_empty.then(|| view! { <p class="quiet">{t!("No sessions.")}</p> })}
        <ul class="sessions">{rows}</ul>
        {(may_manage && !is_empty).then(|| view! {
            <details>
                <summary>{t!("Log this user out everywhere")}</summary>
                <p>{t!("This ends all sessions of {name} and forgets all remembered browsers.", name)}</p>
                <ActionButton
                    function="revoke_sessions" arguments=vec![("user_id", name.clone())] then=Done::SessionsEnded.on(&page)
                    label=t!("End all sessions of {name}", name) is_bad=true
                />
            </details>
        })}
    }
}

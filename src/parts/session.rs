//! A session in a list, with the button that ends it. It works without script.

use leptos::prelude::*;

use super::{act::Act, moment::Moment};
use crate::contract::session::SessionView;

/// The row of a session.
#[component]
pub fn Session(
    /// The session.
    session: SessionView,
    /// The function that ends it, where that may be done from here.
    end: Option<&'static str>,
    /// What that function is told besides the session.
    #[prop(optional)]
    arguments: Vec<(&'static str, String)>,
    /// The page to show then.
    #[prop(into)]
    then: String,
) -> impl IntoView {
    let about = session.in_words();
    let SessionView {
        id,
        logged_in_at,
        last_used_at,
        remembered,
        current,
        ..
    } = session;
    // What tells two sessions of one browser apart.
    let times = format!("session-{id}");
    let end = end.map(|function| {
        let mut arguments = arguments;
        arguments.push(("id", id));
        let what = if current { "Log out here" } else { "End" };
        view! { <Act function=function arguments=arguments then=then what=what about=about.clone() described_by=times.clone()/> }
    });
    view! {
        <li>
            <div>
                <p>
                    <strong>{about.clone()}</strong>
                    {current.then(|| view! { " " <span class="mark-word">"this session"</span> })}
                    {remembered.then(|| view! { " " <span class="mark-word">"remembered"</span> })}
                </p>
                <p id=times class="quiet">"Logged in " <Moment at=logged_in_at/> ", last used " <Moment at=last_used_at/></p>
            </div>
            {end}
        </li>
    }
}

//! A one-time link that a form has just made, with a message to send.

use leptos::prelude::*;
use strum::IntoEnumIterator as _;

use super::{
    copyable::{CopyScript, Copyable},
    moment::Moment,
    visit::Visit,
};
use crate::{
    contract::{
        Language, Message, TimeZone, moment,
        pending_call::{PendingCall, State},
        user::LinkReply,
    },
    message, sentence, t,
};

/// The functions that make a link: for a new user, and for a new password.
const MAKERS: [&str; 2] = ["invite_user", "require_new_password"];

/// The link that this page answers a form with, if any. The page is the only one that shows it.
#[component]
pub fn OneTimeLink() -> impl IntoView {
    let visit = Visit::current();
    let call = MAKERS.into_iter().find_map(|name| visit.pending_call(name));
    call.and_then(|PendingCall { function, state, .. }| {
        let State::Done(outcome) = state else { return None };
        let link: LinkReply = serde_json::from_str(&outcome.body).ok()?;
        Some(view! { <Card is_invitation=function == MAKERS[0] link=link/> })
    })
}

/// It gets the focus, so that screen readers start with it.
#[component]
fn Card(link: LinkReply, is_invitation: bool) -> impl IntoView {
    let LinkReply { user_id, link, until } = link;
    let messages = Language::iter()
        .map(|language| {
            let label = t!("Message to send: {language}", language = language.own_name());
            let text = message_to_send(is_invitation, &user_id, &link, &until)
                .in_language(language)
                .to_owned();
            view! {
                <details>
                    <summary>{label.clone()}</summary>
                    <Copyable label=label language=language>{text}</Copyable>
                </details>
            }
        })
        .collect_view();
    view! {
        <section class="card one-time" aria-labelledby="link-heading" tabindex="-1" autofocus>
            <h2 id="link-heading">{t!("One-time link")}</h2>
            <p>{t!("Send this link only to {user}. It works once, and is shown only now.", user = user_id)}</p>
            <Copyable label=t!("One-time link")>{link}</Copyable>
            <p class="quiet">{sentence!("Valid until {time}", time = view! { <Moment at=until/> })}</p>
            {messages}
        </section>
        <CopyScript/>
    }
}

/// The text to send with a link. The person who gets it may read another language than the one who sends it.
fn message_to_send(is_invitation: bool, user: &str, link: &str, until: &str) -> Message {
    let zone = TimeZone::current();
    let until = match until.parse() {
        Ok(time) => format!("{} ({})", moment::in_table(&zone.at(time)), zone.name()),
        Err(_) => until.to_owned(),
    };
    if is_invitation {
        message!(
            "Your Callgate account is ready. Choose a password with the link below. It works once, until {until}. Do not \
             forward it to anybody.\n\nUser: {user}\n{link}",
            until,
            user,
            link
        )
    } else {
        message!(
            "Your Callgate password has been removed. Choose a new one with the link below. It works once, until {until}. Do \
             not forward it to anybody.\n\nUser: {user}\n{link}",
            until,
            user,
            link
        )
    }
}

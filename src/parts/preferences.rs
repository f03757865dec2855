//! The choices of language and theme in the footer of every page. They work without script, and lead back to the page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use strum::IntoEnumIterator as _;

use super::{action_button::ShownTo, notice::without_notice, refused::current_page};
use crate::{
    contract::{Language, Theme, language, redirect_target::NEXT, theme},
    t,
};

/// A button for each language, in that language.
#[component]
pub fn LanguageSwitch() -> impl IntoView {
    let buttons = Language::iter().map(|language| Choice {
        value: language.tag(),
        label: language.own_name(),
        lang: Some(language.tag()),
        is_current: language == Language::current(),
    });
    // The choice is stored with the account.
    choices(
        "/language",
        t!("Language"),
        language::CHOICE,
        buttons,
        Some(view! { <ShownTo/> }),
    )
}

/// A button for each theme.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let buttons = Theme::iter().map(|theme| Choice {
        value: theme.name(),
        label: match theme {
            Theme::System => t!("System"; "theme"),
            Theme::Light => t!("Light"; "theme"),
            Theme::Dark => t!("Dark"; "theme"),
        },
        lang: None,
        is_current: theme == Theme::current(),
    });
    choices("/theme", t!("Theme"), theme::CHOICE, buttons, None::<()>)
}

struct Choice {
    value: &'static str,
    label: &'static str,
    /// The language of the label, if it is not that of the page.
    lang: Option<&'static str>,
    is_current: bool,
}

/// A form with a button for each choice.
fn choices(
    action: &'static str,
    label: &'static str,
    name: &'static str,
    buttons: impl Iterator<Item = Choice>,
    shown_to: Option<impl IntoView>,
) -> impl IntoView {
    let page = without_notice(&current_page(&use_location()));
    let button = |choice: Choice| {
        view! {
            <button
                class="plain" type="submit" name=name value=choice.value lang=choice.lang
                aria-current=choice.is_current.then_some("true")
            >
                {choice.label}
            </button>
        }
    };
    view! {
        <form class="choices" method="post" action=action aria-label=label>
            <input type="hidden" name=NEXT value=page/>
            {shown_to}
            {buttons.map(button).collect_view()}
        </form>
    }
}

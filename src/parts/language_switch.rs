//! The choice of the language, in the footer of every page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use strum::IntoEnumIterator as _;

use super::refused::current_page;
use crate::{
    contract::language::{CHOICE, Language, NEXT},
    t,
};

/// A button for each language, in that language. It leads back to the page.
#[component]
pub fn LanguageSwitch() -> impl IntoView {
    let page = current_page(&use_location());
    let current = Language::current();
    let button = move |language: Language| {
        let is_current = (language == current).then_some("true");
        view! {
            <button class="plain" type="submit" name=CHOICE value=language.tag() lang=language.tag() aria-current=is_current>
                {language.own_name()}
            </button>
        }
    };
    view! {
        <form class="languages" method="post" action="/language" aria-label=t!("Language")>
            <input type="hidden" name=NEXT value=page/>
            {Language::iter().map(button).collect_view()}
        </form>
    }
}

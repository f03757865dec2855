//! The page on which users change their own password. The server shows it only to a fresh login.

use leptos::prelude::*;
use leptos_meta::Title;

use super::account;
use crate::{
    contract::page::CHANGE_PASSWORD,
    parts::{function_form::FunctionForm, notice::Done},
    t,
};

#[component]
pub fn PasswordPage() -> impl IntoView {
    view! {
        <Title text=t!("Change your password")/>
        <div class="narrow">
            <p class="crumb"><a href=account::PATH>{t!("Your account")}</a></p>
            <h1>{t!("Change your password")}</h1>
            <FunctionForm
                name="change_password"
                intro=t!("This ends all your other sessions and forgets all remembered browsers. You stay logged in here.")
                button=t!("Change password")
                page=CHANGE_PASSWORD
                then=Done::PasswordChanged.on(account::PATH)
            />
        </div>
    }
}

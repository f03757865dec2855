//! The HTML shell and the table of pages.
//!
//! The server renders every page, and links load pages as usual. What reacts without loading a page, such as the form of a
//! function, is an *island* (`#[island]`). Only islands are compiled for the browser, and only pages with an island load that
//! part ([`Program`](crate::parts::program::Program)).

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};

use crate::{
    contract::{Language, Theme, page::PageFacts},
    pages::{
        access::Access, account::Account, audit::Audit, calls::Calls, confirm::ConfirmPage, function::FunctionPage,
        home::Home, logged_out::LoggedOut, login::LoginPage, not_found::NotFound, password::PasswordPage,
        register::Register, roles::Roles, setup::Setup, user::UserPage, users::Users, welcome::Welcome,
    },
    parts::{
        header::Header,
        preferences::{LanguageSwitch, ThemeSwitch},
        program::KeepIslands,
        visit::Visit,
    },
    t,
};

/// The HTML document around every page. `css` is the address of the style sheet; with `reload_port`, the page reloads after each
/// build of `cargo leptos watch`.
pub fn shell(css: &str, reload_port: Option<u16>) -> impl IntoView + use<> {
    let nonce = use_nonce();
    // Resources are not serialized into the page. Islands get what they need as properties.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    view! {
        <!DOCTYPE html>
        <html lang=Language::current().tag() data-theme=Theme::current().name()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=Theme::current().color_scheme()/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=css.to_owned()/>
                <MetaTags/>
            </head>
            <body>
                <App/>
                <KeepIslands/>
                // The script of `cargo leptos watch` requires `wss:`, which it does not serve.
                {reload_port.map(|port| view! {
                    <script nonce=nonce>
                        {format!("new WebSocket('ws://127.0.0.1:{port}/live_reload').onmessage = () => location.reload()")}
                    </script>
                })}
            </body>
        </html>
    }
}

/// The routes of all pages, with header and footer.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(Visit::new(use_context::<PageFacts>().unwrap_or_default()));

    view! {
        <Title formatter=|page: String| match page.as_str() {
            "" => "Callgate".to_owned(),
            page => format!("{page} · Callgate"),
        }/>
        <Router>
            <a class="skip" href="#main">{t!("Skip to content")}</a>
            <Header/>
            <main id="main" tabindex="-1">
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Home/>
                    <Route path=path!("/login") view=LoginPage/>
                    <Route path=path!("/logged-out") view=LoggedOut/>
                    <Route path=path!("/confirm") view=ConfirmPage/>
                    <Route path=path!("/account") view=Account/>
                    <Route path=path!("/account/password") view=PasswordPage/>
                    <Route path=path!("/welcome") view=Welcome/>
                    <Route path=path!("/setup") view=Setup/>
                    <Route path=path!("/register") view=Register/>
                    <Route path=path!("/users") view=Users/>
                    <Route path=path!("/user") view=UserPage/>
                    <Route path=path!("/roles") view=Roles/>
                    <Route path=path!("/access") view=Access/>
                    <Route path=path!("/audit") view=Audit/>
                    <Route path=path!("/calls") view=Calls/>
                    <Route path=path!("/functions/:name") view=FunctionPage/>
                </Routes>
            </main>
            <footer>
                <p>{t!("Callgate · write a function once, name its guard")}</p>
                <LanguageSwitch/>
                <ThemeSwitch/>
            </footer>
        </Router>
    }
}

//! The HTML shell and the table of pages.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};

use crate::{
    contract::page::PageFacts,
    pages::{
        access::Access, account::Account, audit::Audit, calls::Calls, confirm::ConfirmPage, function::FunctionPage,
        home::Home, login::LoginPage, not_found::NotFound, register::Register, roles::Roles, setup::Setup,
        user::UserPage, users::Users, welcome::Welcome,
    },
    parts::{header::Header, visit::Visit},
};

/// The document around every page. The server renders it; the browser takes over what is in the body.
///
/// The start script has the nonce of this answer, and loads the one program of this site. It stands here instead of
/// Leptos' own `HydrationScripts`, whose preload link has no nonce and would be stopped by our policy.
pub fn shell(options: &LeptosOptions, reload_port: Option<u16>) -> impl IntoView + use<> {
    let nonce = use_nonce();
    let program = format!("/{}/{}", options.site_pkg_dir, options.output_name);
    let start = format!(
        "import('{program}.js').then(program => program.default({{ module_or_path: '{program}.wasm' }}).then(() => program.hydrate()))"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=format!("{program}.css")/>
                <link rel="modulepreload" href=format!("{program}.js") nonce=nonce.clone()/>
                <link rel="preload" href=format!("{program}.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
                <MetaTags/>
            </head>
            <body>
                <App/>
                <script type="module" nonce=nonce.clone()>{start}</script>
                {reload_port.map(|port| view! { <script nonce=nonce>{reload_script(port)}</script> })}
            </body>
        </html>
    }
}

/// Reloads the page when `cargo leptos watch` has built anew. Its own script insists on `wss:`, which it does not serve.
fn reload_script(port: u16) -> String {
    format!("new WebSocket('ws://127.0.0.1:{port}/live_reload').onmessage = () => location.reload()")
}

/// All pages, with what they share.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // What the server knew of this request travels with the page, so that both render the same.
    let facts = SharedValue::new(|| use_context::<PageFacts>().unwrap_or_default()).into_inner();
    provide_context(Visit::new(facts));

    view! {
        <Title formatter=|page: String| match page.as_str() {
            "" => "Callgate".to_owned(),
            page => format!("{page} · Callgate"),
        }/>
        <Router>
            // External to the router, which would take the click and move no focus.
            <a class="skip" href="#main" rel="external">"Skip to the content"</a>
            <Header/>
            <main id="main" tabindex="-1">
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Home/>
                    <Route path=path!("/login") view=LoginPage/>
                    <Route path=path!("/confirm") view=ConfirmPage/>
                    <Route path=path!("/account") view=Account/>
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
                <p>"Callgate · write a function once, name its guard"</p>
            </footer>
        </Router>
    }
}

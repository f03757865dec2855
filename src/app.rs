//! The HTML shell and the table of pages.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy,
    components::{Route, Router, Routes},
    path,
};

use crate::{
    contract::page::PageFacts,
    pages::not_found::NotFound,
    parts::{header::Header, visit::Visit},
};

/// The document around every page. The server renders it; the browser takes over what is in the body.
///
/// `css`, `js` and `wasm` are the addresses of what it loads. The start script has the nonce of this answer, and loads the one program of this site. It stands here instead of
/// Leptos' own `HydrationScripts`, whose preload link has no nonce and would be stopped by our policy.
pub fn shell(css: &str, js: &str, wasm: &str, reload_port: Option<u16>) -> impl IntoView + use<> {
    let nonce = use_nonce();
    let start = format!(
        "import('{js}').then(program => program.default({{ module_or_path: '{wasm}' }}).then(() => program.hydrate()))"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=css.to_owned()/>
                <link rel="modulepreload" href=js.to_owned() nonce=nonce.clone()/>
                <link rel="preload" href=wasm.to_owned() r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
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
                    <Route path=path!("/") view={Lazy::<lazy::Home>::new()}/>
                    <Route path=path!("/login") view={Lazy::<lazy::LoginPage>::new()}/>
                    <Route path=path!("/confirm") view={Lazy::<lazy::ConfirmPage>::new()}/>
                    <Route path=path!("/account") view={Lazy::<lazy::Account>::new()}/>
                    <Route path=path!("/welcome") view={Lazy::<lazy::Welcome>::new()}/>
                    <Route path=path!("/setup") view={Lazy::<lazy::Setup>::new()}/>
                    <Route path=path!("/register") view={Lazy::<lazy::Register>::new()}/>
                    <Route path=path!("/users") view={Lazy::<lazy::Users>::new()}/>
                    <Route path=path!("/user") view={Lazy::<lazy::UserPage>::new()}/>
                    <Route path=path!("/roles") view={Lazy::<lazy::Roles>::new()}/>
                    <Route path=path!("/access") view={Lazy::<lazy::Access>::new()}/>
                    <Route path=path!("/audit") view={Lazy::<lazy::Audit>::new()}/>
                    <Route path=path!("/calls") view={Lazy::<lazy::Calls>::new()}/>
                    <Route path=path!("/functions/:name") view={Lazy::<lazy::FunctionPage>::new()}/>
                </Routes>
            </main>
            <footer>
                <p>"Callgate · write a function once, name its guard"</p>
            </footer>
        </Router>
    }
}

/// The pages in files of their own, which a browser loads when somebody first goes to one of them: the first visit stays
/// small. Pages that are made of the same pieces, or visited by the same people, share a file.
mod lazy {
    use leptos::prelude::*;
    use leptos_router::LazyRoute;

    use crate::pages;

    macro_rules! files {
        ($($file:ident: $($module:ident::$page:ident),+;)+) => {$(
            #[lazy]
            fn $file(page: &'static str) -> AnyView {
                match page {
                    $(stringify!($page) => view! { <pages::$module::$page/> }.into_any(),)+
                    _ => ().into_any(),
                }
            }

            $(
                pub struct $page;

                impl LazyRoute for $page {
                    fn data() -> Self {
                        Self
                    }

                    async fn view(_: Self) -> AnyView {
                        $file(stringify!($page)).await
                    }

                    // So that a page that the server has rendered is taken over as a whole.
                    async fn preload() {
                        drop($file("").await);
                    }
                }
            )+
        )+};
    }

    files! {
        home: home::Home;
        login: login::LoginPage, confirm::ConfirmPage;
        functions: function::FunctionPage, welcome::Welcome, setup::Setup, register::Register;
        account: account::Account;
        administration: users::Users, user::UserPage, roles::Roles, access::Access, audit::Audit, calls::Calls;
    }
}

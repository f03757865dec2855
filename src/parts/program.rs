//! The program of the browser, on pages that have something for it to take over.

use leptos::prelude::*;
use leptos_meta::{Link, Script};

use crate::contract::page::ProgramFiles;

/// Loads the program, and gives it the islands of this page. Stands once on each page that has one.
///
/// It is in the place of Leptos' own `HydrationScripts`, whose preload link has no nonce and would be stopped by our policy. An
/// island that is in a file of its own takes over once that has come; the others do not wait for it.
#[component]
pub fn Program() -> impl IntoView {
    use_context::<ProgramFiles>().map(|ProgramFiles { js, wasm }| {
        let start = format!(
            "const program = await import('{js}');\
             await program.default({{ module_or_path: '{wasm}' }});\
             program.hydrate();\
             for (const island of document.querySelectorAll('leptos-island')) program[island.dataset.component](island);"
        );
        view! {
            <Link rel="modulepreload" href=js/>
            <Link rel="preload" href=wasm as_="fetch" type_="application/wasm" crossorigin="anonymous"/>
            <Script type_="module">{start}</Script>
        }
    })
}

//! The program of the browser, on pages that have something for it to take over.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Script;

use crate::contract::page::ProgramFiles;

/// Loads the program, and gives it the islands of this page. Stands once on each page that has one.
///
/// It is in the place of Leptos' own `HydrationScripts`, whose link that loads the script early has no nonce. An island that is
/// in a file of its own takes over once that has come; the others do not wait for it.
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
            <link rel="modulepreload" href=js nonce=use_nonce()/>
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
            // In the head, with the nonce of this answer.
            <Script type_="module">{start}</Script>
        }
    })
}

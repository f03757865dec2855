//! The program of the browser, on pages that have something for it to take over.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Script;

use crate::contract::page::ProgramFiles;

/// Keeps each island as the server sent it, before anything else changes the page. Stands at the end of the document.
#[component]
pub fn KeepIslands() -> impl IntoView {
    let keep = "for (const island of document.querySelectorAll('leptos-island')) island.sent = island.cloneNode(true);";
    view! { <script nonce=use_nonce()>{keep}</script> }
}

/// Lets the program take over a copy of each island as it was sent, and then puts that copy in the island's place, with what was
/// typed. So it does not walk what an extension, a translator or a proxy has put into the page. Where it fails, and where it
/// panics later, all islands are plain HTML, which works as without script.
const TAKE_OVER: &str = include_str!("islands.js");

/// Loads the program, and gives it the islands of this page. Stands once on each page that has one.
///
/// It is in the place of Leptos' own `HydrationScripts`, whose link that loads the script early has no nonce. An island that is
/// in a file of its own takes over once that has come; the others do not wait for it.
#[component]
pub fn Program() -> impl IntoView {
    use_context::<ProgramFiles>().map(|ProgramFiles { js, wasm }| {
        let start = format!("const [JS, WASM] = ['{js}', '{wasm}'];\n{TAKE_OVER}");
        view! {
            <link rel="modulepreload" href=js nonce=use_nonce()/>
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
            // In the head, with the nonce of this answer.
            <Script type_="module">{start}</Script>
        }
    })
}

//! Scripts that load the browser part and hydrate the islands of a page.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Script;

use crate::contract::page::ProgramFiles;

/// Stores a copy of each island as the server sent it, before extensions or other scripts change the page. Must come after all
/// islands in the document.
#[component]
pub fn KeepIslands() -> impl IntoView {
    let script =
        "for (const island of document.querySelectorAll('leptos-island')) island.sent = island.cloneNode(true);";
    view! { <script nonce=use_nonce()>{script}</script> }
}

/// Hydrates a copy of each island as the server sent it, then replaces the island with that copy and carries over what was
/// typed. Hydration therefore never walks nodes that an extension, a translator or a proxy has inserted. If hydration fails
/// or the program panics later, the islands become plain HTML again, which works without script.
const TAKE_OVER: &str = include_str!("islands.js");

/// Loads the browser part and hydrates the islands. A page with islands contains it once.
///
/// It replaces Leptos' `HydrationScripts`, whose preload link has no nonce. Each island is hydrated as soon as its own split
/// file has arrived.
#[component]
pub fn Program(
    /// The lazy island of the page, as the name of its function. Its split files are preloaded, because the browser would find
    /// them only after the main module has started.
    #[prop(optional)]
    island: &'static str,
) -> impl IntoView {
    use_context::<ProgramFiles>().map(|files| {
        let ProgramFiles { js, wasm, split_js, split } = files;
        let start = format!("const [JS, WASM] = ['{js}', '{wasm}'];\n{TAKE_OVER}");
        let loader = format!("{island}_loader_");
        let split = split.into_iter().filter(|(name, _)| !island.is_empty() && name.starts_with(&loader));
        let modules = [wasm].into_iter().chain(split.flat_map(|(_, modules)| modules));
        let scripts = [js].into_iter().chain(split_js);
        view! {
            {scripts.map(|script| view! { <link rel="modulepreload" href=script nonce=use_nonce()/> }).collect_view()}
            {modules
                .map(|module| view! { <link rel="preload" href=module r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/> })
                .collect_view()}
            // Goes into the head, with the nonce of this response.
            <Script type_="module">{start}</Script>
        }
    })
}

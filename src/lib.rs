//! Callgate: functions guarded by a login. *Write a function once, name its guard.*
//!
//! This crate is compiled twice: for the server (feature `ssr`) and as WebAssembly for the browser (feature `hydrate`). The
//! attribute macro [`macro@function`] is in the crate `macros/`, because a proc macro needs a crate of its own.
//!
//! | module | contents |
//! |---|---|
//! | [`platform`] | what is different on the server and in the browser, and what belongs to the current request |
//! | [`contract`] | types shared by browser and server, no I/O |
//! | [`functions`] | the declared functions, one file per topic |
//! | [`pages`] | one page per file |
//! | [`parts`] | reusable pieces of view |
//! | [`app`] | the HTML shell and the routes of the pages |
//! | `server` | native only: start-up, settings, HTTPS, guards, logins, sessions, users, storage |
//!
//! A file imports only from modules before its own in this order: `platform`; `contract`; most of `server`, from `runtime` to `accounts`;
//! `functions`; `parts`; `pages`; `app`; `server::http`; `server::run` and `server::cli`. `functions` imports `server` inside
//! function bodies only, because bodies are not compiled for the browser. The whole order is in `docs/architecture.md`,
//! "Order of imports".
//!
//! All feature gates are in this file.

#![forbid(unsafe_code)]

// The paths that `#[function]` generates start with `::callgate`, in this crate as well.
extern crate self as callgate;

pub mod app;
pub mod contract;
pub mod functions;
pub mod pages;
pub mod parts;
#[cfg(feature = "ssr")]
#[path = "platform/server.rs"]
pub mod platform;
#[cfg(not(feature = "ssr"))]
#[path = "platform/browser.rs"]
pub mod platform;
#[cfg(feature = "ssr")]
pub mod server;

pub use callgate_macros::{catalogue, function, message, sentence, t};

/// Crates used by generated code, at a path that is valid in every crate.
#[doc(hidden)]
pub mod macro_support {
    pub use leptos;
    #[cfg(feature = "ssr")]
    pub use {inventory, schemars, serde};
}

/// Entry point in the browser. Prepares the islands for hydration; the rest of the page stays as the server rendered it.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}

/// Padding for the data segment of the browser part. `wasm_split_cli` aligns the share of each split file. If the aligned shares
/// exceed the original segment, it leaves all data in the file that every page loads. No split file refers to these bytes, so
/// none contains them.
#[cfg(feature = "hydrate")]
#[used]
static DATA_PADDING: [u8; 1024] = [1; 1024];

/// Compiles the examples of the README as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;

/// The examples of the guide, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/functions.md")]
struct FunctionsGuide;

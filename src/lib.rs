//! Callgate: functions guarded by a login. *Write a function once, name its guard.*
//!
//! One crate, compiled twice: for the server (`ssr`) and, as WebAssembly, for the browser (`hydrate`). The attribute macro
//! [`macro@function`] is a crate of its own, in `macros/`, as Rust wants it.
//!
//! | room | what is in it |
//! |---|---|
//! | [`contract`] | what browser and server agree on: the types that cross the wire, no I/O |
//! | [`functions`] | the declared functions, a file per topic |
//! | [`pages`] | one screen a file |
//! | [`parts`] | reusable pieces of view |
//! | [`app`] | the HTML shell and the table of pages |
//! | `server` | native only: start-up, settings, HTTPS, guards, logins, sessions, users, storage |
//!
//! Dependencies point one way: `server → contract`, and its doors show `app` and `pages`; `functions → contract`, and
//! `server` only inside function bodies; `pages` and `parts → contract, functions`. The only feature gates of the project
//! stand in this file.

#![forbid(unsafe_code)]

// What `#[function]` writes begins with `::callgate`, here as anywhere.
extern crate self as callgate;

pub mod app;
pub mod contract;
pub mod functions;
pub mod pages;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod server;

pub use callgate_macros::function;

/// The crates that macros of Callgate use, by a path that is the same wherever they are used.
#[doc(hidden)]
pub mod macro_support {
    pub use leptos;
    #[cfg(feature = "ssr")]
    pub use {inventory, schemars, serde};
}

/// Starts the browser half: gets ready to take over the islands of a page. The page itself stays as the server rendered it.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}

/// Room for what the splitting of the browser half into files adds to its data. Each file's share begins at an aligned
/// address, and where all of them together come out longer than the whole was, `wasm_split_cli` leaves all data in the one
/// file that every visit loads. These bytes belong to no file, so none has them.
#[cfg(feature = "hydrate")]
#[used]
static ROOM: [u8; 1024] = [1; 1024];

/// The examples of the README, compiled by the documentation tests so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;

//! Calling functions: JSON, forms, guards, arguments, OpenAPI.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack_input;
mod attack_paths;
mod attack_places;
mod contract;
mod forms;
mod function_pages;
mod function_table;
mod guards;
mod openapi_and_curl;
mod other_user;
mod pending_calls;
mod typed_arguments;
mod typed_forms;
mod waiting_calls;

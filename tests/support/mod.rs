//! What the black-box tests share: each starts the real program with a data folder and a port of its own, and talks to it as
//! clients do, over HTTPS that is verified with the development CA.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod client;
pub mod clock;
pub mod database;
pub mod effort;
pub mod engine;
pub mod faulty_proxy;
pub mod fixture;
pub mod page;
pub mod place;
pub mod poll;
pub mod postgres;
pub mod process;
pub mod random;
pub mod raw;
pub mod routes;
pub mod server;
pub mod waiting_call;

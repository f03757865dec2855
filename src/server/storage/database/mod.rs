//! The two engines: SQLite, one file in the data folder, and PostgreSQL. Nothing outside of this folder knows which one
//! is in use.

pub mod checks;
pub mod clock;
pub mod commits;
pub mod errors;
pub mod exclusive;
pub mod findings;
pub mod migrations;
pub mod open;
pub mod pool;
pub mod postgres;
pub mod query;
pub mod sqlite;
#[cfg(test)]
pub mod testing;
pub mod transaction;

#[cfg(test)]
mod tests;

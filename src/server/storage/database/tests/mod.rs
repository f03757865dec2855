//! Both engines understand every statement, have the same tables, and store the same texts.

mod built;
mod schema;
mod source;
mod statements;
mod texts;

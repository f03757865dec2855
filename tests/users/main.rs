//! Managing users, roles and links; the audit log and the call log.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the steps that tests share as well"
)]

use serde_json::{Value, json};

#[path = "../support/mod.rs"]
mod support;

mod audit_log;
mod call_log;
mod commands;
mod first_start;
mod hostile_names;
mod links;
mod manage_users;
mod profiles;
mod registration;
mod roles;
mod user_commands;

use support::{
    client::{Client, Reply},
    server::Server,
};

const PASSWORD: &str = "seven small brown zebras";

/// The rows of a table: the text between bars, a row a line.
fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let rows = table.lines().filter(|line| !line.trim().is_empty());
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .map(|cells| cells.try_into().expect("a cell for each column"))
        .collect()
}

/// Fails unless the call was refused so.
fn assert_refused(reply: &Reply, status: u16, code: &str, context: &str) {
    let refused = (reply.status, reply.code());
    assert_eq!(refused, (status, code.to_owned()), "{context}: {}", reply.body);
}

/// Fails where a field of the object has another value than in `expected`.
fn assert_fields(object: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&object[field], value, "{field}: {object}");
    }
}

/// The session of the list that is that of the caller, or another one.
fn session_id(sessions: &Value, is_own: bool) -> String {
    let mut sessions = sessions["sessions"].as_array().unwrap().iter();
    let session = sessions.find(|session| session["current"] == is_own).unwrap();
    session["id"].as_str().unwrap().to_owned()
}

/// The text of one field of each object in a list.
fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let list = list.as_array().expect("a list");
    list.iter().map(|object| object[field].as_str().unwrap()).collect()
}

/// A browser of a demo user that asked to be remembered.
async fn remembered(server: &Server, user: &str) -> Client {
    let client = server.client();
    let login = json!({"user_id": user, "password": user.replace("user", "user_")});
    client.done("login", login).await;
    client
}

/// Uses a one-time link.
async fn choose(client: &Client, link: &str, password: &str) -> Reply {
    let arguments = json!({"code": link, "new_password": password});
    client.call("choose_password", arguments).await
}

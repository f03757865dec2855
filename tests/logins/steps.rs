//! Steps that the tests of several files repeat.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    database::Database,
    poll,
    server::Server,
};

/// A password that may be chosen.
pub const NEW: &str = "seven small zebras swim";

/// Adds a user who has the password of user01.
pub async fn add_user(server: &Server, user: &str) {
    let copy = format!(
        "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at)
         SELECT '{user}', password_hash, TRUE, TRUE, created_at, changed_at FROM users WHERE user_id = 'user01'"
    );
    assert_eq!(server.place.database().await.change(&copy).await, 1);
}

pub async fn log_in(client: &Client, user: &str, password: &str) -> Reply {
    let arguments = json!({"user_id": user, "password": password, "remember": false});
    client.call("login", arguments).await
}

pub async fn can_log_in(server: &Server, user: &str, password: &str) -> bool {
    let reply = log_in(&server.client(), user, password).await;
    assert!([200, 401].contains(&reply.status), "{}", reply.body);
    reply.status == 200
}

/// The same with one more header.
pub async fn log_in_with(client: &Client, name: &'static str, value: &str, user: &str, password: &str) -> Reply {
    let body = json!({"user_id": user, "password": password, "remember": false}).to_string();
    let request = client.request("POST", "/api/login").header(name, value);
    request.json(body).send().await
}

/// A browser in which user01 has logged in to be remembered.
pub async fn remembered(server: &Server) -> Client {
    remembered_as(server, "user01").await
}

pub async fn remembered_as(server: &Server, user: &str) -> Client {
    let client = server.client();
    let password = if user == "user02" { "user_02" } else { "user_01" };
    let login = json!({"user_id": user, "password": password});
    client.done("login", login).await;
    assert_eq!(token(&client).len(), 43 + 1 + 43);
    client
}

/// The token of a remembered browser.
pub fn token(client: &Client) -> String {
    client.cookie(REMEMBER).expect("a remembered browser")
}

/// The same browser after it was closed: a copy of its cookies without the session.
pub fn without_session(client: &Client) -> Client {
    let other = client.clone();
    other.drop_cookie(SESSION);
    other
}

pub async fn is_in(client: &Client) -> bool {
    client.who().await.is_some()
}

/// Whether this cookie alone is good for a call.
pub async fn works(client: &Client, cookie: &str, value: &str) -> bool {
    is_in(&client.with_only(cookie, value)).await
}

pub async fn change(client: &Client, password: &str) -> Reply {
    client.call("change_password", json!({"new_password": password})).await
}

pub async fn confirm(client: &Client, password: &str) -> Reply {
    client.call("confirm_login", json!({"password": password})).await
}

/// Whether the guard of a fresh login allows the call. The argument is invalid, so nothing changes.
pub async fn is_fresh(client: &Client) -> bool {
    let reply = change(client, "x").await;
    match (reply.status, reply.code().as_str()) {
        (422, "invalid_arguments") => true,
        (403, "fresh_login_required") => false,
        _ => panic!("{}", reply.body),
    }
}

/// The list of one's own sessions.
pub async fn sessions(client: &Client) -> Vec<Value> {
    let list = client.done("my_sessions", json!({})).await;
    list["sessions"].as_array().unwrap().clone()
}

/// The id of the one session in the list whose field has this value.
pub async fn id_where(client: &Client, field: &str, value: bool) -> String {
    let sessions = sessions(client).await;
    let found: Vec<&Value> = sessions.iter().filter(|session| session[field] == value).collect();
    assert_eq!(found.len(), 1, "{field} is {value}: {sessions:?}");
    found[0]["id"].as_str().unwrap().to_owned()
}

pub async fn end(client: &Client, id: &str) -> Reply {
    client.call("end_session", json!({ "id": id })).await
}

/// The recorded last use of the only session, in milliseconds since 1970.
pub async fn last_used(database: &mut Database) -> i64 {
    database.number("SELECT last_used_at FROM sessions").await
}

/// Uses the only session until that is recorded: on a busy machine a call does not wait for the write. `before` is the last
/// use that was recorded before the next one became due.
pub async fn use_until_recorded(database: &mut Database, before: i64, mut uses: impl AsyncFnMut()) {
    poll::until("the use to be recorded", async || {
        uses().await;
        // Uses are recorded once a minute. A smaller difference is an earlier use that was recorded late.
        last_used(database).await > before + 30_000
    })
    .await;
}

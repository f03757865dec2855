//! A call that waits until its person has logged in.

use crate::support::{client::Client, page::waiting_id, server::Server};

/// The page of the function that it calls.
pub const AUTH: &str = "/functions/auth_func";

/// Logs in by the form, and is led to `next`.
pub async fn log_in(client: &Client, user: &str, next: &str) {
    let password = user.replace("user", "user_");
    let reply = client
        .form("/login", &[("next", next), ("user_id", user), ("password", &password)])
        .await;
    assert_eq!((reply.status, reply.header("location")), (303, next), "{}", reply.body);
}

/// A call of `auth_func` that waits for whoever logs in with this browser.
pub async fn waiting(server: &Server) -> Client {
    let client = server.client();
    let reply = client.form(AUTH, &[("arguments", r#"{"canary":1}"#)]).await;
    assert_eq!(reply.header("location"), format!("/login?next={AUTH}"));
    client
}

/// What the page of a call that waits calls it by.
pub async fn id(client: &Client, page: &str) -> Option<String> {
    waiting_id(&client.get(page).await)
}

//! A call that waits until its person has logged in.

use crate::support::{client::Client, server::Server};

/// The page of the function that it calls.
pub const AUTH: &str = "/functions/auth_func";

/// Logs in by the form, and is led to `next`.
pub async fn log_in(client: &Client, user: &str, next: &str) {
    let password = user.replace("user", "user_");
    let fields = [("next", next), ("user_id", user), ("password", &password)];
    client.form("/login", &fields).await.assert_leads_to(next);
}

/// A call of `auth_func` that waits for whoever logs in with this browser.
pub async fn waiting(server: &Server) -> Client {
    let client = server.client();
    let reply = client.form(AUTH, &[("arguments", r#"{"canary":1}"#)]).await;
    reply.assert_leads_to(&format!("/login?next={AUTH}"));
    client
}

/// What a page calls the call that waits there, if one does.
pub async fn id(client: &Client, page: &str) -> Option<String> {
    let page = client.get(page).await;
    let (_, rest) = page.body.split_once(r#"name="call" value=""#)?;
    Some(rest.split('"').next().unwrap().to_owned())
}

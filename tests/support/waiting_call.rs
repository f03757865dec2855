//! A call that is pending until its user has logged in.

use crate::support::{client::Client, server::Server};

/// The page of the called function.
pub const AUTH: &str = "/functions/auth_func";

/// Logs in by the form, which redirects to `next`.
pub async fn log_in(client: &Client, user: &str, next: &str) {
    let password = user.replace("user", "user_");
    let fields = [("next", next), ("user_id", user), ("password", &password)];
    client.form("/login", &fields).await.assert_leads_to(next);
}

/// A pending call of `auth_func`, for the next user who logs in with this browser.
pub async fn waiting(server: &Server) -> Client {
    let client = server.client();
    let reply = client.form(AUTH, &[("arguments", r#"{"canary":1}"#)]).await;
    reply.assert_leads_to(&format!("/login?next={AUTH}"));
    client
}

/// The id of the pending call on a page, if there is one.
pub async fn id(client: &Client, page: &str) -> Option<String> {
    let page = client.get(page).await;
    let (_, rest) = page.body.split_once(r#"name="call" value=""#)?;
    Some(rest.split('"').next().unwrap().to_owned())
}

//! The page on which people change their password, without script.

use super::steps::{NEW, can_log_in};
use crate::support::{
    client::{Client, Reply},
    page::{assert_hides, assert_shows, input, is_wrong, said},
    server::Server,
};

const PAGE: &str = "/account/password";

/// Sends the form as the page has it.
async fn send(client: &Client, password: &str) -> Reply {
    let page = client.get(PAGE).await;
    let then = input(&page, "then-page").split(r#"value=""#).nth(1).unwrap();
    let then = then.split('"').next().unwrap();
    let fields = [
        ("shown-to", "user01"),
        ("then-page", then),
        ("form-page", PAGE),
        ("new_password", password),
    ];
    client.form("/functions/change_password", &fields).await
}

#[tokio::test]
async fn a_person_changes_the_password_there_and_is_back_at_the_account_with_a_notice() {
    let server = Server::demo().await;
    let (client, elsewhere) = (server.user01().await, server.user01().await);
    let account = client.get("/account").await;
    assert_shows(&account, &[r#"<a href="/account/password">"#]);
    assert_hides(
        &account,
        &["/functions/change_password", "Your password has been changed"],
    );
    let page = client.get(PAGE).await;
    assert_shows(
        &page,
        &[
            "ends all your other sessions",
            r#"<form method="post" action="/functions/change_password""#,
        ],
    );
    assert_hides(&page, &["JSON", "curl ", "From a shell", ">Call<"]);
    let hidden = input(&page, "form-page");
    assert!(hidden.contains(&format!(r#"value="{PAGE}""#)), "{hidden}");

    send(&client, "passwordpassword").await.assert_leads_to(PAGE);
    let page = client.get(PAGE).await;
    assert!(is_wrong(&page, "new_password"), "{}", page.body);
    assert!(
        said(&page, "new_password").contains("too easily guessed"),
        "{}",
        page.body
    );
    assert_hides(&page, &["passwordpassword", "JSON", "curl "]);

    send(&client, NEW)
        .await
        .assert_leads_to("/account?done=password_changed#notice");
    let account = client.get("/account?done=password_changed").await;
    assert_shows(
        &account,
        &[
            r#"id="notice""#,
            "Your password has been changed. All your other sessions have ended.",
        ],
    );
    assert!(!is_wrong(&client.get(PAGE).await, "new_password"));
    assert!(elsewhere.who().await.is_none());
    assert!(can_log_in(&server, "user01", NEW).await);
}

/// Before anything is typed, and again where that took too long.
#[tokio::test]
async fn it_asks_for_a_fresh_login_first_and_leads_back() {
    let server = Server::demo().await;
    let client = server.user01().await;
    server
        .client()
        .get(PAGE)
        .await
        .assert_leads_to("/login?next=/account/password");
    let fields = [
        ("shown-to", "user01"),
        ("form-page", PAGE),
        ("new_password", "seven canary zebras"),
    ];
    server.let_password_age("user01", 3600).await;
    let confirm = "/confirm?next=/account/password";
    client.get(PAGE).await.assert_leads_to(confirm);
    let reply = client.form("/functions/change_password", &fields).await;
    reply.assert_leads_to(confirm);
    let reply = client
        .form("/confirm", &[("next", PAGE), ("password", "user_01")])
        .await;
    reply.assert_leads_to(PAGE);
    let page = client.get(PAGE).await;
    assert_eq!(page.status, 200);
    assert_shows(&page, &["other secrets are never stored"]);
    assert_hides(&page, &["canary", "JSON"]);

    // Logged out meanwhile.
    let reply = server.client().form("/functions/change_password", &fields).await;
    reply.assert_leads_to("/login?next=/account/password");
}

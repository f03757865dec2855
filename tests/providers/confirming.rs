//! Fresh logins by a real provider.

use serde_json::json;

use super::{
    real::{KEY, Person, RealProvider, follow, log_in},
    steps::{assert_failed, begin_at, is_fresh, link, wait_for_event},
};
use crate::support::{page::assert_shows, server::Server};

const ADA: &str = "subject of ada";

/// user01 has no password, only the account of ada.
async fn site() -> (RealProvider, Server) {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    link(&server, "user01", KEY, ADA).await;
    let mut database = server.place.database().await;
    database
        .change("UPDATE users SET password_hash = '' WHERE user_id = 'user01'")
        .await;
    (provider, server)
}

#[tokio::test]
async fn who_has_no_password_confirms_a_login_at_the_provider_which_asks_for_theirs() {
    let (_provider, server) = site().await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await.assert_leads_to("/account");
    assert!(!is_fresh(&client).await);
    let page = client.get("/confirm?next=/account").await;
    assert_shows(&page, &[r#"action="/confirm/with/real""#, "user01"]);
    assert!(!page.shows(r#"name="password""#), "there is none: {}", page.body);

    let before = client.session();
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account")]).await;
    assert!(person.is_asked(&departure.url).await, "the session there is not enough");
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account")]).await;
    let url = person.log_in(&departure.url, "ada").await;
    follow(&client, &url).await.assert_leads_to("/account");
    assert!(is_fresh(&client).await);
    assert_ne!(client.session(), before);
    wait_for_event(&client, &["login_confirmed", "provider real"]).await;
}

#[tokio::test]
async fn a_confirmation_with_the_account_of_somebody_else_is_refused() {
    let (provider, server) = site().await;
    // The provider logs one person out before another one logs in. Here, it does not say so to Callgate.
    let silent = json!({"backchannel_logout_uri": null, "backchannel_logout_session_required": null});
    provider.register(&server, &silent);
    link(&server, "user02", KEY, "subject of bob").await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await;
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account")]).await;
    let url = person.log_in(&departure.url, "bob").await;
    let reply = follow(&client, &url).await;
    assert_failed(&client, &reply, "/confirm", "wrong_account").await;
    assert!(!is_fresh(&client).await);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// Somebody takes the parameters out of the address in the browser, and the provider does not ask.
#[tokio::test]
async fn a_confirmation_without_a_new_login_at_the_provider_is_refused() {
    let (_provider, server) = site().await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await;
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account")]).await;
    let mut url = departure.url.clone();
    let left = departure.parameters.iter();
    let left = left.filter(|(name, _)| !["prompt", "max_age"].contains(&name.as_str()));
    url.query_pairs_mut().clear().extend_pairs(left);
    assert!(!person.is_asked(&url).await);
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account")]).await;
    url.query_pairs_mut().clear().extend_pairs(
        departure
            .parameters
            .iter()
            .filter(|(name, _)| !["prompt", "max_age"].contains(&name.as_str())),
    );
    let back = person.log_in(&url, "ada").await;
    let reply = follow(&client, &back).await;
    assert_failed(&client, &reply, "/confirm", "not_fresh").await;
    assert!(!is_fresh(&client).await);
}

#[tokio::test]
async fn a_call_that_wants_a_fresh_login_waits_while_the_person_is_at_the_provider() {
    let (_provider, server) = site().await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await;
    let path = "/functions/unlink_identity";
    let reply = client.form(path, &[("id", "nothing")]).await;
    reply.assert_leads_to(&format!("/confirm?next={path}"));
    let departure = begin_at(&client, "/confirm/with/real", &[("next", path)]).await;
    let url = person.log_in(&departure.url, "ada").await;
    follow(&client, &url).await.assert_leads_to(path);
    assert_shows(&client.get(path).await, &["nothing", r#"name="call""#]);
    // Logged out, a call waits for the login.
    let (client, path) = (server.client(), "/functions/auth_func");
    let reply = client.form(path, &[("arguments", r#"{"a":"kept"}"#)]).await;
    reply.assert_leads_to(&format!("/login?next={path}"));
    let departure = begin_at(&client, &format!("/login/with/{KEY}"), &[("next", path)]).await;
    let url = person.log_in(&departure.url, "ada").await;
    follow(&client, &url).await.assert_leads_to(path);
    let page = client.get(path).await;
    assert_shows(&page, &["kept", r#"name="call""#]);
}

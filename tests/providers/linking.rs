//! Accounts elsewhere on the account page and in the administration.

use serde_json::json;

use super::{
    real::{KEY, Person, RealProvider, follow, log_in},
    steps::{begin_at, command, failure, identities, is_fresh, link, run, users_of, wait_for_event},
};
use crate::support::page::assert_shows;

const ADA: &str = "subject of ada";

#[tokio::test]
async fn a_user_links_an_account_logs_in_with_it_and_unlinks_it() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    let (client, mut person) = (server.user01().await, Person::default());
    let page = client.get("/account").await;
    assert_shows(&page, &["Accounts elsewhere", r#"action="/account/link/real""#]);

    let departure = begin_at(&client, "/account/link/real", &[]).await;
    let url = person.log_in(&departure.url, "ada").await;
    let reply = follow(&client, &url).await;
    reply.assert_leads_to("/account?linked=real#notice");
    let page = client.get("/account?linked=real").await;
    assert_shows(
        &page,
        &["Your account at Provider real is linked", "ada@example.org", "Unlink"],
    );
    assert!(!page.shows(r#"action="/account/link/real""#), "it is linked");
    assert_eq!(client.who().await.as_deref(), Some("user01"));

    let other = server.client();
    log_in(&other, &mut person, "ada").await.assert_leads_to("/account");
    assert_eq!(other.who().await.as_deref(), Some("user01"));

    // Linked a second time, it stays as it is.
    let departure = begin_at(&client, "/account/link/real", &[]).await;
    let url = person.log_in(&departure.url, "ada").await;
    assert_eq!(failure(&follow(&client, &url).await), None);
    assert_eq!(identities(&client).await.len(), 1);

    let id = identities(&client).await[0]["id"].as_str().unwrap().to_owned();
    let fields = [("id", id.as_str()), ("then", "/account")];
    let reply = client.form("/functions/unlink_identity", &fields).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert!(users_of(&server, ADA).await.is_empty());
    assert_eq!(other.who().await, None, "its sessions are over");
    for action in ["identity_linked", "identity_unlinked"] {
        wait_for_event(&client, &[action, "provider real"]).await;
    }
    let events = client.done("my_events", json!({})).await.to_string();
    assert!(!events.contains(ADA), "no subject in the audit log");
}

#[tokio::test]
async fn several_accounts_of_one_provider_belong_to_one_user() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    for name in ["ada", "bob"] {
        link(&server, "user01", KEY, &format!("subject of {name}")).await;
        let client = server.client();
        log_in(&client, &mut Person::default(), name)
            .await
            .assert_leads_to("/account");
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
    assert_eq!(identities(&server.user01().await).await.len(), 2);
}

#[tokio::test]
async fn an_administrator_sees_who_linked_an_account_and_removes_it() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    link(&server, "user01", KEY, ADA).await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    let admin = server.admin().await;
    let page = admin.get("/user?name=user01").await;
    assert_shows(&page, &["Provider real", ADA, "(operator)"]);
    let list = admin.done("list_identities", json!({"user_id": "user01"})).await;
    let id = &list["identities"][0]["id"];
    // Of another user it is not there.
    let wrong = json!({"user_id": "user02", "id": id});
    admin
        .call("remove_identity", wrong)
        .await
        .assert_refused(404, "not_found");
    server.let_password_age("user03", 3_600).await;
    let right = json!({"user_id": "user01", "id": id});
    admin
        .call("remove_identity", right.clone())
        .await
        .assert_refused(403, "fresh_login_required");
    server.admin().await.done("remove_identity", right).await;
    assert_eq!(client.who().await, None);
    assert!(users_of(&server, ADA).await.is_empty());
    // Without the permission, nothing of it is shown.
    let user = server.user01().await;
    user.call("list_identities", json!({"user_id": "user01"}))
        .await
        .assert_refused(403, "permission_required");
}

#[tokio::test]
async fn a_user_without_a_password_chooses_one_while_the_login_is_fresh() {
    let provider = RealProvider::start().await;
    let server = provider.demo("provision = \"open\"").await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await.assert_leads_to("/account");
    let user = client.who().await.unwrap();
    assert!(!is_fresh(&client).await, "the provider did not say when");
    let departure = begin_at(&client, "/confirm/with/real", &[("next", "/account/password")]).await;
    let url = person.log_in(&departure.url, "ada").await;
    follow(&client, &url).await.assert_leads_to("/account/password");
    let password = "seven small brown zebras";
    client.done("change_password", json!({"new_password": password})).await;
    server.logged_in(&user, password).await;
    // With a password, the account is not the only way in any more.
    assert_eq!(identities(&client).await[0]["can_unlink"], true);
}

/// Who has neither a password nor an account at a provider of the settings cannot help anybody.
#[tokio::test]
async fn an_administrator_with_an_account_elsewhere_only_is_one_who_can_log_in() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    command(&server, "role give user01 admin").await;
    let mut database = server.place.database().await;
    database
        .change("UPDATE users SET password_hash = '' WHERE user_id = 'user03'")
        .await;
    run(&server, "user disable user01")
        .await
        .assert_failed(&["last administrator"]);
    link(&server, "user03", KEY, ADA).await;
    command(&server, "user disable user01").await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user03"));
}

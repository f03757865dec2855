//! Accounts that somebody tries to link to a user, or to take from one.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::{
    hostile::{Hostile, Issuer},
    steps::{
        Departure, Return, assert_failed, begin_at, callback, demo, failure, identities, link, log_in, section_of,
        state, users_of,
    },
};
use crate::support::{client::Client, server::Server};

async fn site() -> (Hostile, Arc<Issuer>, Server) {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("example");
    let server = demo(&[section_of(&issuer, ""), section_of(&hostile.issuer("other"), "")]).await;
    (hostile, issuer, server)
}

async fn begin_link(client: &Client) -> Departure {
    begin_at(client, "/account/link/example", &[]).await
}

#[tokio::test]
async fn linking_is_begun_by_a_fresh_login_only() {
    let (_hostile, _, server) = site().await;
    let nobody = server.client();
    let reply = nobody.form("/account/link/example", &[]).await;
    assert_eq!(reply.status, 303);
    assert!(
        reply.header("location").starts_with("/login?next="),
        "{:?}",
        reply.find("location")
    );
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let reply = client.form("/account/link/example", &[]).await;
    assert_eq!(reply.status, 303);
    assert!(
        reply.header("location").starts_with("/confirm?next="),
        "{:?}",
        reply.find("location")
    );
    assert_eq!(server.place.database().await.count("login_flows").await, 0);
    assert!(identities(&client).await.is_empty());
}

#[tokio::test]
async fn a_linking_that_is_finished_by_another_session_or_user_links_nothing() {
    let (_hostile, issuer, server) = site().await;
    for (name, expected) in [
        ("logged out", "wrong_account"),
        ("another session", "wrong_account"),
        ("another user", "wrong_account"),
    ] {
        let client = server.user01().await;
        let departure = begin_link(&client).await;
        client.json("/api/logout", "{}").await;
        let login = |user: &str, password: &str| json!({"user_id": user, "password": password, "remember": false});
        if name == "another session" {
            client.done("login", login("user01", "user_01")).await;
        } else if name == "another user" {
            client.done("login", login("user02", "user_02")).await;
        }
        let reply = Return::of(&issuer, &departure, "new").open(&client).await;
        let (_, failed) = failure(&reply).expect(name);
        assert_eq!(failed, expected, "{name}");
        assert!(users_of(&server, "new").await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_linking_whose_user_is_disabled_or_deleted_meanwhile_links_nothing() {
    let (_hostile, issuer, server) = site().await;
    let admin = server.admin().await;
    for (function, user) in [("disable_user", "user01"), ("delete_user", "user02")] {
        let client = server.logged_in(user, &user.replace("user", "user_")).await;
        let departure = begin_link(&client).await;
        admin.done(function, json!({"user_id": user})).await;
        let reply = Return::of(&issuer, &departure, "new").open(&client).await;
        assert!(failure(&reply).is_some(), "{function}");
        assert!(users_of(&server, "new").await.is_empty(), "{function}");
        assert_eq!(client.who().await, None);
    }
}

#[tokio::test]
async fn an_account_of_another_user_is_not_taken_from_them() {
    let (_hostile, issuer, server) = site().await;
    link(&server, "user02", "example", "taken").await;
    let client = server.user01().await;
    let before = state(&server).await;
    let departure = begin_link(&client).await;
    let reply = Return::of(&issuer, &departure, "taken").open(&client).await;
    assert_failed(&client, &reply, "/account", "linked_elsewhere").await;
    assert_eq!(users_of(&server, "taken").await, ["user02"]);
    // Also not from somebody who is disabled, who would be found out by that.
    server
        .admin()
        .await
        .done("disable_user", json!({"user_id": "user02"}))
        .await;
    let departure = begin_link(&client).await;
    let reply = Return::of(&issuer, &departure, "taken").open(&client).await;
    assert_failed(&client, &reply, "/account", "linked_elsewhere").await;
    let after = state(&server).await;
    let identities = |state: &[(String, String, String)]| -> Vec<String> {
        let rows = state.iter().filter(|(table, ..)| table == "identities");
        rows.map(|(_, _, value)| value.clone()).collect()
    };
    assert_eq!(identities(&after), identities(&before));
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// Somebody has their own account linked in the browser of a victim, to log in as the victim from then on.
#[tokio::test]
async fn an_account_of_somebody_else_is_not_linked_by_an_address_that_is_opened() {
    let (_hostile, issuer, server) = site().await;
    let (victim, thief) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let departure = begin_link(&thief).await;
    let code = Return::of(&issuer, &departure, "thief").code();
    let query = [
        ("code", code.as_str()),
        ("state", departure.state()),
        ("iss", &issuer.url),
    ];
    let reply = callback(&victim, "example", &query).await;
    assert_ne!(reply.find("location"), Some("/account?linked=example#notice"));
    assert!(users_of(&server, "thief").await.is_empty());
    // A login that the victim began does not link either, whatever its callback is called with.
    let own = begin_at(&victim, "/login/with/example", &[("next", "/account")]).await;
    let reply = Return::of(&issuer, &own, "thief").open(&victim).await;
    assert_eq!(failure(&reply).expect("nobody has it").1, "no_account");
    assert!(users_of(&server, "thief").await.is_empty());
    assert_eq!(victim.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn the_last_way_in_cannot_be_unlinked_and_of_two_at_once_one_stays() {
    let (hostile, issuer, server) = site().await;
    for (key, subject) in [("example", "one"), ("other", "two")] {
        link(&server, "user01", key, subject).await;
    }
    let mut database = server.place.database().await;
    database
        .change("UPDATE users SET password_hash = '' WHERE user_id = 'user01'")
        .await;
    let client = server.client();
    let departure = begin_at(&client, "/login/with/example", &[("next", "/account")]).await;
    let fresh = |time| json!({"auth_time": time});
    let now = super::forge::now();
    Return::of(&issuer, &departure, "one")
        .claims(&fresh(now))
        .open(&client)
        .await
        .assert_leads_to("/account");
    let ids: Vec<String> = identities(&client)
        .await
        .iter()
        .map(|identity| identity["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let unlink = async |id: &String| client.call("unlink_identity", json!({"id": id})).await;
    let replies = join_all(ids.iter().map(unlink)).await;
    assert_eq!(database.count("identities").await, 1, "{replies:?}");
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        1,
        "{replies:?}"
    );

    // Whichever is left: it can log in, and cannot be unlinked.
    let (key, subject) = if users_of(&server, "one").await.is_empty() {
        ("other", "two")
    } else {
        ("example", "one")
    };
    let client = server.client();
    let departure = begin_at(&client, &format!("/login/with/{key}"), &[("next", "/account")]).await;
    let reply = Return::of(&hostile.issuer(key), &departure, subject)
        .claims(&fresh(now))
        .open(&client)
        .await;
    reply.assert_leads_to("/account");
    let left = identities(&client).await;
    assert_eq!(left[0]["can_unlink"], false);
    let reply = client.call("unlink_identity", json!({"id": left[0]["id"]})).await;
    reply.assert_refused(409, "conflict");
    assert_eq!(database.count("identities").await, 1);
}

/// An account at a provider that the settings do not name any more lets nobody in.
#[tokio::test]
async fn an_account_at_a_provider_that_is_gone_is_no_way_in() {
    let (_hostile, issuer, server) = site().await;
    link(&server, "user01", "example", "one").await;
    let mut database = server.place.database().await;
    let gone = "INSERT INTO identities (id, issuer, subject, user_id, label, linked_at, linked_by)
                VALUES ('gone', 'https://gone.example', 'one', 'user01', '', 0, '(operator)')";
    assert_eq!(database.change(gone).await, 1);
    database
        .change("UPDATE users SET password_hash = '' WHERE user_id = 'user01'")
        .await;
    let client = server.client();
    let departure = begin_at(&client, "/login/with/example", &[("next", "/account")]).await;
    let claims = json!({"auth_time": super::forge::now()});
    Return::of(&issuer, &departure, "one")
        .claims(&claims)
        .open(&client)
        .await
        .assert_leads_to("/account");
    for identity in identities(&client).await {
        let is_gone = identity["id"] == "gone";
        assert_eq!(identity["provider"].is_null(), is_gone, "{identity}");
        assert_eq!(identity["can_unlink"], is_gone, "{identity}");
        let reply = client.call("unlink_identity", json!({"id": identity["id"]})).await;
        assert_eq!(reply.status, if is_gone { 200 } else { 409 }, "{}", reply.body);
    }
}

#[tokio::test]
async fn an_account_is_unlinked_by_its_user_with_a_fresh_login_and_by_nobody_else() {
    let (_hostile, issuer, server) = site().await;
    link(&server, "user01", "example", "mine").await;
    let owner = server.user01().await;
    let id = identities(&owner).await[0]["id"].clone();
    let other = server.logged_in("user02", "user_02").await;
    other
        .call("unlink_identity", json!({"id": id}))
        .await
        .assert_refused(404, "not_found");
    other
        .call("remove_identity", json!({"user_id": "user01", "id": id}))
        .await
        .assert_refused(403, "permission_required");
    server.let_password_age("user01", 3600).await;
    owner
        .call("unlink_identity", json!({"id": id}))
        .await
        .assert_refused(403, "fresh_login_required");
    assert_eq!(users_of(&server, "mine").await, ["user01"]);

    // Sessions that came by it end, the others stay.
    let by_provider = server.client();
    log_in(&by_provider, &issuer, "mine").await.assert_leads_to("/account");
    let fresh = server.user01().await;
    fresh.done("unlink_identity", json!({"id": id})).await;
    assert_eq!(by_provider.who().await, None);
    assert_eq!(owner.who().await.as_deref(), Some("user01"));
    assert!(users_of(&server, "mine").await.is_empty());
    assert_eq!(
        failure(&log_in(&by_provider, &issuer, "mine").await)
            .expect("it is unlinked")
            .1,
        "no_account"
    );
}

//! Registration: closed unless the settings open it, and then of no use to somebody who looks for names.

use futures::future::join_all;
use serde_json::json;

use crate::server::{Place, QUICK, Server, UNTHROTTLED};

const PASSWORD: &str = "seven small brown zebras";
const OPEN: &[(&str, &str)] = &[("CALLGATE_REGISTRATION_OPEN", "true")];

async fn open() -> Server {
    Place::new().demo(&[QUICK, UNTHROTTLED, OPEN].concat()).await
}

#[tokio::test]
async fn registration_is_closed_until_a_setting_opens_it() {
    let server = Server::quick_demo().await;
    let client = server.client();
    for user in ["ada", "user01", ""] {
        let reply = client
            .call("register", json!({"user_id": user, "new_password": PASSWORD}))
            .await;
        assert_ne!(reply.status, 200, "{user}");
    }
    let reply = client
        .call("register", json!({"user_id": "ada", "new_password": PASSWORD}))
        .await;
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "forbidden"),
        "{}",
        reply.body
    );
    assert!(reply.error().contains("invite"), "{}", reply.body);
    let page = client.get("/register").await;
    assert!(
        page.shows("Registration is closed") && !page.shows("<input"),
        "{}",
        page.body
    );
    assert!(!client.get("/login").await.shows("/register"));
    assert_eq!(server.place.database().await.count("users").await, 3);

    let server = open().await;
    let client = server.client();
    assert!(client.get("/login").await.shows("/register"));
    assert!(client.get("/register").await.shows("new_password"));
    let reply = client
        .done("register", json!({"user_id": "ada", "new_password": PASSWORD}))
        .await;
    let name = reply["user_id"].as_str().unwrap();
    assert!(name.starts_with("ada-") && name.len() == 9, "{name}");
    let ada = server.logged_in(name, PASSWORD).await;
    assert_eq!(ada.who().await.as_deref(), Some(name));
    let own = ada.done("current_user", json!({})).await;
    assert_eq!(own["permissions"], json!([]));
    assert_eq!(ada.call("list_users", json!({})).await.code(), "permission_required");
}

/// security check 53
#[tokio::test]
async fn a_name_that_is_taken_is_answered_as_one_that_is_free() {
    let server = open().await;
    let client = server.client();
    let mut shapes = Vec::new();
    for user in ["user01", "USER01", "user03", "nobody", "somebody"] {
        let reply = client
            .call("register", json!({"user_id": user, "new_password": PASSWORD}))
            .await;
        let name = reply.value()["user_id"].as_str().unwrap().to_owned();
        let body = reply.body.replace(&name, "NAME");
        assert_eq!(name.len(), user.len() + 6);
        shapes.push((reply.status, body, reply.set_cookies().len()));
    }
    assert!(
        shapes.iter().all(|shape| *shape == shapes[0] && shape.0 == 200),
        "{shapes:?}"
    );
    server.user01().await;
    for (user, password) in [("a b", PASSWORD), ("user01", "short"), ("nobody", "short")] {
        let reply = client
            .call("register", json!({"user_id": user, "new_password": password}))
            .await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_arguments"),
            "{user}"
        );
    }
}

/// security check 51: as many as logins may fail
#[tokio::test]
async fn registrations_from_one_address_are_throttled() {
    let few = [("CALLGATE_THROTTLE_ADDRESS_FAILURES", "3")];
    let server = Place::new().demo(&[QUICK, OPEN, &few].concat()).await;
    let client = server.client();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let reply = client
            .call("register", json!({"user_id": "ada", "new_password": PASSWORD}))
            .await;
        statuses.push(reply.status);
        if reply.status == 429 {
            assert_eq!(reply.code(), "too_many_attempts");
            assert!(reply.find("retry-after").is_some());
        }
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429]);

    // So many passwords are judged as well, and no more.
    let server = Place::new().demo(&[QUICK, OPEN, &few].concat()).await;
    let client = server.client();
    let guessable = json!({"user_id": "ada", "new_password": "passwordpassword"});
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(client.call("register", guessable.clone()).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 429, 429]);
}

/// security check 96
#[tokio::test]
async fn fifty_who_register_one_name_at_once_get_a_name_each() {
    let server = open().await;
    let registering = (0..50).map(|_| {
        let client = server.client();
        async move {
            client
                .call("register", json!({"user_id": "ada", "new_password": PASSWORD}))
                .await
        }
    });
    let replies = join_all(registering).await;
    let mut names: Vec<String> = replies
        .iter()
        .filter(|reply| reply.status == 200)
        .map(|reply| reply.value()["user_id"].as_str().unwrap().to_owned())
        .collect();
    // Where there is too much work at once, it is refused as a login is.
    assert!(replies.iter().all(|reply| [200, 503].contains(&reply.status)));
    names.sort_unstable();
    names.dedup();
    let users = server.place.database().await.count("users").await;
    assert_eq!(i64::try_from(names.len()).unwrap(), users - 3);
    assert!(!names.is_empty());
}

/// security check 71
#[tokio::test]
async fn nobody_registers_with_more_than_a_name_and_a_password() {
    let server = open().await;
    for extra in [
        "roles",
        "role",
        "is_admin",
        "active",
        "demo",
        "permissions",
        "password_hash",
    ] {
        let arguments = json!({"user_id": "mallory", "new_password": PASSWORD, extra: ["admin"]});
        let reply = server.client().call("register", arguments).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_arguments"),
            "{extra}"
        );
    }
    assert_eq!(server.place.database().await.count("users").await, 3);
}

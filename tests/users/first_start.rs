//! The first start: there is no user, and a link that the server prints makes the first administrator.

use std::sync::Arc;

use serde_json::json;

use crate::{
    PASSWORD, assert_refused, choose,
    support::{
        client::{Client, Reply},
        clock::{Clock, HOUR, MINUTE},
        place::Place,
        server::{Server, UNTHROTTLED},
    },
    texts,
};

async fn start(place: &Arc<Place>, settings: &[(&str, &str)]) -> (Server, String) {
    let mut server = place.serve(&[UNTHROTTLED, settings].concat()).await;
    let link = server.says_until("/setup#").await;
    (server, link)
}

async fn create(client: &Client, link: &str, user: &str) -> Reply {
    let arguments = json!({"code": link, "user_id": user, "new_password": PASSWORD});
    client.call("create_first_admin", arguments).await
}

#[tokio::test]
async fn the_printed_link_is_stored_as_a_hash_and_makes_one_administrator() {
    let place = Place::new();
    let (server, link) = start(&place, &[]).await;
    let client = server.client();
    let mut database = place.database().await;
    assert_eq!(database.count("users").await, 0);
    assert!(!client.get("/login").await.shows("This is a demo"));
    let (page, code) = link.split_once('#').unwrap();
    assert_eq!(page, format!("{}/setup", client.origin()));
    assert!(code.len() >= 22, "128 bits at least: {code}");
    // What is refused does not use up the link.
    for (user, password, field) in [
        ("a b", PASSWORD, "user_id"),
        ("(operator)", PASSWORD, "user_id"),
        ("root", "root root root root", "new_password"),
    ] {
        let arguments = json!({"code": link, "user_id": user, "new_password": password});
        let reply = client.call("create_first_admin", arguments).await;
        assert_refused(&reply, 422, "invalid_arguments", user);
        assert_eq!(reply.value()["faults"][0]["field"], field, "{user}");
    }
    assert_eq!(create(&client, &format!("{link}x"), "root").await.status, 404);
    assert_eq!(database.count("links").await, 1);
    let values = database.values().await;
    assert!(!values.iter().any(|(_, _, value)| value.contains(code)));

    assert_eq!(create(&client, &link, "root").await.status, 200);
    let root = server.logged_in("root", PASSWORD).await;
    let users = root.done("list_users", json!({})).await;
    assert_eq!(users["users"][0]["roles"], json!(["admin"]));
    assert_eq!(create(&client, &link, "second").await.status, 404);
    assert_eq!(choose(&client, &link, "another brown zebra").await.status, 404);
    assert_eq!(database.count("users").await, 1);
    let events = root.done("list_events", json!({})).await;
    let mut actions = texts(&events["events"], "action");
    actions.retain(|action| *action != "login");
    assert_eq!(actions, ["user_added", "link_used"]);
}

/// Otherwise a stranger could make the link useless.
#[tokio::test]
async fn nobody_registers_before_there_is_an_administrator() {
    let place = Place::new();
    let (server, link) = start(&place, &[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let client = server.client();
    let arguments = json!({"user_id": "ada", "new_password": PASSWORD});
    let early = client.call("register", arguments.clone()).await;
    assert_refused(&early, 403, "forbidden", "early");
    assert_eq!(create(&client, &link, "root").await.status, 200);
    client.done("register", arguments).await;
    assert_eq!(place.database().await.count("users").await, 2);
}

#[tokio::test]
async fn a_link_is_useless_after_a_restart_and_once_there_is_a_user() {
    let place = Place::new();
    let (server, first) = start(&place, &[]).await;
    server.stop().await;
    let (server, second) = start(&place, &[]).await;
    assert_ne!(first, second);
    assert_eq!(create(&server.client(), &first, "root").await.status, 404);
    place.add_user("ada", PASSWORD).await;
    assert_eq!(create(&server.client(), &second, "root").await.status, 404);
    server.stop().await;
    let server = place.serve(&[]).await;
    assert!(!server.printed().await.contains("/setup"), "there is a user by now");
    place.done(&["user", "delete", "ada"], "").await;
    let (server, third) = start(&place, &[]).await;
    assert_eq!(create(&server.client(), &third, "root").await.status, 200);
    let demo = Server::demo().await.printed().await;
    assert!(!demo.contains("/setup"), "a demo has users");
}

#[tokio::test]
async fn the_link_works_for_an_hour() {
    for (later, expected) in [(HOUR - MINUTE, 200), (HOUR + MINUTE, 404)] {
        let place = Place::new();
        let clock = Clock::new(&place);
        let mut server = clock.serve(&place).await;
        let link = server.says_until("/setup#").await;
        clock.set(later);
        let reply = create(&server.client(), &link, "root").await;
        assert_eq!(reply.status, expected, "{}", reply.body);
    }
}

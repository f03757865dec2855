//! The first start: no account is there, and a link that the server prints makes the first administrator.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use crate::{
    client::{Client, Reply},
    clock::{Clock, HOUR, MINUTE},
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const PASSWORD: &str = "seven small brown zebras";

async fn start(place: &Arc<Place>) -> (Server, String) {
    let mut server = place.serve(&[QUICK, UNTHROTTLED].concat()).await;
    let link = server.says_until("/setup#").await;
    (server, link)
}

async fn create(client: &Client, link: &str, user: &str) -> Reply {
    let arguments = json!({"code": link, "user_id": user, "new_password": PASSWORD});
    client.call("create_first_admin", arguments).await
}

/// security check 48
#[tokio::test]
async fn the_printed_link_makes_the_first_administrator_and_nobody_else() {
    let place = Place::new();
    let (server, link) = start(&place).await;
    let client = server.client();
    assert!(link.starts_with(&format!("{}/setup#", client.origin())), "{link}");
    assert_eq!(client.get("/setup").await.status, 200);
    // What will not do uses nothing up.
    for (user, password, field) in [
        ("a b", PASSWORD, "user_id"),
        ("(operator)", PASSWORD, "user_id"),
        ("root", "short", "new_password"),
        ("root", "root root root root", "new_password"),
    ] {
        let arguments = json!({"code": link, "user_id": user, "new_password": password});
        let reply = client.call("create_first_admin", arguments).await;
        assert_eq!(reply.status, 422, "{user} {password}: {}", reply.body);
        assert_eq!(reply.value()["faults"][0]["field"], field, "{user} {password}");
    }
    assert_eq!(create(&client, &format!("{link}x"), "root").await.status, 404);
    assert_eq!(create(&client, &link, "root").await.status, 200);
    let root = server.logged_in("root", PASSWORD).await;
    let users = root.done("list_users", json!({})).await;
    assert_eq!(users["users"][0]["roles"], json!(["admin"]));

    assert_eq!(create(&client, &link, "second").await.status, 404);
    let choose = json!({"code": link, "new_password": "another brown zebra"});
    assert_eq!(client.call("choose_password", choose).await.status, 404);
    assert_eq!(place.database().await.count("users").await, 1);
    let events = root.done("list_events", json!({})).await;
    let actions: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .filter(|action| *action != "login")
        .collect();
    assert_eq!(actions, ["user_added", "link_used"]);
}

/// security check 109
#[tokio::test]
async fn the_link_is_stored_as_a_hash_and_is_not_in_the_log() {
    let place = Place::new();
    let mut server = place
        .serve(&[QUICK, &[("CALLGATE_LOG_FILTER", "trace")]].concat())
        .await;
    let link = server.says_until("/setup#").await;
    let (_, code) = link.split_once('#').unwrap();
    assert!(code.len() >= 22, "128 bits at least: {code}");
    create(&server.client(), &link, "a b").await;
    let mut database = place.database().await;
    assert_eq!(database.count("links").await, 1);
    let values = database.values().await;
    server.stop().await;
    assert!(!values.iter().any(|(_, _, value)| value.contains(code)));
    assert!(!place.log().contains(code));
}

/// Or a stranger would make the link useless.
#[tokio::test]
async fn nobody_registers_before_the_first_administrator_is_there() {
    let place = Place::new();
    let open = ("CALLGATE_REGISTRATION_OPEN", "true");
    let mut server = place.serve(&[QUICK, UNTHROTTLED, &[open]].concat()).await;
    let link = server.says_until("/setup#").await;
    let client = server.client();
    let arguments = json!({"user_id": "ada", "new_password": PASSWORD});
    let early = client.call("register", arguments.clone()).await;
    assert_eq!(
        (early.status, early.code().as_str()),
        (403, "forbidden"),
        "{}",
        early.body
    );
    assert_eq!(create(&client, &link, "root").await.status, 200);
    client.done("register", arguments).await;
    assert_eq!(place.database().await.count("users").await, 2);
}

#[tokio::test]
async fn a_link_of_an_earlier_start_is_useless() {
    let place = Place::new();
    let (server, first) = start(&place).await;
    server.stop().await;
    let (server, second) = start(&place).await;
    assert_ne!(first, second);
    assert_eq!(create(&server.client(), &first, "root").await.status, 404);
    assert_eq!(create(&server.client(), &second, "root").await.status, 200);
    server.stop().await;
    let server = place.serve(QUICK).await;
    assert!(!server.printed().await.contains("/setup"), "there is a user by now");
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

/// A user who was added otherwise may be somebody else's.
#[tokio::test]
async fn a_user_who_was_added_by_command_makes_the_link_useless() {
    let place = Place::new();
    let (server, link) = start(&place).await;
    place.add_user("ada", PASSWORD).await;
    assert_eq!(create(&server.client(), &link, "root").await.status, 404);
    place.done(&["user", "delete", "ada"], "").await;
}

/// security check 96
#[tokio::test]
async fn of_many_who_use_the_link_at_once_one_becomes_the_administrator() {
    let place = Place::new();
    let (server, link) = start(&place).await;
    let using = (0..20).map(|number| {
        let (client, link) = (server.client(), &link);
        async move { create(&client, link, &format!("root{number}")).await }
    });
    let replies = join_all(using).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1);
    assert!(replies.iter().all(|reply| [200, 404, 429, 503].contains(&reply.status)));
    assert_eq!(place.database().await.count("users").await, 1);
}

#[tokio::test]
async fn a_demo_prints_no_link() {
    let server = Server::quick_demo().await;
    assert!(!server.printed().await.contains("/setup"));
}

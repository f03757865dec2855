//! Nobody learns from a refused login whether its user exists: not from the answer, and not from the work that it took.
//! The work is counted, in the log; timing is left to `attack_timing`. Security checks 49, 51 and 52.

use serde_json::json;

use crate::{
    client::Reply,
    server::{Place, Server, UNTHROTTLED},
};

const COUNTED: (&str, &str) = ("CALLGATE_LOG_FILTER", "info,callgate=debug");

async fn log_in(server: &Server, user: &str, password: &str) -> Reply {
    let body = json!({"user_id": user, "password": password}).to_string();
    server.client().json("/api/login", &body).await
}

/// The pieces of hashing work that the request with this answer took, each in words.
fn work(server: &Server, reply: &Reply) -> Vec<String> {
    let reference = reply.header("x-request-id");
    let log = server.place.log();
    log.lines()
        .filter(|line| line.contains(reference) && line.contains("hashed a password"))
        .map(|line| {
            let fields = ["purpose=", "memory_kib=", "iterations="].map(|name| {
                let rest = &line[line.find(name).expect(name)..];
                rest.split_whitespace().next().unwrap().to_owned()
            });
            fields.join(" ")
        })
        .collect()
}

/// All that an answer says, but for what is new in each.
fn answer(reply: &Reply) -> (u16, String, Vec<String>) {
    let headers = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "x-request-id")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    (reply.status, reply.without_reference(), headers)
}

async fn server(place: &std::sync::Arc<Place>, settings: &[(&str, &str)]) -> Server {
    place.demo(&[UNTHROTTLED, &[COUNTED], settings].concat()).await
}

/// Users who cannot log in with what is typed, each for a reason of its own.
const USERS: [&str; 4] = ["user01", "user03", "nobody", ""];

#[tokio::test]
async fn a_login_costs_the_same_work_whether_its_user_exists_or_not() {
    let place = Place::new();
    let server = server(&place, &[]).await;
    place.done(&["user", "disable", "user03"], "").await;
    let expected = ["purpose=\"verify\" memory_kib=19456 iterations=2"];
    let first = log_in(&server, "user01", "wrong").await;
    for password in ["wrong", "user_03", "", "x", "schöne Zähne am Zaun"] {
        for user in USERS {
            let reply = log_in(&server, user, password).await;
            assert_eq!(answer(&reply), answer(&first), "{user:?} {password:?}");
            assert_eq!(work(&server, &reply), expected, "{user:?} {password:?}");
        }
    }
    // One that is too long is refused for everybody before any work.
    let long = "x".repeat(300);
    for user in USERS {
        let reply = log_in(&server, user, &long).await;
        assert_eq!(answer(&reply), answer(&first), "{user:?}");
        assert_eq!(work(&server, &reply), [""; 0], "{user:?}");
    }
}

/// security check 52
#[tokio::test]
async fn a_raised_cost_is_the_cost_for_unknown_users_too() {
    let place = Place::new();
    server(&place, &[]).await.stop().await;
    let dearer = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "32768"),
        ("CALLGATE_PASSWORDS_ITERATIONS", "3"),
    ];
    let server = server(&place, &dearer).await;
    let now = ["purpose=\"verify\" memory_kib=32768 iterations=3"];
    let reply = log_in(&server, "nobody", "wrong").await;
    assert_eq!(work(&server, &reply), now);
    // The first right login brings a user up to the new cost.
    assert_eq!(log_in(&server, "user01", "user_01").await.status, 200);
    let reply = log_in(&server, "user01", "wrong").await;
    assert_eq!(work(&server, &reply), now);
}

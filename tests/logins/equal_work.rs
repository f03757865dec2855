//! Nobody learns from a refused login whether its user exists: not from the answer, and not from the work that it took.
//! The work is counted, in the log; timing is left to attack/timing.rs.

use super::steps::{self, NEW};
use crate::support::{
    client::Reply,
    place::Place,
    server::{Server, UNTHROTTLED},
};

const COUNTED: (&str, &str) = ("CALLGATE_LOG_FILTER", "info,callgate=debug");

async fn log_in(server: &Server, user: &str, password: &str) -> Reply {
    steps::log_in(&server.client(), user, password).await
}

/// The pieces of hashing work that the request with this answer took, each in words.
fn work(server: &Server, reply: &Reply) -> Vec<String> {
    let reference = reply.reference();
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

async fn server(place: &std::sync::Arc<Place>, settings: &[(&str, &str)]) -> Server {
    place.demo(&[UNTHROTTLED, &[COUNTED], settings].concat()).await
}

/// Users who cannot log in with what is typed, each for a reason of its own.
const USERS: [&str; 4] = ["user01", "user02", "nobody", ""];

#[tokio::test]
async fn a_login_costs_the_same_work_whether_its_user_exists_or_not() {
    let place = Place::with_default_settings();
    let limits = [
        ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "100000"),
        ("CALLGATE_LIMITS_CALL_SECONDS", "120"),
    ];
    let server = server(&place, &limits).await;
    place.done(&["user", "disable", "user02"], "").await;
    let expected = ["purpose=\"verify\" memory_kib=19456 iterations=2"];
    let first = log_in(&server, "user01", "wrong").await;
    for password in ["wrong", "user_02", "", "x", "schöne Zähne am Zaun"] {
        for user in USERS {
            let reply = log_in(&server, user, password).await;
            assert_eq!(
                reply.without_what_is_new(),
                first.without_what_is_new(),
                "{user:?} {password:?}"
            );
            assert_eq!(work(&server, &reply), expected, "{user:?} {password:?}");
        }
    }
    // A password that is too long is refused for every user before any hashing.
    let long = "x".repeat(300);
    for user in USERS {
        let reply = log_in(&server, user, &long).await;
        assert_eq!(reply.without_what_is_new(), first.without_what_is_new(), "{user:?}");
        assert_eq!(work(&server, &reply), [""; 0], "{user:?}");
    }
}

#[tokio::test]
async fn a_raised_cost_is_the_cost_for_unknown_users_too() {
    let place = Place::new();
    server(&place, &[]).await.stop().await;
    let higher = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "256"),
        ("CALLGATE_PASSWORDS_ITERATIONS", "3"),
    ];
    let server = server(&place, &higher).await;
    let now = ["purpose=\"verify\" memory_kib=256 iterations=3"];
    let reply = log_in(&server, "nobody", "wrong").await;
    assert_eq!(work(&server, &reply), now);
    // A user with an old hash causes the same work: a second hash adds what the old one does not cost. So does a disabled user,
    // whose hash is not renewed, even with the right password.
    place.done(&["user", "disable", "user02"], "").await;
    let before = "purpose=\"verify\" memory_kib=64 iterations=1";
    let added = "purpose=\"make_up\" memory_kib=234 iterations=3";
    assert!((256_i64 * 3 - (64 + 234 * 3)).abs() < 3);
    for (user, password) in [
        ("user01", "wrong"),
        ("user01", ""),
        ("user02", "wrong"),
        ("user02", "user_02"),
    ] {
        let reply = log_in(&server, user, password).await;
        assert_eq!(reply.status, 401, "{user} {password}");
        assert_eq!(work(&server, &reply), [before, added], "{user} {password}");
    }
    // The first right login brings a user up to the new cost.
    assert_eq!(log_in(&server, "user01", "user_01").await.status, 200);
    let reply = log_in(&server, "user01", "wrong").await;
    assert_eq!(work(&server, &reply), now);
}

/// Outside a demo, a demo user, whose password is public, is treated like an unknown name.
#[tokio::test]
async fn a_demo_user_outside_a_demo_is_refused_as_an_unknown_one_after_the_same_work() {
    let place = Place::new();
    place.add_user("alice", NEW).await;
    let server = place.serve(&[UNTHROTTLED, &[COUNTED]].concat()).await;
    let copy = "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at)
                SELECT 'user01', password_hash, TRUE, TRUE, created_at, changed_at FROM users";
    assert_eq!(place.database().await.change(copy).await, 1);
    let first = log_in(&server, "nobody", NEW).await;
    assert_eq!(first.status, 401);
    for password in [NEW, "wrong"] {
        let reply = log_in(&server, "user01", password).await;
        assert_eq!(reply.without_what_is_new(), first.without_what_is_new(), "{password}");
        assert_eq!(work(&server, &reply), work(&server, &first), "{password}");
    }
    assert_eq!(log_in(&server, "alice", NEW).await.status, 200);
}

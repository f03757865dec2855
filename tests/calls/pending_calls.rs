//! Stored pending calls: no secrets, and limits on their size and number.

use std::time::Instant;

use futures::future::join_all;

use crate::support::{
    client::{CALL, Client, Reply},
    page::{assert_hides, assert_shows},
    place::Place,
    poll::until,
    server::{Server, UNTHROTTLED},
    waiting_call::{AUTH, log_in},
};

const OPEN: &str = "/functions/notauth_func";
const WAITS: &str = "Your call is waiting";
const TRUSTED: (&str, &str) = ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1");
const STORED_CALLS: &str = "SELECT string_agg(call, ',') FROM kept_calls";

/// Cases that canaries.rs does not have: pending calls, calls that log in, and secrets under names that a function does not know.
#[tokio::test]
async fn no_secret_of_a_form_is_in_any_file_or_on_any_page() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_LOG_FILTER", "trace")]).await;
    let stale = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let nobody = server.client();
    let (change, confirm, login) = ("change_password", "confirm_login", "login");
    let (user, zebras) = (("user_id", "user01"), "canary-7-small-zebras");
    for (client, name, fields) in [
        (&stale, change, &[("new_password", zebras)][..]),
        (&nobody, change, &[("new_password", zebras), ("shown-to", "user01")]),
        (&nobody, confirm, &[("password", "canary-8")]),
        (&nobody, login, &[user, ("passwd_hash", "canary-9")]),
        (&nobody, login, &[("passwd_hash", "canary-9"), ("password", "canary-9")]),
        (&nobody, login, &[user, ("password", "canary-10")]),
        (&stale, change, &[("password", "canary-11"), ("arguments", "canary-12")]),
    ] {
        let page = format!("/functions/{name}");
        assert_eq!(client.form(&page, fields).await.status, 303, "{page}");
        let shown = client.get(&page).await;
        assert!(!shown.shows("canary"), "{page}: {}", shown.body);
    }
    nobody.form("/functions/login", &[user, ("password", "user_01")]).await;
    assert!(nobody.get("/functions/login").await.shows("200 OK"));
    assert_eq!(nobody.who().await.as_deref(), Some("user01"));
    assert!(place.log().contains("DEBUG") && !place.log().contains("canary"));
    let stored = place.stored().await;
    assert!(!stored.is_empty());
    for (name, bytes) in stored {
        assert!(!bytes.windows(6).any(|part| part == b"canary"), "{name}");
    }
    let stored = place.database().await.text(STORED_CALLS).await;
    assert!(stored.contains(change) && !stored.contains("user_01"), "{stored}");
}

#[tokio::test]
async fn a_secret_is_not_stored_with_a_pending_call_and_has_to_be_typed_again() {
    let server = Server::demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let page = "/functions/change_password";
    let reply = client.form(page, &[("new_password", "canary and 7 zebras")]).await;
    reply.assert_leads_to(&format!("/confirm?next={page}"));
    let mut database = server.place.database().await;
    let stored = database.text(STORED_CALLS).await;
    assert!(
        stored.contains("change_password") && !stored.contains("canary"),
        "{stored}"
    );
    let user = database.text("SELECT user_id FROM kept_calls").await;
    assert_eq!(user, "user01", "it is for this user from the start");

    let right = [("next", page), ("password", "user_01")];
    let reply = client.form("/confirm", &right).await;
    reply.assert_leads_to(page);
    let shown = client.get(page).await;
    assert_shows(&shown, &[WAITS, "Enter them again"]);
    assert_hides(&shown, &["Run this call", "canary"]);
    // If requested anyway, the call does not run without the secret.
    client.form(&format!("{page}/kept"), &[("run", "run")]).await;
    assert!(client.get(page).await.shows("No call yet"));
}

#[tokio::test]
async fn a_call_that_is_too_long_to_store_does_not_wait_but_its_reply_is_shown() {
    let server = Place::new().demo(&[("CALLGATE_LIMITS_BODY_BYTES", "1000000")]).await;
    let client = server.client();
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024));
    let reply = client.form(AUTH, &[("arguments", &long)]).await;
    assert_eq!((reply.status, client.cookie(CALL)), (413, None));
    assert_shows(&reply, &["65536"]);

    let reply = client.form(OPEN, &[("arguments", &long)]).await;
    assert_eq!((reply.status, client.cookie(CALL)), (200, None));
    assert!(reply.shows("200 OK"), "{}", &reply.body[..1000]);
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);
    // A call that was stored before is not shown as the last one.
    client.form(OPEN, &[("arguments", r#"{"canary":1}"#)]).await;
    client.form(OPEN, &[("arguments", &long)]).await;
    assert!(!client.get(OPEN).await.shows("canary"));
}

/// Sends the form of a call from that address.
async fn call_from(client: &Client, address: &str) -> Reply {
    let request = client.request("POST", AUTH).header("x-forwarded-for", address);
    request.form("arguments=%7B%7D").send().await
}

/// A pending call of a client at that address that is not logged in.
async fn pending_from(server: &Server, address: &str) -> Client {
    let client = server.client();
    assert_eq!(call_from(&client, address).await.status, 303);
    client
}

#[tokio::test]
async fn at_most_fifty_calls_of_a_network_or_user_wait_and_a_thousand_of_nobody() {
    let server = Place::new().demo(&[UNTHROTTLED, &[TRUSTED]].concat()).await;
    let mut database = server.place.database().await;
    let user = server.user01().await;
    user.form(OPEN, &[("arguments", "{}")]).await;
    let neighbour = pending_from(&server, "192.0.2.2").await;
    for number in 0..55 {
        pending_from(&server, &format!("2001:db8:1:2::{number}")).await;
    }
    assert_eq!(database.count("kept_calls").await, 52, "fifty of one network");
    let latest = pending_from(&server, "2001:db8:1:2::1").await;
    assert_eq!(database.count("kept_calls").await, 52, "the oldest goes");

    // A thousand calls from a thousand networks displace the other anonymous calls, but none of a user.
    let random = database.random_bytes();
    let many = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
         INSERT INTO kept_calls (token_hash, user_id, keeper, call, expires_at)
         SELECT {random}, NULL, {random}, '{{}}', (SELECT MAX(expires_at) FROM kept_calls) FROM numbers"
    );
    database.change(&many).await;
    for client in [&neighbour, &latest] {
        log_in(client, "user02", AUTH).await;
    }
    pending_from(&server, "192.0.2.3").await;
    assert_eq!(database.count("kept_calls WHERE user_id IS NULL").await, 1000);
    for client in [&neighbour, &latest] {
        assert!(client.get(AUTH).await.shows(WAITS), "the call belongs to a user by now");
    }
    // Logging in with each call does not evade the limit.
    for _ in 0..52 {
        log_in(&pending_from(&server, "192.0.2.4").await, "user02", AUTH).await;
    }
    assert_eq!(database.count("kept_calls WHERE user_id = 'user02'").await, 50);
    assert!(user.get(OPEN).await.shows("200 OK"));
}

/// Storing a call is a write to the database, as a login is.
#[tokio::test]
async fn of_many_calls_at_once_a_few_are_stored_while_others_log_in_and_call() {
    const PER_MINUTE: u64 = 20;
    let per_minute = PER_MINUTE.to_string();
    let limit = ("CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", per_minute.as_str());
    let began = Instant::now();
    let server = Place::new().demo(&[TRUSTED, limit]).await;
    let mut database = server.place.database().await;
    let flood = join_all((0..100).map(|number| {
        let client = server.client();
        async move { call_from(&client, &format!("2001:db8:1:2::{number}")).await }
    }));
    let (replies, user) = tokio::join!(flood, server.user01());
    // The first minute begins with the server.
    let most = PER_MINUTE * (1 + began.elapsed().as_secs() / 60);
    let (accepted, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 303);
    let count = accepted.len() as u64;
    assert!((1..=most).contains(&count), "{count} of at most {most}");
    for reply in refused {
        assert_eq!(reply.status, 503);
        assert!(reply.shows("The server is busy") && reply.set_cookies().is_empty());
        let seconds: u32 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    let stored = database.count("kept_calls").await;
    assert_eq!(stored.cast_unsigned(), count, "refused calls are not stored");

    // The rate limit of this address is used up, those of another address and of a user are not.
    let late = async || call_from(&server.client(), "2001:db8:1:2::ffff").await.status == 503;
    until("the rate limit of the address is used up", late).await;
    pending_from(&server, "192.0.2.1").await;
    let reply = user.form(AUTH, &[("arguments", "{}")]).await;
    reply.assert_leads_to(&format!("{AUTH}#reply"));

    // The reply to a call that ran is shown even if it is not stored, and no earlier call is shown as the last one.
    let fields = [("arguments", r#"{"canary":1}"#)];
    until("the rate limit of the user is used up", async || {
        let reply = user.form(AUTH, &fields).await;
        assert!([200, 303].contains(&reply.status), "{}", reply.body);
        if reply.status == 200 {
            assert_shows(&reply, &["200 OK", "canary"]);
        }
        reply.status == 200
    })
    .await;
    assert_eq!(user.cookie(CALL), None);
    assert_eq!(user.who().await.as_deref(), Some("user01"));
}

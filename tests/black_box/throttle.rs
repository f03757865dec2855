//! Logins that fail too often: per account and per address, at all doors (security checks 62 to 68).

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use crate::{
    client::{Client, Reply},
    clock::{Clock, MINUTE},
    effort::rounds,
    poll::until,
    server::{Place, QUICK, Server},
};

/// Cheap passwords, and these settings.
async fn server(settings: &[(&str, &str)]) -> Server {
    serve_in(&Place::new(), settings).await
}

async fn serve_in(place: &Arc<Place>, settings: &[(&str, &str)]) -> Server {
    place.demo(&[QUICK, settings].concat()).await
}

/// An address may fail as often as it likes.
const ANY_ADDRESS: (&str, &str) = ("CALLGATE_THROTTLE_ADDRESS_FAILURES", "100000");
/// An account may fail as often as it likes.
const ANY_ACCOUNT: (&str, &str) = ("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "100000");
/// The proxy that the tests are.
const TRUSTED: (&str, &str) = ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1, ::1");

pub async fn log_in(client: &Client, user: &str, password: &str) -> Reply {
    let body = json!({"user_id": user, "password": password, "remember": false});
    client.json("/api/login", &body.to_string()).await
}

async fn log_in_from(client: &Client, header: &'static str, address: &str, user: &str, password: &str) -> Reply {
    let body = json!({"user_id": user, "password": password, "remember": false});
    client
        .request("POST", "/api/login")
        .header("content-type", "application/json")
        .header(header, address)
        .body(body.to_string())
        .send()
        .await
}

pub async fn fail(client: &Client, user: &str, times: usize) {
    for _ in 0..times {
        let reply = log_in(client, user, "wrong").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_credentials"));
    }
}

/// The seconds that a throttled answer says to wait, after a look at all of it.
pub fn throttled(reply: &Reply) -> u64 {
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (429, "too_many_attempts"),
        "{}",
        reply.body
    );
    assert!(reply.set_cookies().is_empty());
    let seconds = reply.header("retry-after").parse().unwrap();
    assert_eq!(reply.value()["retry_after"], seconds);
    assert!(seconds >= 1);
    seconds
}

/// security check 62
#[tokio::test]
async fn after_five_wrong_passwords_an_account_waits_even_with_the_right_one() {
    let server = server(&[]).await;
    let client = server.client();
    fail(&client, "user01", 5).await;
    for password in ["wrong", "user_01"] {
        let reply = log_in(&client, "user01", password).await;
        let seconds = throttled(&reply);
        assert!((290..=300).contains(&seconds), "{seconds}");
        assert_eq!(reply.value()["error"], "Too many attempts. Try again in 5 minutes.");
    }
    assert_eq!(log_in(&client, "user02", "user_02").await.status, 200);
}

/// security check 62
#[tokio::test]
async fn a_name_that_nobody_has_is_throttled_like_one_that_somebody_has() {
    let server = server(&[ANY_ADDRESS]).await;
    let client = server.client();
    for _ in 0..7 {
        let [known, unknown] = [
            log_in(&client, "user01", "wrong").await,
            log_in(&client, "nobody", "wrong").await,
        ];
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.value()["error"], unknown.value()["error"]);
        assert_eq!(known.headers.len(), unknown.headers.len());
        assert_eq!(known.body.len(), unknown.body.len());
    }
    throttled(&log_in(&client, "nobody", "wrong").await);
}

/// security check 62: the wait grows with each failure up to the longest, and there is an end for the day
#[tokio::test]
async fn the_wait_of_an_account_grows_with_each_failure_until_the_day_is_over() {
    let server = server(&[
        ANY_ADDRESS,
        ("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "2"),
        ("CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES", "6"),
        ("CALLGATE_THROTTLE_ACCOUNT_DELAY_SECONDS", "100"),
        ("CALLGATE_THROTTLE_ACCOUNT_MAX_DELAY_SECONDS", "300"),
    ])
    .await;
    let client = server.client();
    let mut database = server.place.database().await;
    fail(&client, "user01", 2).await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        waits.push(throttled(&log_in(&client, "user01", "user_01").await));
        // The wait is over once the failures lie back that far.
        database
            .change("UPDATE failed_logins SET failed_at = failed_at - 300000")
            .await;
        fail(&client, "user01", 1).await;
    }
    waits.push(throttled(&log_in(&client, "user01", "user_01").await));
    let rounded: Vec<u64> = waits.iter().map(|wait| wait.div_ceil(100) * 100).collect();
    assert_eq!(rounded[..4], [100, 200, 300, 300], "{waits:?}");
    assert!(waits[4] > 22 * 3600, "{waits:?}");
}

/// security check 63
#[tokio::test]
async fn one_address_that_tries_many_names_is_throttled_and_others_are_not() {
    let server = server(&[TRUSTED]).await;
    let client = server.client();
    let spray = |number: usize| {
        let client = &client;
        async move {
            log_in_from(
                client,
                "x-forwarded-for",
                "192.0.2.1",
                &format!("name{number}"),
                "Winter",
            )
            .await
        }
    };
    let mut evaluated = 0;
    for number in 0..rounds(40, 1000) {
        let reply = spray(number).await;
        match reply.status {
            401 => evaluated += 1,
            _ => assert!(throttled(&reply) <= 60),
        }
    }
    // In the long form a minute may go by, and ten more with it.
    assert!((10..=30).contains(&evaluated), "{evaluated}");
    let right = log_in_from(&client, "x-forwarded-for", "192.0.2.1", "user01", "user_01").await;
    throttled(&right);
    let elsewhere = log_in_from(&client, "x-forwarded-for", "192.0.2.2", "user01", "user_01").await;
    assert_eq!(elsewhere.status, 200, "{}", elsewhere.body);
}

/// security check 64: whoever is no trusted proxy gets no bucket of his own by saying so
#[tokio::test]
async fn an_address_that_a_client_makes_up_counts_for_nothing() {
    let server = server(&[]).await;
    let client = server.client();
    for number in 0..30 {
        let header = ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip"][number % 4];
        let address = match header {
            "forwarded" => format!("for=192.0.2.{number}"),
            _ => format!("192.0.2.{number}"),
        };
        let reply = log_in_from(&client, header, &address, &format!("name{number}"), "wrong").await;
        match number {
            0..10 => assert_eq!(reply.status, 401),
            _ => assert!(throttled(&reply) <= 60),
        }
    }
    assert!(!server.place.log().contains("192.0.2."), "{}", server.place.log());
}

/// security check 64: from a trusted proxy the right-most address that is none, in the one header that is set
#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    for (name, header) in [("x-forwarded-for", ""), ("forwarded", "for=")] {
        let server = server(&[
            TRUSTED,
            ("CALLGATE_PROXIES_HEADER", name),
            ("CALLGATE_THROTTLE_ADDRESS_FAILURES", "3"),
        ])
        .await;
        let client = server.client();
        for number in 0..3 {
            // The first address is the client's own invention.
            let hops = format!("{header}203.0.113.{number}, {header}192.0.2.1");
            assert_eq!(log_in_from(&client, name, &hops, "a", "wrong").await.status, 401);
        }
        let same = format!("{header}192.0.2.1, {header}127.0.0.1");
        throttled(&log_in_from(&client, name, &same, "user01", "user_01").await);
        let other = format!("{header}192.0.2.1, {header}192.0.2.9");
        assert_eq!(
            log_in_from(&client, name, &other, "user01", "user_01").await.status,
            200
        );
        // The header that is not set says nothing: this is the proxy's own address.
        let ignored = if name == "forwarded" {
            "x-forwarded-for"
        } else {
            "forwarded"
        };
        let near = server.client();
        assert_eq!(
            log_in_from(&near, ignored, &same, "user01", "user_01").await.status,
            200
        );
        // And so it is in the list of sessions.
        let sessions = client.json("/api/my_sessions", "{}").await.body;
        assert!(
            sessions.contains("127.0.0.1") && sessions.contains("192.0.2.9"),
            "{sessions}"
        );
        assert!(!sessions.contains("203.0.113"), "{sessions}");
    }
}

/// security check 64
#[tokio::test]
async fn ipv6_addresses_of_one_network_count_together() {
    let server = server(&[TRUSTED]).await;
    let client = server.client();
    for number in 0..10 {
        let address = format!("2001:db8:1:2:{number:x}::{number:x}");
        let reply = log_in_from(&client, "x-forwarded-for", &address, &format!("name{number}"), "wrong").await;
        assert_eq!(reply.status, 401);
    }
    throttled(&log_in_from(&client, "x-forwarded-for", "2001:db8:1:2:abcd::1", "user01", "user_01").await);
    let other = log_in_from(&client, "x-forwarded-for", "2001:db8:1:3::1", "user01", "user_01").await;
    assert_eq!(other.status, 200);
}

/// security check 65
#[tokio::test]
async fn a_victim_of_failures_stays_logged_in_and_is_let_in_again_by_itself() {
    let (clock, server) = Clock::demo(&[ANY_ADDRESS]).await;
    let victim = server.client();
    let remembered = r#"{"user_id":"user01","password":"user_01","remember":true}"#;
    assert_eq!(victim.json("/api/login", remembered).await.status, 200);
    let attacker = server.client();
    fail(&attacker, "user01", 5).await;
    throttled(&log_in(&attacker, "user01", "user_01").await);
    assert_eq!(victim.who().await.as_deref(), Some("user01"));
    victim.drop_cookie(crate::client::SESSION);
    assert_eq!(
        victim.who().await.as_deref(),
        Some("user01"),
        "the browser is remembered"
    );
    clock.set(6 * MINUTE);
    let reply = log_in(&server.client(), "user01", "user_01").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// security check 66
#[tokio::test]
async fn an_attackers_own_good_logins_clear_neither_the_address_nor_the_victim() {
    let server = server(&[]).await;
    let client = server.client();
    for _ in 0..4 {
        fail(&client, "user01", 1).await;
        assert_eq!(log_in(&client, "user02", "user_02").await.status, 200);
    }
    fail(&client, "user01", 1).await;
    throttled(&log_in(&client, "user01", "user_01").await);
    for number in 0..5 {
        fail(&client, &format!("name{number}"), 1).await;
        let own = log_in(&client, "user02", "user_02").await;
        match number {
            0..4 => assert_eq!(own.status, 200),
            _ => assert!(throttled(&own) <= 60),
        }
    }
}

#[tokio::test]
async fn a_success_forgives_the_earlier_failures_of_its_account() {
    let server = server(&[ANY_ADDRESS]).await;
    let client = server.client();
    for _ in 0..3 {
        fail(&client, "user01", 4).await;
        assert_eq!(log_in(&client, "user01", "user_01").await.status, 200);
    }
}

/// security check 67
#[tokio::test]
async fn of_a_hundred_guesses_at_once_no_more_are_evaluated_than_one_after_the_other() {
    for (setting, most) in [(ANY_ADDRESS, 5), (ANY_ACCOUNT, 10)] {
        let server = server(&[setting, ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "19000")]).await;
        let guesses = (0..100).map(|number| {
            let client = server.client();
            async move { log_in(&client, "user01", &format!("guess {number}")).await.status }
        });
        let statuses = join_all(guesses).await;
        let of = |status| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((of(401), of(429)), (most, 100 - most), "{statuses:?}");
    }
}

/// Many people behind one address log in at the same moment: they wait for one another, and all get in.
#[tokio::test]
async fn right_logins_at_once_from_one_address_are_all_let_in() {
    // With real costs of a password, so that they do meet.
    let patient = [
        ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "19000"),
        ("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "15"),
    ];
    let server = Place::new().demo(&patient).await;
    let logins = (0..40).map(|number| {
        let client = server.client();
        let user = number % 3 + 1;
        async move {
            log_in(&client, &format!("user0{user}"), &format!("user_0{user}"))
                .await
                .status
        }
    });
    assert_eq!(join_all(logins).await, [200; 40]);
}

/// security check 68
#[tokio::test]
async fn all_doors_that_take_a_password_count_together() {
    let server = server(&[]).await;
    let user = server.user01().await;
    let anyone = server.client();
    let form = [("user_id", "USER01 "), ("password", "wrong"), ("next", "/account")];
    assert_eq!(anyone.form("/login", &form).await.status, 401);
    assert_eq!(log_in(&anyone, "User01", "wrong").await.status, 401);
    assert_eq!(log_in(&anyone, "ｕｓｅｒ０１", "wrong").await.status, 401);
    let wrong = r#"{"password":"wrong"}"#;
    assert_eq!(user.json("/api/confirm_login", wrong).await.status, 401);
    assert_eq!(user.form("/confirm", &[("password", "wrong")]).await.status, 401);

    throttled(&log_in(&anyone, "user01", "user_01").await);
    throttled(&user.json("/api/confirm_login", r#"{"password":"user_01"}"#).await);
    let right = [("user_id", "user01"), ("password", "user_01"), ("next", "/account")];
    for page in [
        anyone.form("/login", &right).await,
        user.form("/confirm", &[("password", "user_01")]).await,
        anyone
            .form("/functions/login", &[("user_id", "user01"), ("password", "user_01")])
            .await,
    ] {
        if page.status == 303 {
            // The form of a function shows the refusal on its page.
            let shown = anyone.get(page.header("location")).await;
            assert!(shown.shows("too_many_attempts"), "{}", shown.body);
        } else {
            assert_eq!(page.status, 429);
            assert!(page.header("retry-after").parse::<u32>().unwrap() >= 1);
            let told = "Too many attempts. Try again in 5 minutes.";
            assert!(page.shows(told) && page.shows("<form"), "{}", page.body);
        }
        assert!(!page.cookie_names().contains(&crate::client::SESSION.to_owned()));
    }
    assert_eq!(user.who().await.as_deref(), Some("user01"));
}

/// security check 68
#[tokio::test]
async fn failures_survive_a_restart_and_a_crash_and_hold_for_two_servers() {
    let place = Place::new();
    let server = serve_in(&place, &[]).await;
    fail(&server.client(), "user01", 2).await;
    server.stop().await;
    let server = serve_in(&place, &[]).await;
    fail(&server.client(), "user01", 2).await;
    server.kill().await;
    let [one, other] = [serve_in(&place, &[]).await, serve_in(&place, &[]).await];
    fail(&one.client(), "user01", 1).await;
    for server in [one, other] {
        throttled(&log_in(&server.client(), "user01", "user_01").await);
    }
}

/// security check 68: how much is kept of those who fail does not depend on them
#[tokio::test]
async fn what_is_kept_of_failures_is_bounded_and_goes_with_time() {
    let server = server(&[
        ANY_ADDRESS,
        ("CALLGATE_THROTTLE_STORED_FAILURES", "20"),
        ("CALLGATE_SESSIONS_SWEEP_SECONDS", "1"),
    ])
    .await;
    let client = server.client();
    let mut database = server.place.database().await;
    for number in 0..rounds(30, 500) {
        fail(&client, &format!("name{number}"), 1).await;
    }
    until("the surplus is gone", async || {
        database.count("failed_logins").await <= 20
    })
    .await;
    database
        .change("UPDATE failed_logins SET expires_at = expires_at - 86400000")
        .await;
    until("all is gone", async || database.count("failed_logins").await == 0).await;
}

#[tokio::test]
async fn the_limit_is_told_in_the_log_once_with_the_address_and_the_name_only_of_a_user() {
    let server = server(&[]).await;
    let client = server.client();
    for name in ["user01", "perhaps-a-password"] {
        fail(&client, name, 5).await;
        for _ in 0..5 {
            throttled(&log_in(&client, name, "wrong").await);
        }
    }
    let log = server.place.log();
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("excess_rate_limit_exceeded"))
        .collect();
    assert_eq!(told.len(), 2, "{log}");
    for line in &told {
        assert!(line.contains("127.0.0.1") && line.contains("account_wait=300"), "{log}");
    }
    assert!(
        told[0].contains("user=\"user01\"") && !told[1].contains("user="),
        "{log}"
    );
    assert!(!log.contains("perhaps-a-password"), "{log}");
}

#[tokio::test]
async fn limits_that_make_no_sense_keep_the_server_from_starting() {
    let place = Place::new();
    for (variable, value, said) in [
        (
            "CALLGATE_THROTTLE_ACCOUNT_FAILURES",
            "0",
            "throttle.account_failures must be at least 1",
        ),
        ("CALLGATE_PROXIES_TRUSTED", "10.0.0.0/33", "10.0.0.0/33"),
        ("CALLGATE_PROXIES_TRUSTED", "localhost", "localhost"),
        ("CALLGATE_PROXIES_HEADER", "x-real-ip", "x-real-ip"),
    ] {
        let ran = place.refused(&["--demo"], &[(variable, value)]).await;
        assert!(ran.error.contains(said), "{variable}: {}", ran.error);
    }
}

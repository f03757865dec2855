//! Logins that fail too often: per account and per address, wherever a password is asked for.

use super::steps::{confirm, is_in, log_in, log_in_with, remembered};
use crate::support::{
    client::{Client, Reply, SESSION},
    clock::{Clock, MINUTE},
    effort::rounds,
    place::Place,
    server::Server,
};

/// A demo with these settings, in which a failure counts for its address for as long as the test takes.
async fn server(settings: &[(&str, &str)]) -> Server {
    Place::new().demo(&[&[LONG], settings].concat()).await
}

const LONG: (&str, &str) = ("CALLGATE_THROTTLE_ADDRESS_SECONDS", "600");
/// An address may fail as often as it likes.
const ANY_ADDRESS: (&str, &str) = ("CALLGATE_THROTTLE_ADDRESS_FAILURES", "100000");
/// The proxy that the tests are.
const TRUSTED: (&str, &str) = ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1, ::1");

const XFF: &str = "x-forwarded-for";

pub async fn fail(client: &Client, user: &str, times: usize) {
    for _ in 0..times {
        let reply = log_in(client, user, "wrong").await;
        reply.assert_refused(401, "invalid_credentials");
    }
}

/// The seconds that a throttled answer says to wait, after a look at all of it.
pub fn throttled(reply: &Reply) -> u64 {
    reply.assert_refused(429, "too_many_attempts");
    assert!(reply.set_cookies().is_empty());
    let seconds = reply.header("retry-after").parse().unwrap();
    assert_eq!(reply.value()["retry_after"], seconds);
    assert!(seconds >= 1);
    seconds
}

/// Somebody or not: a name that nobody has is throttled in the same words.
#[tokio::test]
async fn after_five_wrong_passwords_an_account_waits_even_with_the_right_one() {
    let server = server(&[ANY_ADDRESS]).await;
    let client = server.client();
    for number in 0..7 {
        let known = log_in(&client, "user01", if number < 6 { "wrong" } else { "user_01" }).await;
        let unknown = log_in(&client, "nobody", "wrong").await;
        assert_eq!((known.status, known.error()), (unknown.status, unknown.error()));
        assert_eq!(known.headers.len(), unknown.headers.len());
        assert_eq!(known.body.len(), unknown.body.len());
        if number < 5 {
            known.assert_refused(401, "invalid_credentials");
        } else {
            assert!((241..=300).contains(&throttled(&known)) && throttled(&unknown) <= 300);
            assert_eq!(known.error(), "Too many attempts. Try again in 5 minutes.");
        }
    }
    assert_eq!(log_in(&client, "user02", "user_02").await.status, 200);
}

#[tokio::test]
async fn one_address_that_tries_many_names_is_throttled_and_others_are_not() {
    let server = server(&[TRUSTED]).await;
    let client = server.client();
    let from = async |address, user: &str, password| log_in_with(&client, XFF, address, user, password).await;
    for number in 0..rounds(40, 1000) {
        let reply = from("192.0.2.1", &format!("name{number}"), "Winter").await;
        match number {
            0..10 => assert_eq!(reply.status, 401),
            _ => assert!(throttled(&reply) <= 600),
        }
    }
    throttled(&from("192.0.2.1", "user01", "user_01").await);
    assert_eq!(from("192.0.2.2", "user01", "user_01").await.status, 200);
}

#[tokio::test]
async fn an_address_that_a_client_makes_up_counts_for_nothing() {
    let server = server(&[]).await;
    let client = server.client();
    for number in 0..30 {
        let header = [XFF, "forwarded", "x-real-ip", "cf-connecting-ip"][number % 4];
        let equals = if header == "forwarded" { "for=" } else { "" };
        let address = format!("{equals}192.0.2.{number}");
        let reply = log_in_with(&client, header, &address, &format!("name{number}"), "wrong").await;
        match number {
            0..10 => assert_eq!(reply.status, 401),
            _ => assert!(throttled(&reply) <= 600),
        }
    }
    assert!(!server.place.log().contains("192.0.2."), "{}", server.place.log());
}

/// The right-most address counts that is no trusted proxy. Other headers are ignored.
#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let server = server(&[TRUSTED, ("CALLGATE_THROTTLE_ADDRESS_FAILURES", "3")]).await;
    let client = server.client();
    for number in 0..3 {
        // The first address is the client's own invention.
        let hops = format!("203.0.113.{number}, 192.0.2.1");
        assert_eq!(log_in_with(&client, XFF, &hops, "a", "wrong").await.status, 401);
    }
    throttled(&log_in_with(&client, XFF, "192.0.2.1, 127.0.0.1", "user01", "user_01").await);
    for (client, header, hops) in [
        (&client, XFF, "192.0.2.1, 192.0.2.9"),
        (&server.client(), "forwarded", "for=192.0.2.1"),
    ] {
        let reply = log_in_with(client, header, hops, "user01", "user_01").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    // The list of sessions shows the same addresses.
    let sessions = client.json("/api/my_sessions", "{}").await;
    assert!(sessions.shows("127.0.0.1") && sessions.shows("192.0.2.9"));
    assert!(!sessions.shows("203.0.113"), "{}", sessions.body);
}

#[tokio::test]
async fn a_victim_of_failures_stays_logged_in_and_may_log_in_again_after_the_wait() {
    let (clock, server) = Clock::demo(&[ANY_ADDRESS]).await;
    let victim = remembered(&server).await;
    let attacker = server.client();
    fail(&attacker, "user01", 5).await;
    throttled(&log_in(&attacker, "user01", "user_01").await);
    assert!(is_in(&victim).await);
    victim.drop_cookie(SESSION);
    assert!(is_in(&victim).await, "the browser is remembered");
    clock.set(6 * MINUTE);
    let reply = log_in(&server.client(), "user01", "user_01").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn all_endpoints_that_take_a_password_count_together() {
    let server = server(&[]).await;
    let user = server.user01().await;
    let anyone = server.client();
    let form = [("user_id", "USER01 "), ("password", "wrong"), ("next", "/account")];
    assert_eq!(anyone.form("/login", &form).await.status, 401);
    assert_eq!(log_in(&anyone, "User01", "wrong").await.status, 401);
    assert_eq!(log_in(&anyone, "ｕｓｅｒ０１", "wrong").await.status, 401);
    assert_eq!(confirm(&user, "wrong").await.status, 401);
    assert_eq!(user.form("/confirm", &[("password", "wrong")]).await.status, 401);

    throttled(&log_in(&anyone, "user01", "user_01").await);
    throttled(&confirm(&user, "user_01").await);
    let right = [("user_id", "user01"), ("password", "user_01")];
    for (client, path) in [(&anyone, "/login"), (&user, "/confirm")] {
        let page = client.form(path, &right).await;
        assert_eq!(page.status, 429);
        assert!(page.header("retry-after").parse::<u32>().unwrap() >= 1);
        let text = "Too many attempts. Try again in 5 minutes.";
        assert!(page.shows(text) && page.shows("<form"), "{}", page.body);
        assert!(page.set_cookies().is_empty());
    }
    // The form of a function shows the refusal on its page.
    let page = anyone.form("/functions/login", &right).await;
    assert!(!page.cookie_names().contains(&SESSION.to_owned()));
    let shown = anyone.get(page.header("location")).await;
    assert!(shown.shows("429 Too Many Requests"), "{}", shown.body);
    assert!(is_in(&user).await);
}

#[tokio::test]
async fn failures_survive_a_restart_and_a_crash_and_hold_for_two_servers() {
    let place = Place::new();
    let server = place.demo(&[LONG]).await;
    fail(&server.client(), "user01", 2).await;
    server.stop().await;
    let server = place.demo(&[LONG]).await;
    fail(&server.client(), "user01", 2).await;
    server.kill().await;
    let [one, other] = [place.demo(&[LONG]).await, place.demo(&[LONG]).await];
    fail(&one.client(), "user01", 1).await;
    for server in [one, other] {
        throttled(&log_in(&server.client(), "user01", "user_01").await);
    }
}

#[tokio::test]
async fn the_limit_is_logged_once_with_the_address_and_the_name_only_of_a_user() {
    let server = server(&[]).await;
    let client = server.client();
    for name in ["user01", "perhaps-a-password"] {
        fail(&client, name, 5).await;
        for _ in 0..5 {
            throttled(&log_in(&client, name, "wrong").await);
        }
    }
    let log = server.place.log();
    let event = "excess_rate_limit_exceeded";
    let logged: Vec<_> = log.lines().filter(|line| line.contains(event)).collect();
    assert_eq!(logged.len(), 2, "{log}");
    for line in &logged {
        assert!(line.contains("127.0.0.1") && line.contains("account_wait=300"), "{log}");
    }
    let of_user01 = "user=\"user01\"";
    assert!(logged[0].contains(of_user01) && !logged[1].contains("user="), "{log}");
    assert!(!log.contains("perhaps-a-password"), "{log}");
}

#[tokio::test]
async fn limits_that_make_no_sense_keep_the_server_from_starting() {
    let place = Place::new();
    for (variable, value, said) in [
        ("THROTTLE_ACCOUNT_FAILURES", "0", "throttle.account_failures"),
        ("THROTTLE_ACCOUNT_FAILURES", "0", "must be at least 1"),
        ("PROXIES_TRUSTED", "10.0.0.0/33", "10.0.0.0/33"),
        ("PROXIES_TRUSTED", "localhost", "localhost"),
        ("PROXIES_HEADER", "x-real-ip", "x-real-ip"),
        ("PROXIES_HEADER", "forwarded", "Use \"x-forwarded-for\""),
    ] {
        let variable = format!("CALLGATE_{variable}");
        let ran = place.refused(&["--demo"], &[(variable.as_str(), value)]).await;
        assert!(ran.error.contains(said), "{variable}: {}", ran.error);
    }
}

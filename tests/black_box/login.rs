//! What a login leaves behind in the log, and how it behaves under load.

use futures::future::join_all;

use crate::{
    client::{REMEMBER, SESSION},
    server::{Place, Server},
};

/// security check 109, a sample: secrets are in no log, at any level
#[tokio::test]
async fn no_password_and_no_token_is_ever_logged() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_LOG_FILTER", "trace")]).await;
    place.add_user("alice", "canary-stored 7 zebras").await;
    let client = server.client();
    for body in [
        r#"{"user_id":"alice","password":"canary-wrong"}"#,
        r#"{"user_id":"nobody","passwd_hash":"canary-unknown"}"#,
        r#"{"user_id":"alice","password":"canary-shape","password":"canary-shape"}"#,
        r#"{"user_id":"alice","password":"canary-broken"#,
        r#"{"user_id":"alice","password":"canary-stored 7 zebras"}"#,
    ] {
        client.json("/api/login", body).await;
    }
    client
        .form("/login", &[("user_id", "alice"), ("password", "canary-form")])
        .await;
    let (session, remember) = (client.session(), client.cookie(REMEMBER).unwrap());
    client.drop_cookie(SESSION);
    assert!(client.who().await.is_some());
    client.json("/api/logout", "{}").await;
    place
        .done(&["user", "passwd", "alice"], "canary-changed 7 zebras")
        .await;
    let log = place.log();
    assert!(log.contains("DEBUG"), "the log is on");
    for secret in ["canary-", session.as_str(), remember.split('.').next_back().unwrap()] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

/// security check 100, a sample
#[tokio::test]
async fn more_logins_than_can_be_hashed_are_told_to_come_back_and_the_others_go_on() {
    let place = Place::new();
    let server = place
        .demo(&[
            ("CALLGATE_PASSWORDS_ITERATIONS", "8"),
            ("CALLGATE_PASSWORDS_PERMITS", "1"),
            ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "1"),
        ])
        .await;
    let user = server.user01().await;
    let logins = (0..12).map(|_| {
        let client = server.client();
        async move {
            let body = r#"{"user_id":"user01","password":"user_01"}"#;
            let reply = client.json("/api/login", body).await;
            if reply.status == 503 {
                assert_eq!(reply.code(), "busy");
                let seconds: u32 = reply.header("retry-after").parse().unwrap();
                assert!(seconds >= 1);
                assert!(reply.set_cookies().is_empty());
            } else {
                assert_eq!(reply.status, 200, "{}", reply.body);
            }
            reply.status
        }
    });
    let (statuses, who) = tokio::join!(join_all(logins), user.who());
    assert_eq!(who.as_deref(), Some("user01"));
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.contains(&503), "{statuses:?}");
}

/// security check 27, for logins of different users at once
#[tokio::test]
async fn logins_at_the_same_moment_never_mix_users() {
    let server = Server::quick_demo().await;
    let logins = (0..30).map(|number| {
        let server = &server;
        async move {
            let (user, password) = [("user01", "user_01"), ("user02", "user_02"), ("user03", "user_03")][number % 3];
            let client = server.logged_in(user, password).await;
            for _ in 0..3 {
                assert_eq!(client.who().await.as_deref(), Some(user));
            }
        }
    });
    join_all(logins).await;
}

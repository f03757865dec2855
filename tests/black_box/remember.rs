//! Remembered browsers: logged in again without a password, and only as long as they should be. Security check 31.

use futures::future::join_all;

use crate::{
    client::{Client, REMEMBER, SESSION},
    server::{Place, QUICK, ROOM_FOR_THREE, Server},
};

const LOGIN: &str = r#"{"user_id":"user01","password":"user_01","remember":true}"#;

pub async fn remembered(server: &Server) -> Client {
    let client = server.client();
    let reply = client.json("/api/login", LOGIN).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(client.cookie(REMEMBER).map(|value| value.len()), Some(43 + 1 + 43));
    client
}

fn token(client: &Client) -> String {
    client.cookie(REMEMBER).expect("a remembered browser")
}

/// security checks 31 and 36
#[tokio::test]
async fn a_remembered_browser_is_logged_in_again_and_its_token_changes_at_every_use() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let mut seen = vec![token(&client)];
    for _ in 0..3 {
        let before = client.session();
        client.drop_cookie(SESSION);
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!(reply.message(), "auth_func({}),user_id=user01");
        assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
        assert_ne!(client.session(), before);
        assert!(!seen.contains(&token(&client)), "the token was used again");
        seen.push(token(&client));
        // The lifetime is not prolonged by use.
        let age = reply.set_cookies().iter().find_map(|cookie| cookie.max_age).unwrap();
        assert!((2_591_900..=2_592_000).contains(&age), "{age}");
        // With a live session the token rests.
        let reply = client.json("/api/auth_func", "{}").await;
        assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
    }
    let mut database = server.place.database().await;
    assert_eq!(database.count("remembered").await, 1);
}

#[tokio::test]
async fn a_page_logs_a_remembered_browser_in_too() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    client.drop_cookie(SESSION);
    let page = client.get("/").await;
    assert!(page.shows("Logged in as"), "{}", page.body);
    assert_eq!(page.cookie_names(), [SESSION, REMEMBER]);
    assert_eq!(
        client.with_only(SESSION, &client.session()).who().await.as_deref(),
        Some("user01")
    );
}

/// security check 32
#[tokio::test]
async fn a_remembered_login_is_not_fresh() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let mut database = server.place.database().await;
    let weak = r#"{"new_password":"x"}"#;
    // Fresh: the guard lets it in, and the arguments are refused.
    assert_eq!(
        client.json("/api/change_password", weak).await.code(),
        "invalid_arguments"
    );
    database.change("DELETE FROM sessions").await;
    assert!(client.who().await.is_some());
    let reply = client.json("/api/change_password", weak).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "fresh_login_required"));
}

#[tokio::test]
async fn a_token_that_is_used_again_ends_all_that_came_of_it() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    for old in 0..2 {
        let owner = remembered(&server).await;
        let mut tokens = vec![token(&owner)];
        let elsewhere = remembered(&server).await;
        // The owner goes on, once or twice, and a copy of the first token comes after that.
        for _ in 0..=old {
            owner.drop_cookie(SESSION);
            assert!(owner.who().await.is_some());
            tokens.push(token(&owner));
        }
        // Later than a request of the owner's own could come that was under way at that moment.
        database
            .change("UPDATE remembered SET rotated_at = rotated_at - 11000")
            .await;
        let thief = owner.with_only(REMEMBER, &tokens[0]);
        let reply = thief.json("/api/auth_func", "{}").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
        assert_eq!(reply.cookie_names(), [REMEMBER]);
        assert_eq!(thief.cookie(REMEMBER), None);
        // Whoever of the two is the thief, the series is over, and its sessions are.
        assert_eq!(owner.with_only(SESSION, &owner.session()).who().await, None);
        for value in tokens {
            assert_eq!(owner.with_only(REMEMBER, &value).who().await, None);
        }
        // Another browser of the user is none of that.
        assert_eq!(elsewhere.who().await.as_deref(), Some("user01"));
        elsewhere.drop_cookie(SESSION);
        assert_eq!(elsewhere.who().await.as_deref(), Some("user01"));
    }
    assert!(server.place.log().contains("used twice"), "{}", server.place.log());
}

#[tokio::test]
async fn a_tampered_token_is_ignored_and_cleared() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let good = token(&client);
    let (series, secret) = good.split_once('.').unwrap();
    let zeros = "A".repeat(43);
    for bad in [
        String::new(),
        "x".to_owned(),
        ".".to_owned(),
        series.to_owned(),
        format!("{series}."),
        format!(".{secret}"),
        format!("{zeros}.{secret}"),
        format!("{secret}.{series}"),
        format!("{good}.x"),
        format!("user01|{}", "0".repeat(128)),
    ] {
        let visitor = client.with_only(REMEMBER, &bad);
        let reply = visitor.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 401, "{bad}");
        assert_eq!(reply.cookie_names(), [REMEMBER], "{bad}");
        assert_eq!(visitor.cookie(REMEMBER), None, "{bad}");
    }
    // None of that harmed the browser whose token it was made from.
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_guessed_token_for_a_known_series_logs_nobody_in() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let good = token(&client);
    let (series, _) = good.split_once('.').unwrap();
    let guess = client.with_only(REMEMBER, &format!("{series}.{}", "A".repeat(43)));
    let reply = guess.json("/api/auth_func", "{}").await;
    assert_eq!(reply.status, 401);
    assert_eq!(guess.cookie(REMEMBER), None);
    // A token from one series opens no other.
    let (one, two) = (remembered(&server).await, remembered(&server).await);
    let mixed = format!(
        "{}.{}",
        token(&one).split_once('.').unwrap().0,
        token(&two).split_once('.').unwrap().1
    );
    assert_eq!(client.with_only(REMEMBER, &mixed).who().await, None);
}

#[tokio::test]
async fn a_logout_forgets_the_browser() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let copied = client.clone();
    let reply = client.json("/api/logout", "{}").await;
    assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
    assert_eq!(copied.with_only(REMEMBER, &token(&copied)).who().await, None);
    assert_eq!(copied.who().await, None);
    assert_eq!(client.who().await, None);
    let mut database = server.place.database().await;
    assert_eq!(database.count("remembered").await, 0);
    assert_eq!(database.count("sessions").await, 0);

    // Also where the session was over, and the logout itself is what the browser was remembered for.
    let client = remembered(&server).await;
    let copied = client.clone();
    client.drop_cookie(SESSION);
    let reply = client.json("/api/logout", "{}").await;
    assert_eq!(reply.message(), "user <user01> logout");
    assert_eq!((client.cookie(SESSION), client.cookie(REMEMBER)), (None, None));
    assert_eq!(copied.with_only(REMEMBER, &token(&copied)).who().await, None);
    assert_eq!(database.count("remembered").await, 0);
}

#[tokio::test]
async fn a_logout_on_a_program_that_kept_only_its_session_forgets_the_browser_too() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let value = token(&client);
    client.drop_cookie(REMEMBER);
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
    assert_eq!(client.with_only(REMEMBER, &value).who().await, None);
}

#[tokio::test]
async fn logging_in_again_lets_go_of_the_series_before() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let before = token(&client);
    client
        .json(
            "/api/login",
            r#"{"user_id":"user02","password":"user_02","remember":false}"#,
        )
        .await;
    assert_eq!(client.cookie(REMEMBER), None);
    assert_eq!(client.with_only(REMEMBER, &before).who().await, None);
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await, None);
}

/// security checks 27 and 31
#[tokio::test]
async fn calls_at_the_same_moment_with_one_token_never_lock_the_user_out() {
    let server = Server::quick_demo().await;
    for _ in 0..3 {
        let client = remembered(&server).await;
        client.drop_cookie(SESSION);
        let calls = (0..20).map(|_| {
            let tab = client.clone();
            async move {
                let user = tab.who().await;
                (user, tab)
            }
        });
        let tabs = join_all(calls).await;
        let users: Vec<_> = tabs.iter().map(|(user, _)| user.as_deref()).collect();
        assert_eq!(users, [Some("user01"); 20]);
        // Each tab goes on, and so does the browser with the one token that is good now.
        for (_, tab) in &tabs {
            let session = tab.with_only(SESSION, &tab.session());
            assert_eq!(session.who().await.as_deref(), Some("user01"));
        }
        let old = token(&client);
        let new: Vec<String> = tabs
            .iter()
            .map(|(_, tab)| token(tab))
            .filter(|value| *value != old)
            .collect();
        assert_eq!(new.len(), 1, "one of the calls changes the token");
        let later = client.with_only(REMEMBER, &new[0]);
        assert_eq!(later.who().await.as_deref(), Some("user01"));
    }
}

/// security check 26, for sessions that a remembered browser begins
#[tokio::test]
async fn calls_that_log_a_browser_in_again_do_not_outlive_its_logout() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    for _ in 0..4 {
        let client = remembered(&server).await;
        client.drop_cookie(SESSION);
        database.change("DELETE FROM sessions").await;
        let calls = (0..20).map(|number| {
            let tab = client.clone();
            async move {
                if number == 10 {
                    tab.json("/api/logout", "{}").await;
                } else {
                    tab.json("/api/auth_func", "{}").await;
                }
                tab
            }
        });
        let tabs = join_all(calls).await;
        let mut alive = 0;
        for tab in &tabs {
            if let Some(session) = tab.cookie(SESSION) {
                alive += usize::from(tab.with_only(SESSION, &session).who().await.is_some());
            }
        }
        assert_eq!(alive, 0, "of 19 sessions, so many live on after the logout");
        assert_eq!(database.count("remembered").await, 0);
        assert_eq!(database.count("sessions").await, 0);
    }
}

#[tokio::test]
async fn a_browser_beyond_the_limit_has_the_one_forgotten_that_was_used_longest_ago() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let other = server.client();
    let login = r#"{"user_id":"user02","password":"user_02","remember":true}"#;
    assert_eq!(other.json("/api/login", login).await.status, 200);
    let (first, second, third) = (
        remembered(&server).await,
        remembered(&server).await,
        remembered(&server).await,
    );
    // It is the use of a session that counts, and not only when its browser was last logged in: all but the second are used.
    let mut database = server.place.database().await;
    let used = "UPDATE sessions SET last_used_at = last_used_at + 1000 WHERE user_id = 'user01' AND token_hash <>
                (SELECT token_hash FROM sessions WHERE user_id = 'user01' ORDER BY logged_in_at LIMIT 1 OFFSET 1)";
    assert_eq!(database.change(used).await, 2);
    let fourth = remembered(&server).await;
    let told = "SELECT COUNT(*) FROM events WHERE action = 'surplus_ended' AND actor = 'user01' AND about = '1'";
    assert_eq!(database.number(told).await, 1);
    assert_eq!(second.with_only(SESSION, &second.session()).who().await, None);
    assert_eq!(second.with_only(REMEMBER, &token(&second)).who().await, None);
    let reply = second.json("/api/auth_func", "{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
    assert_eq!(reply.cookie_names(), [REMEMBER]);
    for (client, user) in [
        (&first, "user01"),
        (&third, "user01"),
        (&fourth, "user01"),
        (&other, "user02"),
    ] {
        assert_eq!(client.who().await.as_deref(), Some(user));
        client.drop_cookie(SESSION);
        assert_eq!(client.who().await.as_deref(), Some(user));
    }
    assert_eq!(database.count("remembered").await, 4);
    assert_eq!(database.count("sessions WHERE user_id = 'user01'").await, 3);
}

/// As a program leaves them that logs in anew at each run, for a user who has a browser as well.
#[tokio::test]
async fn logins_that_nobody_goes_on_with_make_room_before_a_browser_that_came_back() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let person = remembered(&server).await;
    person.drop_cookie(SESSION);
    assert_eq!(person.who().await.as_deref(), Some("user01"));
    for _ in 0..5 {
        remembered(&server).await;
    }
    assert_eq!(person.who().await.as_deref(), Some("user01"));
    assert_eq!(server.place.database().await.count("remembered").await, 3);
}

/// security check 27
#[tokio::test]
async fn a_browser_that_logs_in_again_takes_its_own_place_and_nobody_elses() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let others = [remembered(&server).await, remembered(&server).await];
    let again = remembered(&server).await;
    for _ in 0..4 {
        let (session, token) = (again.session(), token(&again));
        assert_eq!(again.json("/api/login", LOGIN).await.status, 200);
        assert_eq!(again.with_only(SESSION, &session).who().await, None);
        assert_eq!(again.with_only(REMEMBER, &token).who().await, None);
    }
    for client in others.iter().chain([&again]) {
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
    let mut database = server.place.database().await;
    assert_eq!(database.count("remembered").await, 3);
    assert_eq!(database.count("sessions").await, 3);
    assert_eq!(database.count("events WHERE action = 'surplus_ended'").await, 0);
}

#[tokio::test]
async fn logins_at_the_same_moment_leave_no_more_browsers_than_there_may_be() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let logins = (0..10).map(|_| async {
        let client = server.client();
        let reply = client.json("/api/login", LOGIN).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        client
    });
    let mut alive = 0;
    for client in join_all(logins).await {
        alive += usize::from(client.who().await.is_some());
    }
    assert_eq!(alive, 3);
    let mut database = server.place.database().await;
    assert_eq!(database.count("remembered").await, 3);
    assert_eq!(database.count("sessions").await, 3);
}

/// security checks 31 and 40
#[tokio::test]
async fn a_restart_forgets_no_browser() {
    let place = Place::new();
    let server = place.demo(QUICK).await;
    let client = remembered(&server).await;
    client.drop_cookie(SESSION);
    server.kill().await;
    let server = place.demo(QUICK).await;
    assert_eq!(client.moved_to(&server.client()).who().await.as_deref(), Some("user01"));
}

/// security checks 31 and 34
#[tokio::test]
async fn a_browser_is_forgotten_when_its_user_is_kept_out() {
    for (command, typed) in [("disable", ""), ("delete", ""), ("passwd", "another password")] {
        let server = Server::quick_demo().await;
        let client = remembered(&server).await;
        server.place.done(&["user", command, "user01"], typed).await;
        client.drop_cookie(SESSION);
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 401, "{command}");
        assert_eq!(reply.cookie_names(), [REMEMBER], "{command}");
        if command == "disable" {
            // Letting the user in again brings no old browser back.
            server.place.done(&["user", "enable", "user01"], "").await;
            assert_eq!(client.who().await, None);
        }
        assert_eq!(server.place.database().await.count("remembered").await, 0, "{command}");
    }
}

#[tokio::test]
async fn a_browser_is_forgotten_after_thirty_days_whatever_it_sends() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let mut database = server.place.database().await;
    let day = 24 * 60 * 60 * 1000_i64;
    let age = |days: i64| format!("UPDATE remembered SET expires_at = expires_at - {}", days * day);
    assert_eq!(database.change(&age(29)).await, 1);
    client.drop_cookie(SESSION);
    let reply = client.json("/api/auth_func", "{}").await;
    assert_eq!(reply.status, 200);
    let age_left = reply.set_cookies().iter().find_map(|cookie| cookie.max_age).unwrap();
    assert!((86_000..=86_400).contains(&age_left), "{age_left}");
    assert_eq!(database.change(&age(1)).await, 1);
    client.drop_cookie(SESSION);
    let reply = client.json("/api/auth_func", "{}").await;
    assert_eq!((reply.status, reply.cookie_names()), (401, vec![REMEMBER.to_owned()]));
}

#[tokio::test]
async fn how_long_a_browser_is_remembered_is_a_setting() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_SESSIONS_REMEMBER_SECONDS", "77")]).await;
    let reply = server.client().json("/api/login", LOGIN).await;
    let ages: Vec<_> = reply.set_cookies().iter().map(|cookie| cookie.max_age).collect();
    assert!(ages.contains(&Some(77)), "{ages:?}");
}

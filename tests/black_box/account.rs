//! One's own account: the password and its rules, and where one is logged in. Security checks 33, 35, 41, 42 and 44.

use futures::future::join_all;
use serde_json::Value;

use crate::{
    client::{Client, REMEMBER, Reply, SESSION},
    server::{Place, QUICK, Server},
};

const NEW: &str = "seven small zebras swim";

async fn change(client: &Client, password: &str) -> Reply {
    let body = serde_json::json!({ "new_password": password }).to_string();
    client.json("/api/change_password", &body).await
}

async fn can_log_in(server: &Server, password: &str) -> bool {
    let body = serde_json::json!({"user_id": "user01", "password": password, "remember": false});
    server.client().json("/api/login", &body.to_string()).await.status == 200
}

async fn remembered(server: &Server) -> Client {
    let client = server.client();
    let reply = client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    assert_eq!(reply.status, 200);
    client
}

async fn list(client: &Client) -> Vec<Value> {
    client.json("/api/my_sessions", "{}").await.value()["sessions"]
        .as_array()
        .unwrap()
        .clone()
}

fn id(session: &Value) -> &str {
    session["id"].as_str().unwrap()
}

async fn end(client: &Client, id: &str) -> Reply {
    client
        .json("/api/end_session", &serde_json::json!({ "id": id }).to_string())
        .await
}

/// security check 33
#[tokio::test]
async fn another_password_ends_everything_but_this_session_which_is_renewed() {
    let server = Server::quick_demo().await;
    let (client, browser) = (remembered(&server).await, remembered(&server).await);
    let program = server.user01().await;
    let stranger = server.logged_in("user02", "user_02").await;
    let (session, remember) = (client.session(), client.cookie(REMEMBER).unwrap());

    let reply = change(&client, NEW).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_ne!(client.session(), session);
    assert_eq!(client.with_only(SESSION, &session).who().await, None);
    assert_eq!(client.cookie(REMEMBER), None, "it is told that it is forgotten");
    assert_eq!(client.with_only(REMEMBER, &remember).who().await, None);
    assert_eq!(program.who().await, None);
    assert_eq!(browser.who().await, None);
    browser.drop_cookie(SESSION);
    assert_eq!(browser.who().await, None);
    assert_eq!(stranger.who().await.as_deref(), Some("user02"));
    assert!(can_log_in(&server, NEW).await && !can_log_in(&server, "user_01").await);
}

/// security check 33, under way
#[tokio::test]
async fn no_other_session_gets_in_once_the_change_was_answered() {
    let server = Server::quick_demo().await;
    let (client, other) = (server.user01().await, server.user01().await);
    let calls = (0..20).map(|_| other.json("/api/auth_func", "{}"));
    let (changed, _) = tokio::join!(change(&client, NEW), join_all(calls));
    assert_eq!(changed.status, 200);
    let after = join_all((0..20).map(|_| other.json("/api/auth_func", "{}"))).await;
    assert!(after.iter().all(|reply| reply.status == 401));
}

#[tokio::test]
async fn of_two_changes_at_once_one_password_is_left() {
    let server = Server::quick_demo().await;
    let (one, other) = (server.user01().await, server.user01().await);
    let (first, second) = tokio::join!(
        change(&one, "seven brown zebras swim"),
        change(&other, "seven green zebras swim")
    );
    assert!([first.status, second.status].contains(&200));
    let brown = can_log_in(&server, "seven brown zebras swim").await;
    let green = can_log_in(&server, "seven green zebras swim").await;
    assert!(brown != green, "{brown} {green}");
    let live = [one.who().await, other.who().await];
    assert!(live.iter().flatten().count() <= 1, "{live:?}");
}

/// Whoever logs in waits for the same hashing: no user can fill its line with changes of their own.
#[tokio::test]
async fn of_many_changes_at_once_one_is_worked_on_and_others_log_in_meanwhile() {
    // So dear that the others come while the first is under way.
    let dear = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
        ("CALLGATE_PASSWORDS_ITERATIONS", "8"),
    ];
    let server = Place::new().demo(&[QUICK, &dear].concat()).await;
    let client = server.user01().await;
    let changes = join_all((0..100).map(|_| change(&client, NEW)));
    let (replies, other) = tokio::join!(changes, server.logged_in("user02", "user_02"));
    let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    // Those that come after the change are of a session that has ended.
    assert_eq!((of(200), of(503) + of(401)), (1, 99));
    assert!(of(503) > 0);
    for reply in replies.iter().filter(|reply| reply.status == 503) {
        assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("busy", "1"));
    }
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    assert_eq!(change(&other, "seven brown zebras swim").await.status, 200);
    assert!(can_log_in(&server, NEW).await);
}

fn problem(reply: &Reply) -> String {
    assert_eq!(reply.status, 422, "{}", reply.body);
    let fault = reply.value()["faults"][0].clone();
    assert_eq!(fault["field"], "new_password");
    fault["problem"].as_str().unwrap().to_owned()
}

/// security checks 41 and 42
#[tokio::test]
async fn a_password_is_long_enough_and_not_easily_guessed_and_that_is_all() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let long: String = "schnörkel und 7 zebras; ".chars().cycle().take(257).collect();
    for (bad, why) in [
        ("fourteen zebra", "at least 15 characters"),
        (&long, "at most 256 characters"),
        ("passwordpassword", "too easily guessed"),
        ("1234567890123456", "too easily guessed"),
        ("qwertyuiopasdfgh", "too easily guessed"),
        ("my name is User01!", "the name of the user"),
        ("callgate is fine with me", "the name of this program"),
    ] {
        let reply = change(&client, bad).await;
        assert!(problem(&reply).contains(why), "{bad}: {}", reply.body);
        assert!(!reply.body.contains(bad), "{}", reply.body);
    }
    assert!(can_log_in(&server, "user_01").await, "nothing has changed");
    let edge: String = long.chars().take(256).collect();
    for good in [
        "fifteen zebra ok",
        "  two  spaces  each  way  ",
        "🦀🦞🦐🦑🐙🐚🐠🐟🐡🦈🐳🐋🐬🦭🐊",
        "\"';--<b>%00\\x zebra",
        &edge,
    ] {
        assert_eq!(change(&client, good).await.status, 200, "{good}");
        assert!(can_log_in(&server, good).await, "{good}");
        assert!(
            !can_log_in(&server, good.trim_end_matches(|last| good.ends_with(last))).await,
            "its end counts"
        );
    }
}

#[tokio::test]
async fn behind_a_second_factor_eight_characters_may_do() {
    let mut settings = QUICK.to_vec();
    settings.push(("CALLGATE_PASSWORDS_MIN_CHARS", "8"));
    let server = Place::new().demo(&settings).await;
    let client = server.user01().await;
    assert!(problem(&change(&client, "zebra 7").await).contains("at least 8"));
    assert!(problem(&change(&client, "football1").await).contains("too easily guessed"));
    assert_eq!(change(&client, "7 Zebrax!").await.status, 200);
}

/// security check 44
#[tokio::test]
async fn it_does_not_matter_how_an_accent_was_put_together() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    assert_eq!(change(&client, "zw\u{f6}lf gr\u{fc}ne Zebras").await.status, 200);
    assert!(can_log_in(&server, "zwo\u{308}lf gru\u{308}ne Zebras").await);
    assert!(!can_log_in(&server, "zwolf grune Zebras").await);
    // Nor does it matter how long it gets by that: put together it is as long as a password may be.
    let composed: String = "zw\u{f6}lf gr\u{fc}ne und \u{e4}hnlich sch\u{f6}ne 7 Z\u{e9}bras, "
        .chars()
        .cycle()
        .take(256)
        .collect();
    let decomposed = composed
        .replace('\u{f6}', "o\u{308}")
        .replace('\u{fc}', "u\u{308}")
        .replace('\u{e4}', "a\u{308}")
        .replace('\u{e9}', "e\u{301}");
    assert_eq!(change(&client, &composed).await.status, 200);
    assert!(can_log_in(&server, &composed).await);
    assert!(can_log_in(&server, &decomposed).await);
}

/// security check 35
#[tokio::test]
async fn one_sees_where_one_is_logged_in() {
    let server = Server::quick_demo().await;
    let firefox = server.client();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    firefox
        .request("POST", "/api/login")
        .header("content-type", "application/json")
        .header("user-agent", agent)
        .body(r#"{"user_id":"user01","password":"user_01"}"#)
        .send()
        .await;
    server.logged_in("user02", "user_02").await;
    let client = server.user01().await;
    let sessions = list(&client).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let (own, other) = match sessions[0]["current"] == true {
        true => (&sessions[0], &sessions[1]),
        false => (&sessions[1], &sessions[0]),
    };
    assert_eq!(
        (&own["current"], &own["remembered"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert_eq!(other["device"], "Firefox on Linux");
    assert_eq!(
        (&other["current"], &other["remembered"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    for session in &sessions {
        assert_eq!(session["address"], "127.0.0.1");
        for moment in ["logged_in_at", "last_used_at"] {
            assert!(session[moment].as_str().unwrap().ends_with('Z'), "{session}");
        }
        // The id opens nothing.
        for cookie in [SESSION, REMEMBER] {
            assert_eq!(client.with_only(cookie, id(session)).who().await, None);
        }
    }
    let page = client.get("/account").await;
    assert!(
        page.shows("Firefox on Linux, 127.0.0.1") && page.shows("this session"),
        "{}",
        page.body
    );
    assert!(!server.client().get("/account").await.shows("127.0.0.1"));
}

/// security check 35
#[tokio::test]
async fn one_ends_a_session_and_it_cannot_come_back() {
    let server = Server::quick_demo().await;
    let (client, other, third) = (server.user01().await, remembered(&server).await, server.user01().await);
    let sessions = list(&client).await;
    let target = sessions.iter().find(|session| session["remembered"] == true).unwrap();
    assert_eq!(end(&client, id(target)).await.status, 200);
    assert_eq!(other.with_only(SESSION, &other.session()).who().await, None);
    assert_eq!(
        other.with_only(REMEMBER, &other.cookie(REMEMBER).unwrap()).who().await,
        None
    );
    assert!(client.who().await.is_some() && third.who().await.is_some());
    assert_eq!(list(&client).await.len(), 2);
}

#[tokio::test]
async fn a_remembered_browser_is_listed_and_ended_while_it_has_no_session() {
    let server = Server::quick_demo().await;
    let browser = remembered(&server).await;
    server.place.database().await.change("DELETE FROM sessions").await;
    let client = server.user01().await;
    let sessions = list(&client).await;
    let target = sessions
        .iter()
        .find(|session| session["remembered"] == true)
        .expect("it is listed");
    assert_eq!(end(&client, id(target)).await.status, 200);
    browser.drop_cookie(SESSION);
    assert_eq!(browser.who().await, None);
}

/// security check 55
#[tokio::test]
async fn the_session_of_somebody_else_is_as_if_it_were_not_there() {
    let server = Server::quick_demo().await;
    let (client, stranger) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let foreign = list(&stranger).await;
    let replies = [
        end(&client, id(&foreign[0])).await,
        end(&client, "AAAAAAAAAAAAAAAA").await,
        end(&client, "' OR 1=1 --").await,
    ];
    for reply in &replies {
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
        assert_eq!(reply.without_reference(), replies[0].without_reference());
    }
    assert!(stranger.who().await.is_some());
}

#[tokio::test]
async fn ending_the_present_session_is_logging_out() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let (session, remember) = (client.session(), client.cookie(REMEMBER).unwrap());
    let sessions = list(&client).await;
    assert_eq!(end(&client, id(&sessions[0])).await.status, 200);
    assert_eq!((client.cookie(SESSION), client.cookie(REMEMBER)), (None, None));
    assert_eq!(client.with_only(SESSION, &session).who().await, None);
    assert_eq!(client.with_only(REMEMBER, &remember).who().await, None);
}

#[tokio::test]
async fn one_ends_all_others_at_once_and_stays_remembered_oneself() {
    let server = Server::quick_demo().await;
    let (client, browser, program) = (
        remembered(&server).await,
        remembered(&server).await,
        server.user01().await,
    );
    let stranger = server.logged_in("user02", "user_02").await;
    let reply = client.json("/api/end_other_sessions", "{}").await;
    assert_eq!(reply.message(), "2 other sessions ended");
    assert_eq!(program.who().await, None);
    browser.drop_cookie(SESSION);
    assert_eq!(browser.who().await, None);
    assert!(stranger.who().await.is_some());
    let reply = client.json("/api/end_other_sessions", "{}").await;
    assert_eq!(reply.message(), "there was no other session");
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn ending_an_older_session_of_the_same_browser_leaves_the_present_one() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let older = client.session();
    client.drop_cookie(SESSION);
    let sessions = list(&client).await;
    let target = sessions
        .iter()
        .find(|session| session["current"] == false)
        .expect("the older one");
    assert_eq!(end(&client, id(target)).await.status, 200);
    assert_eq!(client.with_only(SESSION, &older).who().await, None);
    assert!(client.who().await.is_some());
    client.drop_cookie(SESSION);
    assert!(client.who().await.is_some(), "and it is still remembered");
}

#[tokio::test]
async fn the_account_page_works_without_script() {
    let server = Server::quick_demo().await;
    let (client, other) = (server.user01().await, server.user01().await);
    let sessions = list(&client).await;
    let target = sessions.iter().find(|session| session["current"] == false).unwrap();
    let page = client.get("/account").await;
    assert!(
        page.shows(&format!(r#"name="id" value="{}""#, id(target))),
        "{}",
        page.body
    );
    let reply = client
        .form(
            "/functions/end_session",
            &[("id", id(target)), ("then-page", "/account")],
        )
        .await;
    assert_eq!((reply.status, reply.header("location")), (303, "/account"));
    assert_eq!(other.who().await, None);
    // A way on that leads elsewhere is not followed.
    let reply = client
        .form("/functions/end_other_sessions", &[("then-page", "//evil.example")])
        .await;
    assert_eq!(reply.header("location"), "/functions/end_other_sessions#reply");
}

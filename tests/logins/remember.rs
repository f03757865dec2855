//! Remembered browsers: logged in again without a password, by a token that changes at each use.

use serde_json::json;

use super::steps::{is_in, log_in, remembered, token, without_session, works};
use crate::support::{
    client::{Client, REMEMBER, SESSION},
    place::Place,
    server::{Server, THREE_SESSIONS},
};

#[tokio::test]
async fn a_remembered_browser_is_logged_in_again_and_its_token_changes_at_every_use() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    let mut seen = vec![token(&client)];
    for is_page in [false, true, false] {
        let before = client.session();
        client.drop_cookie(SESSION);
        let reply = if is_page {
            client.get("/").await
        } else {
            client.json("/api/auth_func", "{}").await
        };
        let shown = if is_page { "Logged in as" } else { "user_id=user01" };
        assert!(reply.shows(shown), "{}", reply.body);
        assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
        assert_ne!(client.session(), before);
        assert!(works(&client, SESSION, &client.session()).await);
        assert!(!seen.contains(&token(&client)), "the token was used again");
        seen.push(token(&client));
        // With a live session the token rests.
        let reply = client.json("/api/auth_func", "{}").await;
        assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
    }
    assert_eq!(server.place.database().await.count("remembered").await, 1);
}

#[tokio::test]
async fn a_token_that_is_used_again_ends_all_that_came_of_it() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    for old in 0..2 {
        let owner = remembered(&server).await;
        let mut tokens = vec![token(&owner)];
        let elsewhere = remembered(&server).await;
        // The owner gets a new token once or twice, and then somebody uses a copy of the first one.
        for _ in 0..=old {
            owner.drop_cookie(SESSION);
            assert!(is_in(&owner).await);
            // A use of the new session shows the server that its answer has arrived.
            assert!(is_in(&owner).await);
            tokens.push(token(&owner));
        }
        // Too late for a concurrent request of the owner, which may still bring the old token.
        let later = "UPDATE remembered SET rotated_at = rotated_at - 11000";
        assert_eq!(database.change(later).await, 2);
        let thief = owner.with_only(REMEMBER, &tokens[0]);
        let reply = thief.json("/api/auth_func", "{}").await;
        reply.assert_refused(401, "not_logged_in");
        assert_eq!(reply.cookie_names(), [REMEMBER]);
        assert_eq!(thief.cookie(REMEMBER), None);
        // Either of the two may be the thief: the series ends, with its sessions.
        assert!(!works(&owner, SESSION, &owner.session()).await);
        for value in tokens {
            assert!(!works(&owner, REMEMBER, &value).await);
        }
        // Another browser of the user is not affected.
        assert!(is_in(&elsewhere).await && is_in(&without_session(&elsewhere)).await);
        log_in(&elsewhere, "user01", "user_01").await;
    }
    assert!(server.place.log().contains("used twice"), "{}", server.place.log());
}

/// A browser that was logged in again but did not get the answer, and a client with the cookies of that answer.
async fn after_a_lost_answer(server: &Server) -> (Client, Client) {
    let browser = without_session(&remembered(server).await);
    let lost = browser.clone();
    assert!(is_in(&lost).await);
    assert_ne!(token(&lost), token(&browser));
    (browser, lost)
}

/// Sets the last use of sessions and the last change of tokens back by `seconds`.
async fn pass(server: &Server, seconds: u32) {
    let mut database = server.place.database().await;
    for column in [
        "sessions SET last_used_at = last_used_at",
        "remembered SET rotated_at = rotated_at",
    ] {
        database.change(&format!("UPDATE {column} - {seconds}000")).await;
    }
}

#[tokio::test]
async fn a_browser_whose_answer_got_lost_is_logged_in_once_more_within_a_minute() {
    let server = Server::demo().await;
    let (browser, lost) = after_a_lost_answer(&server).await;
    pass(&server, 20).await;
    let reloaded = browser.clone();
    assert!(is_in(&reloaded).await);
    assert!(![token(&browser), token(&lost)].contains(&token(&reloaded)));
    assert!(
        !works(&lost, SESSION, &lost.session()).await,
        "what was sent with the lost answer is over"
    );
    assert!(is_in(&without_session(&reloaded)).await);
    let admin = server.admin().await;
    let events = admin
        .done("list_events", json!({"user": "user01", "action": "login"}))
        .await;
    assert!(events.to_string().contains(r#""about":"remembered_again""#), "{events}");

    // Once only, and the token that was lost is good for nothing either.
    for is_lost in [false, true] {
        let (browser, lost) = after_a_lost_answer(&server).await;
        pass(&server, 15).await;
        let reloaded = browser.clone();
        assert!(is_in(&reloaded).await);
        pass(&server, 15).await;
        let thief = if is_lost {
            without_session(&lost)
        } else {
            browser.clone()
        };
        assert!(!is_in(&thief).await);
        assert!(!is_in(&reloaded).await, "the series is revoked");
    }
}

#[tokio::test]
async fn a_replaced_token_is_not_taken_again_after_a_minute_or_once_the_answer_has_arrived() {
    let server = Server::demo().await;
    for has_arrived in [false, true] {
        let (browser, owner) = after_a_lost_answer(&server).await;
        pass(&server, if has_arrived { 15 } else { 61 }).await;
        if has_arrived {
            assert!(works(&owner, SESSION, &owner.session()).await);
        }
        assert!(!is_in(&browser.clone()).await, "{has_arrived}");
        assert!(!works(&owner, SESSION, &owner.session()).await, "{has_arrived}");
        assert!(!is_in(&without_session(&owner)).await, "{has_arrived}");
    }
}

#[tokio::test]
async fn a_tampered_or_guessed_token_is_ignored_and_cleared() {
    let server = Server::demo().await;
    let (client, other) = (remembered(&server).await, remembered(&server).await);
    let (good, foreign) = (token(&client), token(&other));
    let (series, secret) = good.split_once('.').unwrap();
    let (_, foreign_secret) = foreign.split_once('.').unwrap();
    let zeros = "A".repeat(43);
    let invalid_values = format!(
        " x . {series} {series}. .{secret} {zeros}.{secret} {secret}.{series} {good}.x user01|{:0128}",
        0
    );
    for bad in invalid_values.split(' ') {
        let visitor = client.with_only(REMEMBER, bad);
        let reply = visitor.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 401, "{bad}");
        assert_eq!(reply.cookie_names(), [REMEMBER], "{bad}");
        assert_eq!(visitor.cookie(REMEMBER), None, "{bad}");
    }
    // None of that harmed the browser whose token it was made from.
    assert!(is_in(&without_session(&client)).await);
    let (third, fourth) = (remembered(&server).await, remembered(&server).await);
    for (browser, secret) in [(third, zeros.as_str()), (fourth, foreign_secret)] {
        let guess = format!("{}.{secret}", token(&browser).split_once('.').unwrap().0);
        let visitor = browser.with_only(REMEMBER, &guess);
        assert!(!is_in(&visitor).await, "{guess}");
        assert_eq!(visitor.cookie(REMEMBER), None, "{guess}");
    }
}

#[tokio::test]
async fn a_logout_forgets_the_browser_whichever_of_its_cookies_it_comes_with() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    for without in ["", SESSION, REMEMBER] {
        let client = remembered(&server).await;
        let copied = client.clone();
        client.drop_cookie(without);
        let reply = client.call("logout", json!({})).await;
        assert_eq!(reply.message(), "user <user01> logout");
        assert!(without == REMEMBER || reply.cookie_names() == [SESSION, REMEMBER]);
        assert_eq!((client.cookie(SESSION), client.cookie(REMEMBER)), (None, None));
        assert!(!works(&copied, REMEMBER, &token(&copied)).await);
        assert_eq!(database.count("remembered").await, 0);
        if without == SESSION {
            database.change("DELETE FROM sessions").await;
        } else {
            assert!(!is_in(&copied).await && !is_in(&client).await);
            assert_eq!(database.count("sessions").await, 0);
        }
    }
}

/// Like those of a program that logs in at each run, as a user who also has a browser.
#[tokio::test]
async fn logins_that_nobody_goes_on_with_are_ended_before_a_browser_that_came_back() {
    let server = Place::new().demo(THREE_SESSIONS).await;
    let person = remembered(&server).await;
    person.drop_cookie(SESSION);
    assert!(is_in(&person).await);
    for _ in 0..5 {
        remembered(&server).await;
    }
    assert!(is_in(&person).await);
    assert_eq!(server.place.database().await.count("remembered").await, 3);
}

#[tokio::test]
async fn a_browser_that_logs_in_again_takes_its_own_place_and_nobody_elses() {
    let server = Place::new().demo(THREE_SESSIONS).await;
    let others = [remembered(&server).await, remembered(&server).await];
    let again = remembered(&server).await;
    for _ in 0..4 {
        let (session, token) = (again.session(), token(&again));
        let login = json!({"user_id": "user01", "password": "user_01"});
        again.done("login", login).await;
        assert!(!works(&again, SESSION, &session).await);
        assert!(!works(&again, REMEMBER, &token).await);
    }
    for client in others.iter().chain([&again]) {
        assert!(is_in(client).await);
    }
    let mut database = server.place.database().await;
    let surplus = "events WHERE action = 'surplus_ended'";
    for (rows, count) in [("remembered", 3), ("sessions", 3), (surplus, 0)] {
        assert_eq!(database.count(rows).await, count, "{rows}");
    }
}

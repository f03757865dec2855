//! What is still under way when a session ends or a user changes: it neither brings the session back nor undoes the change.

use std::time::{Duration, Instant};

use crate::{
    client::{Client, Reply},
    poll,
    server::{QUICK, Server},
};

const THIEFS: &str = "seven small zebras swim";
const OWNERS: &str = "nine green parrots sing";

/// So dear that whatever hashes a password is under way for long enough.
const DEAR: &[(&str, &str)] = &[
    ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
    ("CALLGATE_PASSWORDS_ITERATIONS", "16"),
    ("CALLGATE_PASSWORDS_PERMITS", "1"),
    ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "19000"),
];

/// A demo in which hashing a password takes long from now on, and two sessions of user01 that were last used a while ago.
async fn two_sessions() -> (Server, Client, Client) {
    let server = Server::quick_demo().await;
    let (one, other) = (server.user01().await, server.user01().await);
    let server = server.stop().await.demo(DEAR).await;
    let mut database = server.place.database().await;
    let rested = "UPDATE sessions SET last_used_at = last_used_at - 300000";
    assert_eq!(database.change(rested).await, 2);
    let (one, other) = (one.moved_to(&server.client()), other.moved_to(&server.client()));
    (server, one, other)
}

/// Waits until a call is past its guard: by then it has noted that its session is in use.
async fn under_way(server: &Server) {
    let mut database = server.place.database().await;
    let used = "SELECT MAX(last_used_at) > 1000 * unixepoch() - 200000 FROM sessions";
    poll::until("the call to be under way", async || database.number(used).await == 1).await;
}

async fn change(client: &Client, password: &str) -> Reply {
    let body = serde_json::json!({ "new_password": password }).to_string();
    client.json("/api/change_password", &body).await
}

async fn confirm(client: &Client) -> Reply {
    client.json("/api/confirm_login", r#"{"password":"user_01"}"#).await
}

/// A call that comes when another one is well under way.
async fn meanwhile(server: &Server, client: &Client, name: &str) -> Reply {
    under_way(server).await;
    client.json(&format!("/api/{name}"), "{}").await
}

/// A command that an operator gives at such a moment.
async fn operator_meanwhile(server: &Server, command: &str, typed: &str) {
    under_way(server).await;
    let ran = server.place.run_with(&["user", command, "user01"], typed, QUICK).await;
    assert!(ran.worked, "{}", ran.error);
}

async fn can_log_in(server: &Server, password: &str) -> bool {
    let body = serde_json::json!({"user_id": "user01", "password": password, "remember": false});
    server.client().json("/api/login", &body.to_string()).await.status == 200
}

/// security checks 26 and 35
#[tokio::test]
async fn a_session_that_is_ended_while_it_changes_the_password_has_not_changed_it_and_stays_ended() {
    let (server, thief, owner) = two_sessions().await;
    let (changed, ended) = tokio::join!(change(&thief, THIEFS), meanwhile(&server, &owner, "end_other_sessions"));
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
    assert_eq!(owner.who().await.as_deref(), Some("user01"));
    assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
}

/// security checks 25 and 26
#[tokio::test]
async fn a_session_that_logs_out_while_it_changes_the_password_stays_logged_out() {
    let (server, client, _) = two_sessions().await;
    let tab = client.clone();
    let (changed, ended) = tokio::join!(change(&client, THIEFS), meanwhile(&server, &tab, "logout"));
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(client.who().await, None, "the change was answered {}", changed.body);
    assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
}

/// security check 33: whoever changes the password first has shut out the other one
#[tokio::test]
async fn of_two_sessions_that_change_the_password_at_once_the_second_is_ended_and_refused() {
    let (server, one, other) = two_sessions().await;
    let (first, second) = tokio::join!(change(&one, OWNERS), change(&other, THIEFS));
    let worked = [first.status == 200, second.status == 200];
    assert!(worked[0] != worked[1], "{} {}", first.body, second.body);
    let (winner, loser, password) = match worked[0] {
        true => (&one, &other, OWNERS),
        false => (&other, &one, THIEFS),
    };
    assert_eq!(winner.who().await.as_deref(), Some("user01"));
    assert_eq!(loser.who().await, None);
    assert!(can_log_in(&server, password).await);
}

/// security check 33, for a change by the operator
#[tokio::test]
async fn the_password_that_an_operator_gives_is_not_replaced_by_a_change_under_way() {
    let (server, thief, _) = two_sessions().await;
    let give = operator_meanwhile(&server, "passwd", OWNERS);
    let (changed, ()) = tokio::join!(change(&thief, THIEFS), give);
    assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
    assert!(can_log_in(&server, OWNERS).await && !can_log_in(&server, THIEFS).await);
}

/// security check 34
#[tokio::test]
async fn the_password_of_a_user_who_is_disabled_meanwhile_is_not_changed() {
    let (server, thief, _) = two_sessions().await;
    let disable = operator_meanwhile(&server, "disable", "");
    let (changed, ()) = tokio::join!(change(&thief, THIEFS), disable);
    assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
    server.place.done(&["user", "enable", "user01"], "").await;
    assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
}

/// security checks 25 and 26
#[tokio::test]
async fn a_session_that_logs_out_while_it_is_confirmed_stays_logged_out() {
    let (server, client, _) = two_sessions().await;
    let tab = client.clone();
    let (confirmed, ended) = tokio::join!(confirm(&client), meanwhile(&server, &tab, "logout"));
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(client.who().await, None, "{}", confirmed.body);
}

/// security checks 26 and 35
#[tokio::test]
async fn a_session_that_is_ended_from_elsewhere_while_it_is_confirmed_stays_ended() {
    let (server, client, owner) = two_sessions().await;
    let (confirmed, ended) = tokio::join!(confirm(&client), meanwhile(&server, &owner, "end_other_sessions"));
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(client.who().await, None, "{}", confirmed.body);
    assert_eq!(owner.who().await.as_deref(), Some("user01"));
}

/// security check 34
#[tokio::test]
async fn a_user_who_is_disabled_while_a_login_is_confirmed_stays_out() {
    let (server, client, _) = two_sessions().await;
    let disable = operator_meanwhile(&server, "disable", "");
    let (confirmed, ()) = tokio::join!(confirm(&client), disable);
    server.place.done(&["user", "enable", "user01"], "").await;
    assert_eq!(client.who().await, None, "{}", confirmed.body);
}

/// A session that goes on under another token from the moment at which its browser is forgotten: as if another call of the
/// same browser had renewed it just then.
async fn renewed_just_then(server: &Server) -> Client {
    let mut database = server.place.database().await;
    database.change("DROP TRIGGER IF EXISTS renews").await;
    database
        .change(
            "CREATE TRIGGER renews BEFORE DELETE ON remembered
             BEGIN
               UPDATE sessions SET token_hash = randomblob(32), series_hash = NULL WHERE series_hash = old.series_hash;
             END",
        )
        .await;
    let client = server.client();
    let login = r#"{"user_id":"user01","password":"user_01","remember":true}"#;
    assert_eq!(client.json("/api/login", login).await.status, 200);
    client
}

/// What the list of sessions calls the one that is not `owner`'s own.
async fn name_of_the_other(owner: &Client) -> String {
    let list = owner.json("/api/my_sessions", "{}").await.value();
    let sessions = list["sessions"].as_array().unwrap();
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    other["id"].as_str().unwrap().to_owned()
}

/// security checks 25 and 26
#[tokio::test]
async fn a_session_that_is_renewed_while_it_ends_has_ended() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    let client = renewed_just_then(&server).await;
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
    assert_eq!(database.count("sessions").await, 0, "it has logged out");

    let owner = server.user01().await;
    renewed_just_then(&server).await;
    let other = name_of_the_other(&owner).await;
    let body = serde_json::json!({ "id": other }).to_string();
    assert_eq!(owner.json("/api/end_session", &body).await.status, 200);
    assert_eq!(database.count("sessions").await, 1, "it was ended from elsewhere");

    renewed_just_then(&server).await;
    assert_eq!(owner.json("/api/end_other_sessions", "{}").await.status, 200);
    assert_eq!(database.count("sessions").await, 1, "it was ended with all others");
    assert_eq!(owner.who().await.as_deref(), Some("user01"));

    // One's own is none of the others, renewed or not.
    database.change("DROP TRIGGER renews").await;
    database
        .change(
            "CREATE TRIGGER renews BEFORE DELETE ON remembered
             BEGIN
               UPDATE sessions SET token_hash = randomblob(32) WHERE series_hash IS NULL;
             END",
        )
        .await;
    let login = r#"{"user_id":"user01","password":"user_01","remember":true}"#;
    assert_eq!(server.client().json("/api/login", login).await.status, 200);
    assert_eq!(database.count("sessions").await, 2);
    assert_eq!(owner.json("/api/end_other_sessions", "{}").await.status, 200);
    assert_eq!(database.count("sessions WHERE series_hash IS NULL").await, 1);
    assert_eq!(database.count("sessions").await, 1);
}

/// security check 25: what is broken elsewhere keeps nobody in
#[tokio::test]
async fn a_session_ends_although_another_one_of_its_user_is_broken() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    server.user01().await;
    database.change("UPDATE sessions SET data = 'broken'").await;
    let (client, other) = (server.user01().await, server.user01().await);
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
    assert_eq!(client.who().await, None);
    assert_eq!(other.json("/api/end_other_sessions", "{}").await.status, 200);
    assert_eq!(database.count("sessions").await, 1);
}

/// security check 35: the list that somebody looks at stays good
#[tokio::test]
async fn a_session_keeps_its_name_in_the_list_when_it_is_renewed() {
    let server = Server::quick_demo().await;
    let (owner, other) = (server.user01().await, server.user01().await);
    let before = name_of_the_other(&owner).await;
    assert_eq!(confirm(&other).await.status, 200);
    assert_eq!(name_of_the_other(&owner).await, before);
    let body = serde_json::json!({ "id": before }).to_string();
    assert_eq!(owner.json("/api/end_session", &body).await.status, 200);
    assert_eq!(other.who().await, None);
}

#[tokio::test]
async fn a_connection_is_not_closed_for_being_silent_while_a_function_runs() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let limits = [
        ("CALLGATE_HTTPS_IDLE_SECONDS", "1"),
        // Some seconds on any machine.
        ("CALLGATE_PASSWORDS_ITERATIONS", "100"),
        ("CALLGATE_LIMITS_CALL_SECONDS", "120"),
    ];
    let server = server.stop().await.demo(&[DEAR, &limits].concat()).await;
    let client = client.moved_to(&server.client());
    let began = Instant::now();
    let changed = change(&client, THIEFS).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert!(
        began.elapsed() > Duration::from_secs(1),
        "it took no longer than it may be silent"
    );
}

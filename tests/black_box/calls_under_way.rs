//! What is still under way when a session ends or a user changes: it neither brings the session back nor undoes the change.

use std::time::{Duration, Instant};

use futures::{FutureExt as _, future::LocalBoxFuture};

use crate::{
    client::{Client, Reply},
    poll,
    server::{QUICK, Server},
};

/// How often a test is done anew that has come to nothing because one call was done before the other came.
const ATTEMPTS: usize = 5;

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
    assert_eq!(database.rest_sessions(300).await, 2);
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

/// A call, and what somebody else does when it is well under way. `None` where it was done before.
async fn meanwhile<T>(
    server: &Server,
    mut call: LocalBoxFuture<'_, Reply>,
    other: LocalBoxFuture<'_, T>,
) -> Option<(Reply, T)> {
    tokio::select! {
        biased;
        reply = &mut call => {
            assert_eq!(reply.status, 200, "{}", reply.body);
            return None;
        }
        () = under_way(server) => {}
    }
    Some(tokio::join!(call, other))
}

/// The same where the other is a call, too. Done before it came, the first one has left it no session.
async fn call_meanwhile(
    server: &Server,
    call: LocalBoxFuture<'_, Reply>,
    client: &Client,
    name: &str,
) -> Option<(Reply, Reply)> {
    let path = format!("/api/{name}");
    let both = meanwhile(server, call, client.json(&path, "{}").boxed_local()).await;
    both.filter(|(first, other)| (first.status, other.status) != (200, 401))
}

/// A command of an operator.
async fn operator(server: &Server, command: &str, typed: &str) {
    let ran = server.place.run_with(&["user", command, "user01"], typed, QUICK).await;
    assert!(ran.worked, "{}", ran.error);
}

/// Whether the audit trail has the change of the password before what else was done.
async fn was_changed_before(server: &Server, action: &str) -> bool {
    let first = |action: &str| format!("(SELECT MIN(id) FROM events WHERE action = '{action}')");
    let query = format!("SELECT COALESCE({} < {}, 0)", first("password_changed"), first(action));
    server.place.database().await.number(&query).await == 1
}

async fn can_log_in(server: &Server, password: &str) -> bool {
    let body = serde_json::json!({"user_id": "user01", "password": password, "remember": false});
    server.client().json("/api/login", &body.to_string()).await.status == 200
}

/// security checks 26 and 35
#[tokio::test]
async fn a_session_that_is_ended_while_it_changes_the_password_has_not_changed_it_and_stays_ended() {
    for _ in 0..ATTEMPTS {
        let (server, thief, owner) = two_sessions().await;
        let change = change(&thief, THIEFS).boxed_local();
        let Some((changed, ended)) = call_meanwhile(&server, change, &owner, "end_other_sessions").await else {
            continue;
        };
        assert_eq!(ended.status, 200, "{}", ended.body);
        assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
        assert_eq!(owner.who().await.as_deref(), Some("user01"));
        assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
        return;
    }
    panic!("the change was done too soon each time");
}

/// security checks 25 and 26
#[tokio::test]
async fn a_session_that_logs_out_while_it_changes_the_password_stays_logged_out() {
    for _ in 0..ATTEMPTS {
        let (server, client, _) = two_sessions().await;
        let (tab, change) = (client.clone(), change(&client, THIEFS).boxed_local());
        let Some((changed, ended)) = call_meanwhile(&server, change, &tab, "logout").await else {
            continue;
        };
        assert_eq!(ended.status, 200, "{}", ended.body);
        assert_eq!(client.who().await, None, "the change was answered {}", changed.body);
        assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
        return;
    }
    panic!("the change was done too soon each time");
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
    for _ in 0..ATTEMPTS {
        let (server, thief, _) = two_sessions().await;
        let change = change(&thief, THIEFS).boxed_local();
        let give = operator(&server, "passwd", OWNERS).boxed_local();
        let Some((changed, ())) = meanwhile(&server, change, give).await else {
            continue;
        };
        assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
        assert!(can_log_in(&server, OWNERS).await && !can_log_in(&server, THIEFS).await);
        return;
    }
    panic!("the change was done too soon each time");
}

/// security check 34
#[tokio::test]
async fn the_password_of_a_user_who_is_disabled_meanwhile_is_not_changed() {
    for _ in 0..ATTEMPTS {
        let (server, thief, _) = two_sessions().await;
        let change = change(&thief, THIEFS).boxed_local();
        let disable = operator(&server, "disable", "").boxed_local();
        let Some((changed, ())) = meanwhile(&server, change, disable).await else {
            continue;
        };
        assert_eq!(thief.who().await, None, "the change was answered {}", changed.body);
        if was_changed_before(&server, "user_disabled").await {
            continue;
        }
        server.place.done(&["user", "enable", "user01"], "").await;
        assert!(can_log_in(&server, "user_01").await && !can_log_in(&server, THIEFS).await);
        return;
    }
    panic!("the change was done too soon each time");
}

/// security checks 25 and 26
#[tokio::test]
async fn a_session_that_logs_out_while_it_is_confirmed_stays_logged_out() {
    for _ in 0..ATTEMPTS {
        let (server, client, _) = two_sessions().await;
        let (tab, confirm) = (client.clone(), confirm(&client).boxed_local());
        let Some((confirmed, ended)) = call_meanwhile(&server, confirm, &tab, "logout").await else {
            continue;
        };
        assert_eq!(ended.status, 200, "{}", ended.body);
        assert_eq!(client.who().await, None, "{}", confirmed.body);
        return;
    }
    panic!("the login was confirmed too soon each time");
}

/// security checks 26 and 35
#[tokio::test]
async fn a_session_that_is_ended_from_elsewhere_while_it_is_confirmed_stays_ended() {
    for _ in 0..ATTEMPTS {
        let (server, client, owner) = two_sessions().await;
        let confirm = confirm(&client).boxed_local();
        let Some((confirmed, ended)) = call_meanwhile(&server, confirm, &owner, "end_other_sessions").await else {
            continue;
        };
        assert_eq!(ended.status, 200, "{}", ended.body);
        assert_eq!(client.who().await, None, "{}", confirmed.body);
        assert_eq!(owner.who().await.as_deref(), Some("user01"));
        return;
    }
    panic!("the login was confirmed too soon each time");
}

/// security check 34
#[tokio::test]
async fn a_user_who_is_disabled_while_a_login_is_confirmed_stays_out() {
    for _ in 0..ATTEMPTS {
        let (server, client, _) = two_sessions().await;
        let confirm = confirm(&client).boxed_local();
        let disable = operator(&server, "disable", "").boxed_local();
        let Some((confirmed, ())) = meanwhile(&server, confirm, disable).await else {
            continue;
        };
        server.place.done(&["user", "enable", "user01"], "").await;
        assert_eq!(client.who().await, None, "{}", confirmed.body);
        return;
    }
    panic!("the login was confirmed too soon each time");
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
    let mut server = Server::quick_demo().await;
    let mut client = server.user01().await;
    // Dearer each time, until it takes long enough on this machine.
    for (iterations, password) in [
        ("14", THIEFS),
        ("28", OWNERS),
        ("56", THIEFS),
        ("112", OWNERS),
        ("224", THIEFS),
        ("448", OWNERS),
    ] {
        let limits = [
            ("CALLGATE_HTTPS_IDLE_SECONDS", "2"),
            ("CALLGATE_PASSWORDS_ITERATIONS", iterations),
            ("CALLGATE_LIMITS_CALL_SECONDS", "120"),
        ];
        server = server.stop().await.demo(&[DEAR, &limits].concat()).await;
        client = client.moved_to(&server.client());
        let began = Instant::now();
        let changed = change(&client, password).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        if began.elapsed() > Duration::from_millis(2500) {
            return;
        }
    }
    panic!("it took no longer than it may be silent");
}

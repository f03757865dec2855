//! Calls that are still running when their session ends or their user changes: they neither restore the session nor undo
//! the change. A busy hashing thread delays them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::{
    busy_hashing::{Busy, is_past_guard, longer_each_time, one_thread},
    steps::{NEW, add_user, can_log_in, change, confirm, end, id_where, is_in, log_in, remembered},
};
use crate::support::{
    client::{Client, SESSION},
    database::Database,
    server::{Server, UNTHROTTLED},
};

const OLD: &str = "user_01";
const OWNERS: &str = "nine green parrots sing";

/// What happens while a call of a session of the user is running.
const MEANWHILE: [&str; 4] = ["logout", "end_other_sessions", "passwd", "disable"];

/// A new user with two sessions.
async fn two_sessions(server: &Server, user: &str) -> (Client, Client) {
    add_user(server, user).await;
    (server.logged_in(user, OLD).await, server.logged_in(user, OLD).await)
}

/// Ends a session while one of its calls has passed the guard and waits for the thread. Returns whether the call did wait.
async fn ends_while(server: &Server, is_change: bool, meanwhile: &str, iterations: u32) -> bool {
    let user = format!("{meanwhile}-{iterations}");
    let (client, owner) = two_sessions(server, &user).await;
    let busy = Busy::begin(server, iterations).await;
    let caller = client.clone();
    let (tab, before) = (client.clone(), client.session());
    let call = tokio::spawn(async move {
        if is_change {
            change(&caller, NEW).await
        } else {
            confirm(&caller, OLD).await
        }
    });
    is_past_guard(server, &user, &call).await;
    let has_worked = match meanwhile {
        "logout" => tab.call("logout", json!({})).await.status == 200,
        "end_other_sessions" => owner.call("end_other_sessions", json!({})).await.status == 200,
        command => server.place.run(&["user", command, &user], OWNERS).await.worked,
    };
    // If the call finished first, there may have been no session left to log out. It may also have changed the password before
    // the answer to the check has arrived.
    let changes = format!("events WHERE action = 'password_changed' AND actor = '{user}'");
    let has_changed = server.place.database().await.count(&changes).await > 0;
    let was_in_time = has_worked && !busy.is_over() && !has_changed;
    busy.end().await;
    let reply = call.await.unwrap();
    if !was_in_time {
        return false;
    }
    if meanwhile == "disable" {
        server.place.done(&["user", "enable", &user], "").await;
    }
    let context = format!("{meanwhile}: {} {}", reply.status, reply.body);
    let tokens = reply.set_cookies().into_iter().map(|cookie| cookie.value);
    for token in tokens.filter(|token| !token.is_empty()).chain([before]) {
        assert!(!is_in(&client.with_only(SESSION, &token)).await, "{context}");
    }
    let owner_goes_on = ["logout", "end_other_sessions"].contains(&meanwhile);
    assert_eq!(is_in(&owner).await, owner_goes_on, "{context}");
    let right = if meanwhile == "passwd" { OWNERS } else { OLD };
    for password in [OLD, OWNERS, NEW] {
        let is_right = can_log_in(server, &user, password).await;
        assert_eq!(is_right, password == right, "{context}: {password}");
    }
    true
}

#[tokio::test]
async fn a_session_that_ends_while_it_changes_the_password_changes_nothing_and_stays_ended() {
    let server = one_thread(UNTHROTTLED).await;
    for meanwhile in MEANWHILE {
        longer_each_time(async |iterations| ends_while(&server, true, meanwhile, iterations).await).await;
    }
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_confirmed_stays_ended() {
    let server = one_thread(UNTHROTTLED).await;
    for meanwhile in MEANWHILE {
        longer_each_time(async |iterations| ends_while(&server, false, meanwhile, iterations).await).await;
    }
}

#[tokio::test]
async fn of_two_sessions_that_change_the_password_at_once_the_second_is_ended_and_refused() {
    let server = one_thread(UNTHROTTLED).await;
    let (one, other) = two_sessions(&server, "alice").await;
    let busy = Busy::begin(&server, 16).await;
    let (first, second, ()) = tokio::join!(change(&one, OWNERS), change(&other, NEW), busy.end());
    let worked = [first.status == 200, second.status == 200];
    assert!(worked[0] != worked[1], "{} {}", first.body, second.body);
    let (winner, loser) = if worked[0] { (&one, &other) } else { (&other, &one) };
    assert_eq!((is_in(winner).await, is_in(loser).await), (true, false));
    for (tried, is_right) in [(OLD, false), (OWNERS, worked[0]), (NEW, worked[1])] {
        assert_eq!(can_log_in(&server, "alice", tried).await, is_right, "{tried}");
    }
}

/// No user can fill the queue for the hashing threads with password changes.
#[tokio::test]
async fn of_many_changes_at_once_one_waits_and_others_log_in_meanwhile() {
    let server = one_thread(UNTHROTTLED).await;
    longer_each_time(async |iterations| {
        let user = format!("many-{iterations}");
        let (client, _) = two_sessions(&server, &user).await;
        let busy = Busy::begin(&server, iterations).await;
        let changes = join_all((0..50).map(|_| change(&client, NEW)));
        let (replies, other, ()) = tokio::join!(changes, server.logged_in("user02", "user_02"), busy.end());
        let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        // Calls that come after the change belong to a session that has ended: 401.
        assert_eq!((of(200), of(503) + of(401)), (1, 49));
        for reply in replies.iter().filter(|reply| reply.status == 503) {
            assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("busy", "1"));
        }
        assert!(is_in(&other).await && can_log_in(&server, &user, NEW).await);
        of(503) > 0
    })
    .await;
}

#[tokio::test]
async fn while_all_threads_are_busy_logins_are_refused_as_busy_and_other_calls_go_on() {
    let settings = [("CALLGATE_PASSWORDS_MAX_WAIT_MS", "1000")];
    let server = one_thread(&[UNTHROTTLED, &settings].concat()).await;
    let user = server.user01().await;
    longer_each_time(async |iterations| {
        let busy = Busy::begin(&server, 4 * iterations).await;
        let replies = join_all((0..12).map(async |_| log_in(&server.client(), "user01", "user_01").await)).await;
        assert!(is_in(&user).await);
        let was_in_time = !busy.is_over();
        busy.end().await;
        for reply in replies.iter().filter(|_| was_in_time) {
            reply.assert_refused(503, "busy");
            assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
            assert!(reply.set_cookies().is_empty());
        }
        assert!(can_log_in(&server, "user01", "user_01").await);
        was_in_time
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_not_closed_for_being_silent_while_a_function_runs() {
    let server = one_thread(&[UNTHROTTLED, &[("CALLGATE_HTTPS_IDLE_SECONDS", "2")]].concat()).await;
    longer_each_time(async |iterations| {
        let began = Instant::now();
        Busy::begin(&server, 8 * iterations).await.end().await;
        began.elapsed() > Duration::from_secs(4)
    })
    .await;
}

/// From now on, a session gets a new token at the moment at which its browser is forgotten, as if another call of that browser
/// had renewed it just then. `also` adds columns to the update, and its condition.
async fn renew_at_the_end(database: &mut Database, also: &str) {
    let renew = format!("UPDATE sessions SET token_hash = {}{also}", database.random_bytes());
    database.execute_before("DELETE ON remembered", &renew).await;
}

#[tokio::test]
async fn a_session_that_is_renewed_while_it_ends_has_ended() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let of_browser = ", series_hash = NULL WHERE series_hash = old.series_hash";
    renew_at_the_end(&mut database, of_browser).await;
    let client = remembered(&server).await;
    client.done("logout", json!({})).await;
    assert_eq!(database.count("sessions").await, 0, "it has logged out");

    let owner = server.user01().await;
    remembered(&server).await;
    let other = id_where(&owner, "current", false).await;
    assert_eq!(end(&owner, &other).await.status, 200);
    assert_eq!(database.count("sessions").await, 1, "it was ended from elsewhere");

    remembered(&server).await;
    owner.done("end_other_sessions", json!({})).await;
    assert_eq!(database.count("sessions").await, 1, "it was ended with all others");
    assert!(is_in(&owner).await);

    // The caller's own session is not one of the others, renewed or not.
    renew_at_the_end(&mut database, " WHERE series_hash IS NULL").await;
    remembered(&server).await;
    owner.done("end_other_sessions", json!({})).await;
    assert_eq!(database.count("sessions WHERE series_hash IS NULL").await, 1);
    assert_eq!(database.count("sessions").await, 1);
}

#[tokio::test]
async fn a_session_ends_although_another_one_of_its_user_is_broken() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    server.user01().await;
    database.change("UPDATE sessions SET data = 'broken'").await;
    let (client, other) = (server.user01().await, server.user01().await);
    client.done("logout", json!({})).await;
    assert!(!is_in(&client).await);
    other.done("end_other_sessions", json!({})).await;
    assert_eq!(database.count("sessions").await, 1);
}

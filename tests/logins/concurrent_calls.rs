//! Many calls and logins at the same moment, some of which fail: nobody is logged out by them, and nobody becomes somebody else.

use futures::future::join_all;
use serde_json::json;

use super::steps::{is_in, remembered, sessions, token, without_session, works};
use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    place::Place,
    server::{Server, THREE_SESSIONS},
};

const USERS: [(&str, &str); 3] = [("user01", "user_01"), ("user02", "user_02"), ("user03", "user_03")];

#[tokio::test]
async fn calls_at_once_with_one_remembered_token_never_lock_the_user_out() {
    let server = Server::demo().await;
    for _ in 0..2 {
        let client = without_session(&remembered(&server).await);
        let tabs = join_all((0..12).map(async |_| {
            let tab = client.clone();
            assert!(is_in(&tab).await);
            tab
        }))
        .await;
        // Each tab goes on, and so does the browser with the one token that is good now.
        for tab in &tabs {
            assert!(works(tab, SESSION, &tab.session()).await);
        }
        let mut new: Vec<String> = tabs.iter().map(token).collect();
        new.retain(|value| *value != token(&client));
        assert_eq!(new.len(), 1, "one of the calls changes the token");
        assert!(works(&client, REMEMBER, &new[0]).await);
    }
}

#[tokio::test]
async fn a_failure_in_the_middle_of_calls_at_once_logs_nobody_out() {
    let server = Server::demo().await;
    let clients = [server.user01().await, server.logged_in("user02", "user_02").await];
    let mut database = server.place.database().await;
    let calls = |count: usize| {
        join_all((0..count).map(async |number| {
            let (client, user) = (clients[number % 2].clone(), USERS[number % 2].0);
            let reply = match number % 5 {
                0 => client.get("/").await,
                _ => client.json("/api/auth_func", "{}").await,
            };
            assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
            assert!(reply.status == 500 || reply.shows(user), "{}", reply.body);
            reply.status
        }))
    };
    assert_eq!(calls(100).await, [200; 100]);
    let fails = async {
        // Sessions are kept in memory until one of them changes.
        database.lock().await;
        database.rest_sessions(1).await;
        database.change("ALTER TABLE sessions RENAME TO elsewhere").await;
        database.change("COMMIT").await;
        let meanwhile = calls(20).await;
        database.change("ALTER TABLE elsewhere RENAME TO sessions").await;
        assert_eq!(meanwhile, [500; 20]);
    };
    let ((), around) = tokio::join!(fails, calls(100));
    assert!(around.iter().all(|status| [200, 500].contains(status)), "{around:?}");
    assert_eq!(calls(20).await, [200; 20]);
}

fn assert_failed(reply: &Reply) {
    reply.assert_refused(500, "internal");
    assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
}

/// Sets a failure of the database, and takes it away.
async fn failing(server: &Server, at: &str, during: impl AsyncFnOnce()) {
    let mut database = server.place.database().await;
    database.refuse(at).await;
    during().await;
    database.execute_no_more().await;
}

#[tokio::test]
async fn a_login_that_fails_logs_nobody_out() {
    let server = Server::demo().await;
    for remember in [true, false] {
        let client = server.client();
        let arguments =
            |user: &str, password: &str| json!({"user_id": user, "password": password, "remember": remember});
        client.done("login", arguments("user01", "user_01")).await;
        for at in ["INSERT ON sessions", "DELETE ON sessions"] {
            failing(&server, at, async || {
                for (user, password) in &USERS[..2] {
                    assert_failed(&client.call("login", arguments(user, password)).await);
                    assert_eq!(client.who().await.as_deref(), Some("user01"), "{at}");
                }
            })
            .await;
            assert_eq!(client.who().await.as_deref(), Some("user01"), "{at}");
        }
        assert!(!remember || is_in(&without_session(&client)).await, "it is remembered");
    }
}

#[tokio::test]
async fn a_remembered_login_that_fails_can_be_made_again() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    for at in ["INSERT ON sessions", "UPDATE ON remembered"] {
        client.drop_cookie(SESSION);
        failing(&server, at, async || {
            for _ in 0..2 {
                assert_failed(&client.json("/api/auth_func", "{}").await);
            }
        })
        .await;
        assert_eq!(client.who().await.as_deref(), Some("user01"), "{at}");
    }
}

#[tokio::test]
async fn logins_at_once_leave_no_more_sessions_and_browsers_than_there_may_be() {
    for remember in [false, true] {
        let server = Place::new().demo(THREE_SESSIONS).await;
        let other = server.logged_in("user02", "user_02").await;
        let clients = join_all((0..10).map(async |_| {
            if remember {
                remembered(&server).await
            } else {
                server.user01().await
            }
        }))
        .await;
        let mut alive: Vec<&Client> = Vec::new();
        for client in &clients {
            if is_in(client).await {
                alive.push(client);
            }
        }
        assert_eq!((alive.len(), sessions(alive[0]).await.len()), (3, 3));
        assert!(is_in(&other).await);
        let mut database = server.place.database().await;
        assert_eq!(database.count("remembered").await, if remember { 3 } else { 0 });
        assert_eq!(database.count("sessions").await, 4);
    }
}

//! Nodes whose clocks differ: the clock of the database decides.

use serde_json::json;

use crate::{
    cluster::{NEW, client, logged_in, status, variables},
    support::{
        client::{Client, REMEMBER, SESSION},
        clock::{Clock, HOUR},
        place::Place,
        postgres::PostgresServer,
        server::Server,
    },
};

const DIFFERS: &str = "the clock of this machine differs from that of the database";

async fn node_that_is_ahead(url: &str, seconds: i64) -> Server {
    let place = Place::new();
    let clock = Clock::new(&place);
    clock.set(seconds);
    let few = [("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "2")];
    let variables = [&clock.variables(), &variables(url, &few)[..]].concat();
    place.demo(&variables).await
}

/// Whether the guard of a fresh login allows the call. The argument is invalid, so nothing changes.
async fn is_fresh(user: &Client) -> bool {
    let reply = user.call("change_password", json!({"new_password": "x"})).await;
    match (reply.status, reply.code().as_str()) {
        (422, "invalid_arguments") => true,
        (403, "fresh_login_required") => false,
        _ => panic!("{}", reply.body),
    }
}

#[tokio::test]
async fn nodes_whose_clocks_differ_work_as_if_they_did_not() {
    let database = PostgresServer::shared().await.create_database().await;
    let url = database.url();
    let mut nodes = Vec::new();
    for seconds in [30, -30, 2 * HOUR] {
        nodes.push(node_that_is_ahead(&url, seconds).await);
    }
    // Each node logs in again a browser that another one has remembered, also by the token from before the last change, as
    // two calls of a browser at once send it.
    for from in &nodes {
        let browser = client(from);
        browser
            .done("login", json!({"user_id": "user01", "password": "user_01"}))
            .await;
        for to in &nodes {
            let old = browser.with_only(REMEMBER, &browser.cookie(REMEMBER).unwrap());
            browser.drop_cookie(SESSION);
            assert_eq!(status(&browser.at(from.https)).await, 200);
            assert_eq!(status(&old.at(to.https)).await, 200);
            assert_eq!(status(&browser.at(to.https)).await, 200);
        }
        let reused = "SELECT count(*) FROM events WHERE action = 'token_reused'";
        assert_eq!(database.number(reused).await, 0);
    }
    for (number, from) in nodes.iter().enumerate() {
        let admin = logged_in(from, "user03", "user_03").await;
        let ada = format!("ada{number}");
        for (other, to) in nodes.iter().enumerate() {
            assert!(is_fresh(&admin.at(to.https)).await, "{number} {other}");
        }
        // An invitation of one node is used at the next one.
        let next = &nodes[(number + 1) % nodes.len()];
        let invitation = admin.done("invite_user", json!({"user_id": ada})).await;
        let arguments = json!({"code": invitation["link"], "new_password": NEW});
        client(next).done("choose_password", arguments).await;
        let user = logged_in(next, &ada, NEW).await;
        assert_eq!(status(&user.at(from.https)).await, 200);
        // Failures at one node count at all.
        for _ in 0..2 {
            let wrong = json!({"user_id": ada, "password": "wrong"});
            client(from)
                .call("login", wrong)
                .await
                .assert_refused(401, "invalid_credentials");
        }
        for to in &nodes {
            let right = json!({"user_id": ada, "password": NEW});
            let reply = client(to).call("login", right).await;
            reply.assert_refused(429, "too_many_attempts");
            let wait: u32 = reply.header("retry-after").parse().unwrap();
            assert!((200..=300).contains(&wait), "{wait}");
        }
    }
    for node in &nodes {
        let log = node.place.log();
        assert_eq!(log.matches(DIFFERS).count(), 1, "{log}");
    }
}

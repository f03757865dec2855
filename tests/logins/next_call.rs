//! Sessions are kept in memory, and yet the very next call is refused after whatever ends a session or takes a permission.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::steps::{NEW, add_user, change, end, id_where, is_in, log_in, remembered_as, token, works};
use crate::support::{
    client::{Client, REMEMBER, SESSION},
    page::{assert_hides, assert_shows},
    place::Place,
    poll,
    server::Server,
};

const PASSWORD: &str = "user_01";

/// What the user does, in this session or in another one.
const BY_THE_USER: &[&str] = &["logout", "end_session", "end_other_sessions", "change_password"];
/// What an administrator does, by form.
const BY_AN_ADMINISTRATOR: &[&str] = &[
    "revoke_session",
    "revoke_sessions",
    "require_new_password",
    "disable_user",
    "delete_user",
];
/// What an operator does, by command in a process of its own. `ID` is that of the session.
const BY_COMMAND: &[&str] = &[
    "session revoke USER ID",
    "session revoke USER",
    "user passwd USER",
    "user passwd USER --link",
    "user disable USER",
    "user delete USER",
];

async fn command(server: &Server, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    server.place.done(&words, NEW).await;
}

async fn bring_about(server: &Server, cause: &str, user: &str, victim: &Client, own: &Client) {
    let id = id_where(victim, "current", true).await;
    if cause.contains(' ') {
        command(server, &cause.replace("USER", user).replace("ID", &id)).await;
    } else if BY_AN_ADMINISTRATOR.contains(&cause) {
        let mut fields = vec![("user_id", user), ("then-page", "/users")];
        if cause == "revoke_session" {
            fields.push(("id", &id));
        }
        let reply = server.admin().await.form(&format!("/functions/{cause}"), &fields).await;
        // The page with the one-time link is the answer.
        let status = if cause == "require_new_password" { 200 } else { 303 };
        assert_eq!(reply.status, status, "{cause}: {}", reply.body);
    } else {
        let reply = match cause {
            "logout" => victim.clone().call(cause, json!({})).await,
            "end_session" => end(own, &id).await,
            "end_other_sessions" => own.call(cause, json!({})).await,
            _ => change(own, NEW).await,
        };
        assert_eq!(reply.status, 200, "{cause}: {}", reply.body);
    }
}

/// A user of its own for each cause, who may read users, with a remembered browser and another session.
async fn ends(causes: &[&str]) {
    let server = Server::demo().await;
    let role = json!({"role": "reader", "permissions": ["users.read"]});
    let admin = server.admin().await;
    admin.done("put_role", role).await;
    let bystander = server.logged_in("user02", "user_02").await;
    for (number, cause) in causes.iter().enumerate() {
        let user = format!("gundula{number}");
        add_user(&server, &user).await;
        let given = json!({"role": "reader", "user_id": user});
        admin.done("give_role", given).await;
        let victim = remembered_as(&server, &user).await;
        let own = server.logged_in(&user, PASSWORD).await;
        for _ in 0..3 {
            assert!(is_in(&victim).await && is_in(&own).await);
            assert_eq!(victim.get("/users").await.status, 200);
            assert!(victim.get("/account").await.shows(">this session<"));
        }
        bring_about(&server, cause, &user, &victim, &own).await;
        // JSON, page, form: each is the next call of a copy of the browser that does not notice the end before.
        let browser = victim.with_only(SESSION, &victim.session());
        assert!(!is_in(&browser).await, "{cause}");
        assert_eq!(browser.get("/users").await.status, 401, "{cause}");
        assert!(!browser.get("/").await.shows("Logged in as"), "{cause}");
        let account = browser.get("/account").await;
        assert_shows(&account, &[r#"href="/login?next=/account""#]);
        assert_hides(&account, &["127.0.0.1", ">this session<"]);
        let form = browser.form("/functions/auth_func", &[("arguments", "{}")]).await;
        form.assert_leads_to("/login?next=/functions/auth_func");
        assert!(!works(&victim, REMEMBER, &token(&victim)).await, "{cause}");

        let goes_on = BY_THE_USER.contains(cause) || *cause == "revoke_session" || cause.ends_with("ID");
        assert_eq!(is_in(&own).await, goes_on, "{cause}");
        assert!(is_in(&bystander).await, "{cause}");
        let keeps_password = goes_on && *cause != "change_password" || cause.contains("revoke");
        let login = log_in(&server.client(), &user, PASSWORD).await;
        assert_eq!(login.status, if keeps_password { 200 } else { 401 }, "{cause}");
        // Where the user comes back, no session does.
        if cause.contains("disable") {
            command(&server, &format!("user enable {user}")).await;
            assert!(!is_in(&victim).await, "{cause}");
        }
    }
}

#[tokio::test]
async fn the_next_call_of_a_session_that_its_user_ended_is_refused() {
    Box::pin(ends(BY_THE_USER)).await;
}

#[tokio::test]
async fn the_next_call_of_a_session_that_an_administrator_ended_is_refused() {
    Box::pin(ends(BY_AN_ADMINISTRATOR)).await;
}

#[tokio::test]
async fn the_next_call_of_a_session_that_a_command_ended_is_refused() {
    Box::pin(ends(BY_COMMAND)).await;
}

#[tokio::test]
async fn the_next_call_for_which_a_permission_was_taken_is_refused_and_the_session_goes_on() {
    let server = Server::demo().await;
    let (client, admin) = (server.user01().await, server.admin().await);
    let role = json!({"role": "reader", "user_id": "user01"});
    let permissions = |some: &[&str]| json!({"role": "reader", "permissions": some});
    for (cause, arguments) in [
        ("take_role", role.clone()),
        ("put_role", permissions(&[])),
        ("delete_role", json!({"role": "reader"})),
        ("role take user01 reader", Value::Null),
        ("role put reader", Value::Null),
        ("role delete reader", Value::Null),
    ] {
        admin.done("put_role", permissions(&["users.read"])).await;
        admin.done("give_role", role.clone()).await;
        for _ in 0..3 {
            client.done("list_users", json!({})).await;
        }
        assert_eq!(client.get("/users").await.status, 200, "{cause}");
        if arguments.is_null() {
            command(&server, cause).await;
        } else {
            admin.done(cause, arguments).await;
        }
        let refused = client.call("list_users", json!({})).await;
        refused.assert_refused(403, "permission_required");
        assert_eq!(client.get("/users").await.status, 403, "{cause}");
        assert_eq!(client.form("/functions/list_users", &[]).await.status, 303, "{cause}");
        let shown = client.get("/functions/list_users").await;
        assert_shows(&shown, &["403 Forbidden"]);
        assert_hides(&shown, &["200 OK"]);
        assert!(is_in(&client).await, "{cause}");
    }
}

/// No call that begins after the answer to a change is allowed by the state before it.
#[tokio::test]
async fn of_calls_at_once_none_that_begins_after_the_end_of_the_session_is_allowed() {
    let server = Place::new().demo(&[("CALLGATE_SESSIONS_IN_MEMORY", "2")]).await;
    let mut password = "user_01";
    for round in 0..4 {
        let client = server.logged_in("user01", password).await;
        let other = server.logged_in("user01", password).await;
        let load = async {
            for _ in 0..40 {
                let status = client.json("/api/auth_func", "{}").await.status;
                assert!([200, 401].contains(&status), "{status}");
            }
        };
        let ends = async {
            if round == 3 {
                password = NEW;
                assert_eq!(change(&other, NEW).await.status, 200);
            } else {
                other.done("end_other_sessions", json!({})).await;
            }
            for _ in 0..4 {
                assert_eq!(client.json("/api/auth_func", "{}").await.status, 401);
            }
        };
        tokio::join!(load, ends);
    }
    assert_eq!(log_in(&server.client(), "user01", password).await.status, 200);
}

/// How many queries each request has made, by its reference. A line that is being written does not count.
fn queries(server: &Server) -> HashMap<String, usize> {
    let mut queries = HashMap::new();
    for line in server.place.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(reference) = line["request_id"].as_str() {
            *queries.entry(reference.to_owned()).or_default() += usize::from(line["target"] == "sqlx::query");
        }
    }
    queries
}

#[tokio::test]
async fn where_nothing_has_changed_a_guarded_call_makes_no_query() {
    let settings = [
        ("CALLGATE_LOG_FORMAT", "json"),
        ("CALLGATE_LOG_FILTER", "info,sqlx::query=debug,callgate=debug"),
    ];
    let server = Place::new().demo(&settings).await;
    let (client, other) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let made = async || {
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 200);
        queries(&server)[reply.reference()]
    };
    // What earlier calls leave in the call log is a commit, after which one query asks what it was about.
    poll::until("a call without a query", async || made().await == 0).await;
    // A login of somebody else changes nothing for this session: at most one query asks whether anything has changed.
    server.logged_in("user02", "user_02").await;
    assert!(made().await <= 1);
    // A change that concerns somebody else costs that query only.
    other.done("logout", json!({})).await;
    assert!(made().await <= 1);
    // One that concerns this user has the session looked up again.
    server.user01().await.done("logout", json!({})).await;
    assert!(made().await >= 2);
}

//! Whatever ends a session or takes a permission, at one node, by command or by hand: the very next call at another node is
//! refused.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    cluster::{Cluster, NEW, assert_heals, logged_in, status},
    support::{client::Client, effort::rounds, poll::until, server::Server},
};

const USER: &str = "gundula";

/// The user, who may read users, as before every round.
const PREPARE: &str = "
    INSERT INTO roles (role, description) VALUES ('reader', '') ON CONFLICT DO NOTHING;
    INSERT INTO role_permissions (role, permission) VALUES ('reader', 'users.read') ON CONFLICT DO NOTHING;
    INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at)
      SELECT 'gundula', password_hash, TRUE, TRUE, created_at, changed_at FROM users WHERE user_id = 'user01'
      ON CONFLICT (user_id) DO UPDATE SET active = TRUE, demo = TRUE, password_hash = EXCLUDED.password_hash;
    INSERT INTO user_roles (user_id, role) VALUES ('gundula', 'reader') ON CONFLICT DO NOTHING";

pub const BY_THE_USER: &[&str] = &["logout", "end_session", "end_other_sessions", "change_password"];
pub const BY_AN_ADMINISTRATOR: &[&str] = &[
    "revoke_session",
    "revoke_sessions",
    "disable_user",
    "delete_user",
    "take_role",
    "put_role",
];
/// `ID` is that of the session.
pub const BY_COMMAND: &[&str] = &[
    "session revoke gundula ID",
    "session revoke gundula",
    "user passwd gundula",
    "user disable gundula",
    "user delete gundula",
    "role take gundula reader",
    "role put reader",
];
pub const BY_HAND: &[&str] = &[
    "DELETE FROM sessions WHERE user_id = 'gundula'",
    "UPDATE sessions SET data = '{}' WHERE user_id = 'gundula'",
    "UPDATE users SET active = FALSE WHERE user_id = 'gundula'",
    "DELETE FROM users WHERE user_id = 'gundula'",
    "DELETE FROM user_roles WHERE user_id = 'gundula'",
    "DELETE FROM role_permissions WHERE role = 'reader'",
];

#[derive(Debug, Clone, Copy)]
enum Way {
    Json,
    Page,
    Form,
}

impl Way {
    /// Whether the next call is let in.
    async fn is_let_in(self, user: &Client) -> bool {
        match self {
            Self::Json => {
                let reply = user.call("list_users", json!({})).await;
                match reply.status {
                    200 => return true,
                    401 => reply.assert_refused(401, "not_logged_in"),
                    _ => reply.assert_refused(403, "permission_required"),
                }
                false
            }
            Self::Page => {
                let reply = user.get("/users").await;
                assert!([200, 401, 403].contains(&reply.status), "{}", reply.body);
                reply.status == 200
            }
            Self::Form => {
                let reply = user.form("/functions/list_users", &[]).await;
                assert_eq!(reply.status, 303, "{}", reply.body);
                if reply.header("location").starts_with("/login") {
                    return false;
                }
                let shown = user.get("/functions/list_users").await;
                let is_let_in = shown.shows("200 OK");
                assert!(is_let_in || shown.shows("403 Forbidden"), "{}", shown.body);
                is_let_in
            }
        }
    }
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
    statement.execute(connection).await.unwrap();
}

/// The user's own session, by the list of sessions.
async fn own_id(user: &Client) -> String {
    let list = user.done("my_sessions", json!({})).await;
    let sessions = list["sessions"].as_array().unwrap();
    let own = sessions.iter().find(|session| session["current"] == true);
    own.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Calls a function at a node that takes something from `victim`.
async fn call(node: &Server, admin: &Client, function: &str, victim: &Client) {
    let (user, by_user) = match function {
        "logout" => (victim.clone().at(node.https), true),
        "end_session" | "end_other_sessions" | "change_password" => (logged_in(node, USER, "user_01").await, true),
        _ => (admin.clone(), false),
    };
    let arguments = match function {
        "end_session" => json!({"id": own_id(victim).await}),
        "change_password" => json!({"new_password": NEW}),
        "revoke_session" => json!({"user_id": USER, "id": own_id(victim).await}),
        "put_role" => json!({"role": "reader", "permissions": []}),
        "take_role" => json!({"user_id": USER, "role": "reader"}),
        _ if by_user => json!({}),
        _ => json!({"user_id": USER}),
    };
    user.done(function, arguments).await;
}

/// Brings each cause about at the first node, or beside the nodes, and makes the next call at the second one.
pub async fn assert_next_call_is_refused(cluster: &Cluster, causes: &[&str], rounds: usize) {
    let [first, second] = &cluster.nodes[..] else {
        unreachable!("two were started")
    };
    let mut database = cluster.database.connect().await;
    let bystander = logged_in(second, "user02", "user_02").await;
    for cause in causes {
        let admin = logged_in(first, "user03", "user_03").await;
        for round in 0..rounds + 4 {
            let way = match round {
                0 | 1 => Way::Page,
                2 | 3 => Way::Form,
                _ => Way::Json,
            };
            execute(&mut database, PREPARE).await;
            let victim = logged_in(second, USER, "user_01").await;
            assert!(way.is_let_in(&victim).await, "{cause}");
            if cause.starts_with(char::is_uppercase) {
                execute(&mut database, cause).await;
            } else if cause.contains(' ') {
                let line = cause.replace("ID", &own_id(&victim).await);
                cluster.command(&line, NEW).await;
            } else {
                call(first, &admin, cause, &victim).await;
            }
            assert!(!way.is_let_in(&victim).await, "{cause}, {way:?}, round {round}");
        }
        assert_eq!(bystander.who().await.as_deref(), Some("user02"), "{cause}");
    }
}

#[tokio::test]
async fn the_next_call_at_another_node_is_refused_after_a_change_by_the_user() {
    let cluster = Cluster::start(2, &[]).await;
    Box::pin(assert_next_call_is_refused(&cluster, BY_THE_USER, rounds(20, 500))).await;
}

#[tokio::test]
async fn the_next_call_at_another_node_is_refused_after_a_change_by_an_administrator() {
    let cluster = Cluster::start(2, &[]).await;
    Box::pin(assert_next_call_is_refused(
        &cluster,
        BY_AN_ADMINISTRATOR,
        rounds(20, 500),
    ))
    .await;
}

#[tokio::test]
async fn the_next_call_at_a_node_is_refused_after_a_change_by_command() {
    let cluster = Cluster::start(2, &[]).await;
    Box::pin(assert_next_call_is_refused(&cluster, BY_COMMAND, rounds(4, 500))).await;
}

#[tokio::test]
async fn the_next_call_at_a_node_is_refused_after_a_change_by_hand() {
    let cluster = Cluster::start(2, &[]).await;
    Box::pin(assert_next_call_is_refused(&cluster, BY_HAND, rounds(20, 500))).await;
}

/// With `database.trust_ms` there is a window, which the operator has chosen, and it ends in time.
#[tokio::test]
async fn with_trust_ms_no_call_is_let_in_that_begins_later_than_that_after_the_change() {
    const TRUST: Duration = Duration::from_millis(500);
    let cluster = Cluster::start(2, &[("CALLGATE_DATABASE_TRUST_MS", "500")]).await;
    let [first, second] = &cluster.nodes[..] else {
        unreachable!("two were started")
    };
    let (mut round, mut window_was_seen) = (0, false);
    until("a call in the window", async || {
        round += 1;
        let victim = logged_in(second, "user01", "user_01").await;
        // The node reads the log now, at the latest.
        assert!(victim.who().await.is_some());
        let ended = victim.clone().at(first.https).call("logout", json!({})).await;
        assert_eq!(ended.status, 200);
        let answered = Instant::now();
        loop {
            let called = Instant::now();
            if victim.who().await.is_none() {
                break;
            }
            window_was_seen = true;
            assert!(called - answered < TRUST, "{:?}", called - answered);
        }
        window_was_seen && round >= rounds(10, 200)
    })
    .await;
}

/// A node that was stopped does not take its old knowledge for new, whatever it was in the middle of.
#[tokio::test]
async fn a_node_that_was_frozen_meanwhile_refuses_what_was_revoked() {
    for trust in ["0", "1000"] {
        let cluster = Cluster::start(2, &[("CALLGATE_DATABASE_TRUST_MS", trust)]).await;
        let [first, second] = &cluster.nodes[..] else {
            unreachable!("two were started")
        };
        let bystander = logged_in(second, "user02", "user_02").await;
        for _ in 0..rounds(3, 50) {
            let victim = logged_in(second, "user01", "user_01").await;
            assert!(victim.who().await.is_some());
            second.freeze().await;
            let ended = victim.clone().at(first.https).call("logout", json!({})).await;
            assert_eq!(ended.status, 200);
            // The call reaches the node while it is frozen. The trust has ended when it goes on.
            let frozen = Instant::now();
            let (answer, ()) = tokio::join!(status(&victim), async {
                until("the trust to end", async || frozen.elapsed() > Duration::from_secs(1)).await;
                second.thaw();
            });
            assert!([401, 503].contains(&answer), "{answer}");
            assert_heals(&bystander, Duration::from_secs(1)).await;
            assert_eq!(victim.who().await, None);
        }
    }
}

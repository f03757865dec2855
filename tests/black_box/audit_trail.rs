//! The audit trail: every event, once, with who, when, from where, what, how it came out, and the reference of its request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use tokio::io::AsyncWriteExt as _;

use crate::{
    client::{CALL, Client, REMEMBER, Reply, SESSION},
    clock::{Clock, DAY},
    poll::until,
    raw,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const PASSWORD: &str = "seven small brown zebras";

async fn events(admin: &Client, filter: Value) -> Vec<Value> {
    let list = admin.done("list_events", filter).await;
    list["events"].as_array().unwrap().clone()
}

/// The one event that fits, once it is written.
async fn the_event(admin: &Client, filter: Value) -> Value {
    let mut found = Vec::new();
    until(&format!("an event {filter}"), async || {
        found = events(admin, filter.clone()).await;
        !found.is_empty()
    })
    .await;
    assert_eq!(found.len(), 1, "{filter}: {found:?}");
    found.remove(0)
}

/// security check 109
#[tokio::test]
async fn what_users_do_themselves_is_told_once_with_everything_that_finds_it_again() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let client = server.client();
    let right = json!({"user_id": "user01", "password": "user_01"});
    let wrong = json!({"user_id": "user01", "password": "wrong"});
    let unknown = json!({"user_id": "my password 123", "password": "x"});

    let mut expected = Vec::new();
    let mut told = |action, outcome, actor, user, about, reply: &Reply| {
        expected.push((action, outcome, actor, user, about, reply.reference().to_owned()));
    };
    told(
        "login",
        "refused",
        "",
        "",
        "unknown_user",
        &client.call("login", unknown).await,
    );
    told(
        "login",
        "refused",
        "",
        "user01",
        "wrong_password",
        &client.call("login", wrong).await,
    );
    told(
        "login",
        "ok",
        "user01",
        "user01",
        "password",
        &client.call("login", right.clone()).await,
    );
    let refused = client.call("list_users", json!({})).await;
    told(
        "refused",
        "refused",
        "user01",
        "",
        "list_users: AnyOf<Permission<users.read>, Permission<users.manage>>",
        &refused,
    );
    let other = server.client();
    other.call("login", right.clone()).await;
    let sessions = client.done("my_sessions", json!({})).await;
    let id = sessions["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["current"] == false);
    let ended = client.call("end_session", json!({"id": id.unwrap()["id"]})).await;
    told("sessions_ended", "ok", "user01", "user01", "1", &ended);
    let change = json!({"new_password": PASSWORD});
    let changed = client.call("change_password", change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    told("password_changed", "ok", "user01", "user01", "", &changed);
    let confirmed = client.call("confirm_login", json!({"password": PASSWORD})).await;
    told("login_confirmed", "ok", "user01", "user01", "", &confirmed);
    told(
        "logout",
        "ok",
        "user01",
        "user01",
        "1",
        &client.call("logout", json!({})).await,
    );

    for (action, outcome, actor, user, about, reference) in expected {
        let filter = json!({"action": action, "outcome": outcome, "most": 200});
        let mut found = Vec::new();
        until(&format!("{action} {outcome} {user}"), async || {
            found = events(&admin, filter.clone()).await;
            found.retain(|event| event["request_id"] == reference);
            !found.is_empty()
        })
        .await;
        assert_eq!(found.len(), 1, "{action}: {found:?}");
        let event = &found[0];
        assert_eq!(
            (&event["actor"], &event["user"], &event["address"]),
            (&json!(actor), &json!(user), &json!("127.0.0.1")),
            "{event}"
        );
        assert!(event["about"].as_str().unwrap().contains(about), "{event}");
        let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(
            now.as_secs().abs_diff(at.as_second().try_into().unwrap()) < 60,
            "{event}"
        );
        assert!(event["at"].as_str().unwrap().ends_with('Z'), "UTC: {event}");
    }
}

/// security check 109
#[tokio::test]
async fn a_stolen_browser_and_too_many_guesses_are_told() {
    let place = Place::new();
    let few = [("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "2")];
    let server = place.demo(&[QUICK, &few].concat()).await;
    let (admin, client) = (server.admin().await, server.client());
    client
        .done("login", json!({"user_id": "user01", "password": "user_01"}))
        .await;
    let used = client.cookie(REMEMBER).unwrap();
    let browser = server.client();
    browser.put(REMEMBER, &used);
    assert!(browser.who().await.is_some());
    let aged = "UPDATE remembered SET rotated_at = rotated_at - 11000";
    place.database().await.change(aged).await;
    let thief = server.client().with_only(REMEMBER, &used);
    assert_eq!(thief.who().await, None);
    let told = the_event(&admin, json!({"action": "token_reused"})).await;
    assert_eq!((&told["user"], &told["outcome"]), (&json!("user01"), &json!("refused")));
    for _ in 0..4 {
        let guess = json!({"user_id": "user02", "password": "wrong"});
        server.client().call("login", guess).await;
    }
    let throttled = the_event(&admin, json!({"action": "throttled"})).await;
    assert_eq!(
        (&throttled["about"], &throttled["user"]),
        (&json!("account"), &json!("user02"))
    );
}

/// security check 109
#[tokio::test]
async fn what_failed_is_told_with_whom_it_was_about() {
    let server = Server::quick_demo().await;
    let (admin, user) = (server.admin().await, server.user01().await);
    let refused = user.call("confirm_login", json!({"password": "wrong"})).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let told = the_event(&admin, json!({"action": "login_confirmed", "outcome": "refused"})).await;
    assert_eq!(
        (&told["actor"], &told["user"], &told["about"]),
        (&json!("user01"), &json!("user01"), &json!("wrong_password"))
    );
    // Nobody's password is that long, and still it is somebody's account.
    let too_long = json!({"user_id": "user02", "password": "a".repeat(2000)});
    assert_eq!(server.client().call("login", too_long).await.status, 401);
    let told = the_event(&admin, json!({"user": "user02", "outcome": "refused"})).await;
    assert_eq!((&told["actor"], &told["action"]), (&json!(""), &json!("login")));
}

/// security check 72: what is taken away is gone, although an answer is under way
#[tokio::test]
async fn an_export_that_lasts_ends_with_the_permission_of_whoever_asked_for_it() {
    let server = Server::quick_demo().await;
    server.place.done(&["role", "give", "user01", "admin"], "").await;
    let (admin, user) = (server.admin().await, server.user01().await);
    let mut database = server.place.database().await;
    database
        .change(
            "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 49999)
             INSERT INTO events (at, action, outcome, actor, user_id, about, address, request_id)
             SELECT 1700000000000, 'login', 'ok', 'ada', 'ada', hex(zeroblob(200)), '', '' FROM numbers",
        )
        .await;
    database
        .change(
            "INSERT INTO events (at, action, outcome, actor, user_id, about, address, request_id)
             VALUES (1700000000000, 'login', 'ok', 'ada', 'ada', 'the very last', '', '')",
        )
        .await;
    let mut stream = raw::tls(&server).await;
    let cookie = user.session();
    let request = format!(
        "GET /audit/events.jsonl HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let begin = raw::read_until(&mut stream, "\r\n\r\n").await;
    assert!(begin.starts_with("HTTP/1.1 200"), "{begin}");
    admin
        .done("take_role", json!({"user_id": "user01", "role": "admin"}))
        .await;
    let rest = raw::read_to_close(&mut stream).await;
    assert!(!rest.contains("the very last"), "{} bytes", rest.len());
}

/// security check 109: how many fail is up to strangers
#[tokio::test]
async fn failures_of_names_that_nobody_has_do_not_fill_the_trail() {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    let client = server.client();
    let minute = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    let began = minute();
    for number in 0..230 {
        let guess = json!({"user_id": format!("nobody{number}"), "password": "wrong"});
        assert_eq!(client.call("login", guess).await.status, 401);
    }
    client
        .call("login", json!({"user_id": "user01", "password": "wrong"}))
        .await;
    let admin = server.admin().await;
    the_event(&admin, json!({"action": "login", "user": "user01"})).await;
    let mut database = server.place.database().await;
    let stored = database.count("events WHERE action = 'login' AND user_id = ''").await;
    let most = 100 * i64::try_from(minute() - began + 1).unwrap();
    assert!((100..=most).contains(&stored), "{stored} of {most}");
}

#[tokio::test]
async fn what_administrators_do_is_told_of_both_sides() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    server.user01().await;
    let (ada, user) = (json!({"user_id": "ada"}), json!({"user_id": "user01"}));
    let given = json!({"user_id": "user01", "role": "reader"});
    let reader = json!({"role": "reader", "permissions": ["audit.read"]});
    for (function, arguments, action, whom, about) in [
        ("put_role", reader, "role_changed", "", "reader: audit.read"),
        ("give_role", given.clone(), "role_given", "user01", "reader"),
        ("take_role", given, "role_taken", "user01", "reader"),
        ("delete_role", json!({"role": "reader"}), "role_deleted", "", "reader"),
        ("create_user", ada.clone(), "user_added", "ada", ""),
        ("invite_user", ada.clone(), "link_made", "ada", "invitation"),
        ("disable_user", ada.clone(), "user_disabled", "ada", ""),
        ("enable_user", ada.clone(), "user_enabled", "ada", ""),
        ("revoke_sessions", user, "sessions_revoked", "user01", "all"),
        ("delete_user", ada, "user_deleted", "ada", ""),
    ] {
        let reply = admin.call(function, arguments).await;
        assert_eq!(reply.status, 200, "{function}: {}", reply.body);
        // It is there as soon as the change is.
        let mut found = events(&admin, json!({"action": action})).await;
        found.retain(|event| event["request_id"] == reply.reference());
        assert_eq!(found.len(), 1, "{function}: {found:?}");
        let event = &found[0];
        let expected =
            json!({"actor": "user03", "user": whom, "about": about, "outcome": "ok", "address": "127.0.0.1"});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&event[field], value, "{function} {field}");
        }
    }
    // What was refused has changed nothing and is told as refused.
    server
        .user01()
        .await
        .call("delete_user", json!({"user_id": "user02"}))
        .await;
    let refused = the_event(&admin, json!({"action": "refused", "user": "user01"})).await;
    assert!(refused["about"].to_string().contains("delete_user"), "{refused}");
    assert_eq!(
        events(&admin, json!({"action": "user_deleted", "user": "user02"}))
            .await
            .len(),
        0
    );
}

/// security check 71: own events, and nobody else's
#[tokio::test]
async fn everybody_reads_own_events_and_only_who_may_reads_the_others() {
    let server = Server::quick_demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    server.logged_in("user02", "user_02").await;
    admin.done("revoke_sessions", json!({"user_id": "user02"})).await;
    the_event(&admin, json!({"user": "user01", "action": "login"})).await;
    let own = user.done("my_events", json!({})).await;
    for event in own["events"].as_array().unwrap() {
        assert!([&event["actor"], &event["user"]].contains(&&json!("user01")), "{event}");
    }
    assert!(!own["events"].as_array().unwrap().is_empty());
    assert_eq!(user.call("my_events", json!({"user": "user02"})).await.status, 422);
    let page = user.get("/account").await;
    assert!(
        page.shows("Login") && !page.shows("Sessions ended by someone else"),
        "{}",
        page.body
    );
    for function in ["list_events", "list_calls"] {
        let reply = user.call(function, json!({})).await;
        assert_eq!(
            (reply.status, reply.value()["required"].clone()),
            (403, json!("audit.read"))
        );
        assert_eq!(server.client().call(function, json!({})).await.status, 401);
    }
    for (client, status) in [(&user, 403), (&server.client(), 401), (&admin, 200)] {
        for path in ["/audit", "/calls", "/audit/events.jsonl"] {
            assert_eq!(client.get(path).await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn lines_are_filtered_paged_and_exported_and_each_comes_once() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let mut database = server.place.database().await;
    let hostile = "</script>\r\n{\"forged\":true}\u{1b}[31m";
    database
        .change(&format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1999)
             INSERT INTO events (at, action, outcome, actor, user_id, about, address, request_id)
             SELECT 1700000000000 + n * 60000, CASE n % 2 WHEN 0 THEN 'login' ELSE 'logout' END, 'ok',
               printf('person%d', n % 5), '{hostile}', 'about ' || n, '203.0.113.7', 'r' || n FROM numbers"
        ))
        .await;
    let mut filter = json!({"user": "person3", "action": "login", "most": 7, "until": "2023-11-30"});
    let mut seen = Vec::new();
    loop {
        let list = admin.done("list_events", filter.clone()).await;
        for event in list["events"].as_array().unwrap() {
            assert_eq!(
                (&event["actor"], &event["action"]),
                (&json!("person3"), &json!("login"))
            );
            assert_eq!(event["user"], hostile);
            seen.push(event["id"].as_i64().unwrap());
        }
        if list["next"].is_null() {
            break;
        }
        filter["before"] = list["next"].clone();
    }
    assert_eq!(seen.len(), 200);
    assert!(
        seen.is_sorted_by(|later, earlier| later > earlier),
        "the latest first, and none twice"
    );
    // The first of them was at 22:13:20 on the 14th.
    for (since, until, expected) in [("2023-11-14", "2023-11-14", 107), ("2023-11-15", "2023-11-15", 1440)] {
        let export = admin
            .get(&format!("/audit/events.jsonl?user=&since={since}&until={until}"))
            .await;
        assert_eq!(export.header("content-type"), "application/x-ndjson");
        assert_eq!(export.body.lines().count(), expected);
    }
    let export = admin.get("/audit/events.jsonl").await;
    let mut last = 0;
    for line in export.body.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(event["id"].as_i64().unwrap() > last);
        assert!(!line.contains('\u{1b}'), "{line:?}");
        last = event["id"].as_i64().unwrap();
    }
    let stored = database.number("SELECT COUNT(*) FROM events").await;
    assert!(export.body.lines().count() >= 2000 && stored >= 2000);
    for (query, status) in [
        ("since=yesterday", 422),
        ("since=2026-02-01&until=2026-01-01", 422),
        ("since=%FF", 422),
        ("action=loggin", 422),
        ("outcome=no", 422),
        ("since=a&since=b", 400),
        ("user=+user01+&action=+login", 200),
    ] {
        assert_eq!(
            admin.get(&format!("/audit/events.jsonl?{query}")).await.status,
            status,
            "{query}"
        );
    }
    let page = admin.get("/audit?user=person3&action=login").await;
    assert!(page.status == 200 && page.shows("person3") && !page.shows("</script>\r\n{"));
}

/// The app adds lines; it neither changes nor removes one that is not old.
#[tokio::test]
async fn a_line_is_neither_changed_nor_removed() {
    let server = Server::quick_demo().await;
    server
        .admin()
        .await
        .done("create_user", json!({"user_id": "ada"}))
        .await;
    let file = server.place.data().join("callgate.db");
    let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    for statement in [
        "UPDATE events SET actor = 'somebody else'",
        "UPDATE events SET at = 0",
        "DELETE FROM events",
        "DELETE FROM events WHERE action = 'user_added'",
        "INSERT OR REPLACE INTO events SELECT * FROM events LIMIT 1",
    ] {
        let refused = sqlx::query(statement).execute(&mut connection).await;
        let error = refused.map(drop).expect_err(statement).to_string();
        assert!(error.contains("events"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn lines_are_kept_for_the_time_that_is_set_and_then_swept() {
    let keeping = [("CALLGATE_AUDIT_RETENTION_DAYS", "30")];
    let (clock, server) = Clock::demo(&keeping).await;
    let admin = server.admin().await;
    admin.done("create_user", json!({"user_id": "ada"})).await;
    admin.done("list_roles", json!({})).await;
    let mut database = server.place.database().await;
    until("the calls are written", async || database.count("calls").await > 1).await;
    let place = server.stop().await;
    for (later, is_kept) in [(29 * DAY, true), (31 * DAY, false)] {
        clock.set(later);
        let server = clock.start(&place, &keeping).await;
        let added = "SELECT COUNT(*) FROM events WHERE action = 'user_added' AND user_id = 'ada'";
        let listed = "SELECT COUNT(*) FROM calls WHERE function = 'list_roles'";
        if !is_kept {
            until("the old lines are swept", async || {
                database.number(added).await == 0 && database.number(listed).await == 0
            })
            .await;
        }
        // Somebody logs in, so that the server has done something by then.
        server.user01().await;
        assert_eq!(database.number(added).await == 1, is_kept);
        assert_eq!(database.number(listed).await == 1, is_kept);
        server.stop().await;
    }
}

/// security check 103: what describes a call neither fails it nor is lost with it
#[tokio::test]
async fn while_the_database_is_locked_calls_are_answered_and_their_lines_come_later() {
    let server = Server::quick_demo().await;
    let user = server.user01().await;
    let mut database = server.place.database().await;
    until("the login is noted", async || database.count("events").await >= 4).await;
    database.change("BEGIN IMMEDIATE").await;
    for _ in 0..5 {
        assert!(user.who().await.is_some());
        assert_eq!(user.call("list_users", json!({})).await.status, 403);
    }
    database.change("ROLLBACK").await;
    let calls = "SELECT COALESCE(SUM(calls), 0) FROM calls WHERE user_id = 'user01' AND function <> 'login'";
    let refused = "SELECT COUNT(*) FROM events WHERE action = 'refused' AND actor = 'user01'";
    until("all of it is written", async || {
        database.number(calls).await == 10 && database.number(refused).await == 5
    })
    .await;
}

/// security check 102
#[tokio::test]
async fn at_a_graceful_stop_nothing_that_was_answered_is_lost() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
    let user = server.user01().await;
    for _ in 0..50 {
        assert!(user.who().await.is_some());
        user.call("login", json!({"user_id": "user02", "password": "wrong"}))
            .await;
    }
    server.stop().await;
    let mut database = place.database().await;
    let calls = "SELECT COALESCE(SUM(calls), 0) FROM calls WHERE function = 'auth_func' AND user_id = 'user01'";
    assert_eq!(database.number(calls).await, 50);
    let failed = "SELECT COUNT(*) FROM events WHERE action = 'login' AND outcome = 'refused' AND user_id = 'user02'";
    assert_eq!(database.number(failed).await, 50);
}

/// security check 102
#[tokio::test]
async fn a_change_and_its_line_survive_a_crash_together() {
    let place = Place::new();
    for round in 0..5 {
        let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
        let admin = server.admin().await;
        let adding = async {
            let mut added = 0;
            for number in 0..40 {
                let user = format!("round{round}.{number}");
                admin
                    .done("create_user", json!({"user_id": user, "roles": ["admin"]}))
                    .await;
                added += 1;
                if added == 5 + round * 5 {
                    break;
                }
            }
        };
        adding.await;
        // One more is under way when it ends.
        let (last, killed) = (admin.clone(), server.kill());
        let under_way = tokio::spawn(async move {
            tokio::time::timeout(
                Duration::from_secs(5),
                last.call("create_user", json!({"user_id": "last"})),
            )
            .await
        });
        killed.await;
        drop(under_way.await);
    }
    let mut database = place.database().await;
    assert_eq!(database.text("PRAGMA integrity_check").await, "ok");
    let without = "SELECT COUNT(*) FROM users WHERE NOT EXISTS
         (SELECT 1 FROM events WHERE action = 'user_added' AND events.user_id = users.user_id)";
    assert_eq!(database.number(without).await, 0);
    let nobody = "SELECT COUNT(*) FROM events WHERE action = 'user_added' AND NOT EXISTS
         (SELECT 1 FROM users WHERE users.user_id = events.user_id)";
    assert_eq!(database.number(nobody).await, 0);
    let half =
        "SELECT COUNT(*) FROM users WHERE user_id LIKE 'round%' AND user_id NOT IN (SELECT user_id FROM user_roles)";
    assert_eq!(database.number(half).await, 0);
    let acknowledged = database
        .number("SELECT COUNT(*) FROM users WHERE user_id LIKE 'round%'")
        .await;
    assert_eq!(acknowledged, 5 + 10 + 15 + 20 + 25);
}

/// security check 109
#[tokio::test]
async fn no_secret_is_in_a_line() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
    let (admin, user) = (server.admin().await, server.client());
    let mut secrets = vec![
        "typed 1 zebra wrongly".to_owned(),
        "typed 2 zebras as a name".to_owned(),
        PASSWORD.to_owned(),
    ];
    user.call("login", json!({"user_id": secrets[1], "password": "x"}))
        .await;
    user.call("login", json!({"user_id": "user01", "password": secrets[0]}))
        .await;
    user.done("login", json!({"user_id": "user01", "password": "user_01"}))
        .await;
    user.done("auth_func", json!({"argument": "typed 3 zebras as an argument"}))
        .await;
    user.form(
        "/functions/auth_func",
        &[("arguments", r#"{"a": "typed 4 zebras in a form"}"#)],
    )
    .await;
    let link = admin.done("require_new_password", json!({"user_id": "user02"})).await;
    let link = link["link"].as_str().unwrap().to_owned();
    user.done("choose_password", json!({"code": link, "new_password": PASSWORD}))
        .await;
    secrets.push(link.split_once('#').unwrap().1.to_owned());
    secrets.extend(["typed 3 zebras as an argument", "typed 4 zebras in a form", "argon2"].map(str::to_owned));
    secrets.push(user.session());
    secrets.extend([REMEMBER, CALL].into_iter().filter_map(|name| user.cookie(name)));
    server.stop().await;
    let written = place.database().await.values().await;
    let written: Vec<_> = written
        .iter()
        .filter(|(table, ..)| ["events", "calls"].contains(&table.as_str()))
        .collect();
    assert!(written.len() > 100);
    for (table, column, value) in written {
        for secret in secrets.iter().flat_map(|secret| secret.split('.')) {
            assert!(!value.contains(secret), "{table}.{column}: {value}");
        }
    }
}

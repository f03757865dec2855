//! The audit log: every event once, with its time, action, outcome, actor, user, address and request.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    PASSWORD, assert_fields, remembered, rows, session_id,
    support::{
        client::{Client, REMEMBER, SESSION},
        clock::{Clock, DAY},
        database::Database,
        place::Place,
        poll::until,
        raw,
        server::{Server, UNTHROTTLED},
    },
    texts,
};

async fn events(admin: &Client, filter: Value) -> Vec<Value> {
    let list = admin.done("list_events", filter).await;
    list["events"].as_array().unwrap().clone()
}

/// Waits for the only matching event.
async fn the_event(admin: &Client, filter: Value, fits: impl Fn(&Value) -> bool) -> Value {
    let mut found = Vec::new();
    until(&format!("an event {filter}"), async || {
        found = events(admin, filter.clone()).await;
        found.retain(&fits);
        !found.is_empty()
    })
    .await;
    assert_eq!(found.len(), 1, "{filter}: {found:?}");
    found.remove(0)
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

#[tokio::test]
async fn logins_and_changes_of_users_are_each_logged_once_with_their_request() {
    let began = now();
    let server = Server::demo().await;
    let (admin, client) = (server.admin().await, server.client());
    let too_long = format!(r#"{{"user_id":"user02","password":"{}"}}"#, "a".repeat(2000));
    // A name that nobody has is not logged: it may be a password.
    let table = r#"
        login           | {"user_id": "my password 123", "password": "x"} | login | refused | | | unknown_user
        login           | {"user_id": "user01", "password": "wrong"}      | login | refused | | user01 | wrong_password
        login           | TOO LONG                        | login            | refused |        | user02 |
        login           | RIGHT                           | login            | ok      | user01 | user01 | password
        list_users      | {}                              | refused          | refused | user01 |        | GUARD
        end_session     | {"id": "ANOTHER"}               | sessions_ended   | ok      | user01 | user01 | 1
        confirm_login   | {"password": "wrong"}           | login_confirmed  | refused | user01 | user01 | wrong_password
        change_password | {"new_password": "PASSWORD"}    | password_changed | ok      | user01 | user01 |
        confirm_login   | {"password": "PASSWORD"}        | login_confirmed  | ok      | user01 | user01 |
        logout          | {}                              | logout           | ok      | user01 | user01 | 1"#;
    for [function, arguments, action, outcome, actor, user, about] in rows(table) {
        let right = r#"{"user_id": "user01", "password": "user_01"}"#;
        let mut arguments = arguments.replace("PASSWORD", PASSWORD).replace("TOO LONG", &too_long);
        arguments = arguments.replace("RIGHT", right);
        let guard = "list_users: AnyOf<Permission<users.read>, Permission<users.manage>>";
        let about = about.replace("GUARD", guard);
        if function == "end_session" {
            server.user01().await;
            let other = session_id(&client.done("my_sessions", json!({})).await, false);
            arguments = arguments.replace("ANOTHER", &other);
        }
        let reply = client.json(&format!("/api/{function}"), &arguments).await;
        assert_eq!(reply.status == 200, outcome == "ok", "{function}: {}", reply.body);
        let filter = json!({"action": action, "most": 200});
        let event = the_event(&admin, filter, |event| event["request_id"] == reply.reference()).await;
        assert_fields(&event, &json!({"outcome": outcome, "actor": actor}));
        assert_fields(&event, &json!({"user": user, "address": "127.0.0.1"}));
        assert!(event["about"].as_str().unwrap().contains(&about), "{event}");
        let at = event["at"].as_str().unwrap();
        let second = at.parse::<jiff::Timestamp>().unwrap().as_second();
        assert!(at.ends_with('Z') && (began..=now()).contains(&second), "{at}");
    }
}

#[tokio::test]
async fn a_reused_remember_token_and_too_many_guesses_are_logged() {
    let few = [("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "2")];
    let server = Place::new().demo(&few).await;
    let admin = server.admin().await;
    let used = remembered(&server, "user01").await.cookie(REMEMBER).unwrap();
    assert!(server.client().with_only(REMEMBER, &used).who().await.is_some());
    let aged = "UPDATE remembered SET rotated_at = rotated_at - 600000";
    server.place.database().await.change(aged).await;
    assert_eq!(server.client().with_only(REMEMBER, &used).who().await, None);
    let reused = the_event(&admin, json!({"action": "token_reused"}), |_| true).await;
    assert_fields(&reused, &json!({"user": "user01", "outcome": "refused"}));
    for _ in 0..4 {
        let guess = json!({"user_id": "user02", "password": "wrong"});
        server.client().call("login", guess).await;
    }
    let throttled = the_event(&admin, json!({"action": "throttled"}), |_| true).await;
    assert_fields(&throttled, &json!({"user": "user02", "about": "account"}));
}

#[tokio::test]
async fn an_export_ends_while_it_is_sent_once_its_reader_loses_the_permission() {
    let server = Server::demo().await;
    server.place.done(&["role", "give", "user01", "admin"], "").await;
    let (admin, user) = (server.admin().await, server.user01().await);
    // More than the buffers between the server and this client hold.
    let mut database = server.place.database().await;
    let many = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50000)
         INSERT INTO events (id, at, action, outcome, actor, user_id, about, address, request_id)
         SELECT {first} + n, 1700000000000, 'login', 'ok', 'ada', 'ada',
           CASE WHEN n < 50000 THEN '{long}' ELSE 'the very last' END, '', ''
         FROM numbers",
        first = database.reserve_ids("events", 50_001).await,
        long = "0".repeat(400),
    );
    assert_eq!(database.change(&many).await, 50_001);
    let mut stream = raw::tls(&server).await;
    let request = format!(
        "GET /audit/events.jsonl HTTP/1.1\r\nHost: localhost\r\nCookie: {}={}\r\nConnection: close\r\n\r\n",
        user.cookie_name(SESSION),
        user.session()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let begin = raw::read_until(&mut stream, "\r\n\r\n").await;
    assert!(begin.starts_with("HTTP/1.1 200"), "{begin}");
    let role = json!({"user_id": "user01", "role": "admin"});
    admin.done("take_role", role).await;
    let rest = raw::read_to_close(&mut stream).await;
    assert!(!rest.contains("the very last"), "{} bytes", rest.len());
}

#[tokio::test]
async fn at_most_100_failures_a_minute_are_logged_of_names_that_nobody_has() {
    let place = Place::new();
    let clock = Clock::new(&place);
    let server = clock.start(&place, UNTHROTTLED).await;
    // A time without an offset stops the clock: all of it happens within one minute.
    fs::write(place.path("clock"), "2040-01-01 00:00:30\n").unwrap();
    for number in 0..105 {
        let guess = json!({"user_id": format!("nobody{number}"), "password": "wrong"});
        assert_eq!(server.client().call("login", guess).await.status, 401);
    }
    let of_user = json!({"user_id": "user01", "password": "wrong"});
    server.client().call("login", of_user).await;
    let mut database = place.database().await;
    let stored = "events WHERE action = 'login' AND outcome = 'refused' AND user_id = ";
    until("the failure of a user is logged", async || {
        database.count(&format!("{stored}'user01'")).await == 1
    })
    .await;
    assert_eq!(database.count(&format!("{stored}''")).await, 100);
}

#[tokio::test]
async fn what_administrators_do_is_logged_once_with_actor_and_user() {
    let server = Server::demo().await;
    let (admin, user) = (server.admin().await, server.user01().await);
    let table = r#"
        put_role        | {"role": "reader", "permissions": ["audit.read"]} | role_changed  |  | reader: audit.read
        give_role       | {"user_id": "user01", "role": "reader"}           | role_given       | user01 | reader
        take_role       | {"user_id": "user01", "role": "reader"}           | role_taken       | user01 | reader
        delete_role     | {"role": "reader"}                                | role_deleted     |        | reader
        create_user     | {"user_id": "ada"}                                | user_added       | ada    |
        invite_user     | {"user_id": "ada"}                                | link_made        | ada    | invitation
        disable_user    | {"user_id": "ada"}                                | user_disabled    | ada    |
        enable_user     | {"user_id": "ada"}                                | user_enabled     | ada    |
        revoke_sessions | {"user_id": "user01"}                             | sessions_revoked | user01 | all
        delete_user     | {"user_id": "ada"}                                | user_deleted     | ada    |"#;
    for [function, arguments, action, whom, about] in rows(table) {
        let reply = admin.json(&format!("/api/{function}"), arguments).await;
        assert_eq!(reply.status, 200, "{function}: {}", reply.body);
        // It is there as soon as the change is.
        let mut found = events(&admin, json!({"action": action})).await;
        found.retain(|event| event["request_id"] == reply.reference());
        assert_eq!(found.len(), 1, "{function}: {found:?}");
        assert_fields(&found[0], &json!({"actor": "user03", "outcome": "ok"}));
        let place = json!({"user": whom, "about": about, "address": "127.0.0.1"});
        assert_fields(&found[0], &place);
    }
    assert_eq!(user.who().await, None);
    let refused = json!({"user_id": "user02"});
    server.user01().await.call("delete_user", refused).await;
    let refused = the_event(&admin, json!({"action": "refused", "user": "user01"}), |_| true).await;
    assert!(refused["about"].to_string().contains("delete_user"), "{refused}");
    let deleted = json!({"action": "user_deleted", "user": "user02"});
    assert!(events(&admin, deleted).await.is_empty());
}

#[tokio::test]
async fn users_read_their_own_events_and_nobody_elses() {
    let server = Server::demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    server.logged_in("user02", "user_02").await;
    admin.done("revoke_sessions", json!({"user_id": "user02"})).await;
    the_event(&admin, json!({"user": "user01", "action": "login"}), |_| true).await;
    let own = user.done("my_events", json!({})).await["events"].clone();
    assert_eq!(texts(&own, "action"), ["login", "user_added"]);
    assert_eq!(texts(&own, "user"), ["user01", "user01"]);
    assert_eq!(user.call("my_events", json!({"user": "user02"})).await.status, 422);
    let page = user.get("/account").await;
    assert!(page.shows("Login") && !page.shows("Sessions ended by someone else"));
}

#[tokio::test]
async fn events_and_calls_are_filtered_and_read_by_page_and_events_exported_each_once() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let mut database = server.place.database().await;
    let hostile = "</script>\r\n{\"forged\":true}\u{1b}[31m";
    for (table, columns, values) in [
        (
            "events",
            "about, actor, user_id, action",
            format!("'about ' || n, 'person' || (n % 5), '{hostile}'"),
        ),
        (
            "calls",
            "calls, took_us, user_id, function",
            "1, n, 'person' || (n % 5)".to_owned(),
        ),
    ] {
        let rows = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1999)
             INSERT INTO {table} (id, {columns}, outcome, address, request_id, at)
             SELECT {first} + n, {values}, CASE n % 2 WHEN 0 THEN 'login' ELSE 'logout' END, 'ok', '203.0.113.7', 'r' || n,
               1700000000000 + n * 60000
             FROM numbers",
            first = database.reserve_ids(table, 2000).await,
        );
        assert_eq!(database.change(&rows).await, 2000);
    }
    let event = json!({"actor": "person3", "action": "login", "user": hostile});
    let call = json!({"user": "person3", "function": "login"});
    for (function, list, what, expected) in [
        ("list_events", "events", "action", event),
        ("list_calls", "calls", "function", call),
    ] {
        let mut filter = json!({"user": "person3", what: "login", "outcome": "ok", "most": 7, "until": "2023-11-30"});
        let (mut seen, mut pages) = (Vec::new(), 0);
        while pages == 0 || !filter["before"].is_null() {
            let page = admin.done(function, filter.clone()).await;
            for row in page[list].as_array().unwrap() {
                assert_fields(row, &expected);
                seen.push(row["id"].as_i64().unwrap());
            }
            pages += 1;
            filter["before"] = page["next"].clone();
        }
        assert_eq!((seen.len(), pages), (200, 29), "{function}");
        assert!(seen.is_sorted_by(|later, earlier| later > earlier), "{function}");
    }
    // The first of them was at 22:13:20 on the 14th.
    for (day, expected) in [("2023-11-14", 107), ("2023-11-15", 1440)] {
        let export = admin
            .get(&format!("/audit/events.jsonl?user=&since={day}&until={day}"))
            .await;
        assert_eq!(export.header("content-type"), "application/x-ndjson");
        assert_eq!(export.body.lines().count(), expected);
    }
    for (zone, expected) in [("Asia/Seoul", 0), ("America/Lima", 200)] {
        let filter = json!({"since": "2023-11-14", "until": "2023-11-14", "time_zone": zone, "most": 200});
        assert_eq!(events(&admin, filter).await.len(), expected, "{zone}");
    }
    let unknown = admin.call("list_calls", json!({"time_zone": "Asia/Seol"})).await;
    unknown.assert_refused(422, "invalid_arguments");
    let export = admin.get("/audit/events.jsonl").await;
    let mut last = 0;
    for line in export.body.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let id = event["id"].as_i64().unwrap();
        assert!(id > last && !line.contains('\u{1b}'), "{line:?}");
        last = id;
    }
    assert!(export.body.lines().count() >= 2000);
    let table = "
        since=yesterday | 422
        since=2026-02-01&until=2026-01-01 | 422
        since=%FF | 422
        action=loggin | 422
        outcome=no | 422
        since=a&since=b | 400
        user=+user01+&action=+login | 200";
    for [query, status] in rows(table) {
        let export = admin.get(&format!("/audit/events.jsonl?{query}")).await;
        assert_eq!(export.status.to_string(), status, "{query}");
    }
    let page = admin.get("/audit?user=person3&action=login").await;
    assert!(page.status == 200 && page.shows("person3") && !page.shows("</script>\r\n{"));
    let page = admin.get("/calls?user=person3&function=login").await;
    assert!(page.status == 200 && page.shows("person3") && !page.shows("person2"));
}

#[tokio::test]
async fn pages_and_the_export_filter_by_the_days_of_the_time_zone_of_the_site() {
    let utc = jiff::Timestamp::now().to_zoned(TimeZone::UTC);
    // Another day than in UTC, at each time.
    let zone = if utc.hour() < 10 {
        "Pacific/Pago_Pago"
    } else {
        "Pacific/Kiritimati"
    };
    let server = Place::new().demo(&[("CALLGATE_SITE_TIME_ZONE", zone)]).await;
    let admin = server.admin().await;
    the_event(&admin, json!({"user": "user03", "action": "login"}), |_| true).await;
    let all = "/calls?function=login&user=user03";
    until("the call", async || admin.get(all).await.shows("<time")).await;
    let there = utc.in_tz(zone).unwrap();
    for (day, expected) in [(there.date(), 1), (utc.date(), 0)] {
        let filter = format!("user=user03&since={day}&until={day}");
        let audit = admin.get(&format!("/audit?action=login&{filter}")).await;
        let calls = admin.get(&format!("/calls?function=login&{filter}")).await;
        for page in [audit, calls] {
            assert_eq!(
                page.body.matches("<time").count(),
                expected,
                "{day} in {zone}: {}",
                page.body
            );
        }
        let export = admin.get(&format!("/audit/events.jsonl?action=login&{filter}")).await;
        assert_eq!(export.body.lines().count(), expected, "{day} in {zone}");
    }
}

#[tokio::test]
async fn a_stored_event_is_neither_changed_nor_removed() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let not_standard = match database {
        Database::Sqlite(_) => "INSERT OR REPLACE INTO events SELECT * FROM events LIMIT 1",
        Database::Postgres(_) => "TRUNCATE events",
    };
    for statement in [
        "UPDATE events SET actor = 'somebody else'",
        "UPDATE events SET at = 0",
        "DELETE FROM events",
        not_standard,
    ] {
        let error = database.try_change(statement).await.expect_err(statement).to_string();
        assert!(error.contains("events"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn events_and_calls_are_removed_after_the_days_that_are_set() {
    let place = Place::new();
    place.add_user("ada", PASSWORD).await;
    let mut database = place.database().await;
    for days in [31, 29] {
        let at = (now() - days * DAY) * 1000;
        let columns = [
            ("events", "action, actor, about"),
            ("calls", "function, calls, took_us"),
        ];
        for (table, columns) in columns {
            let id = database.reserve_ids(table, 1).await;
            let row = format!("{id}, {at}, 'login', 1, 1, 'ok', '', '', '{days}'");
            let columns = format!("id, at, {columns}, outcome, user_id, address, request_id");
            database
                .change(&format!("INSERT INTO {table} ({columns}) VALUES ({row})"))
                .await;
        }
    }
    let _server = place.serve(&[("CALLGATE_AUDIT_RETENTION_DAYS", "30")]).await;
    for table in ["events", "calls"] {
        let old = format!("{table} WHERE request_id = '31'");
        until("the old rows are removed", async || database.count(&old).await == 0).await;
        let young = format!("{table} WHERE request_id = '29'");
        assert_eq!(database.count(&young).await, 1, "{table}");
    }
    assert_eq!(database.count("events WHERE action = 'user_added'").await, 1);
}

#[tokio::test]
async fn while_the_database_is_locked_calls_are_answered_and_logged_later() {
    let server = Server::demo().await;
    let user = server.user01().await;
    let mut database = server.place.database().await;
    until("the login is written", async || {
        database.count("events WHERE action = 'login'").await == 1 && database.count("calls").await == 1
    })
    .await;
    database.lock().await;
    for _ in 0..5 {
        assert!(user.who().await.is_some());
        assert_eq!(user.call("list_users", json!({})).await.status, 403);
    }
    let has_failed = async || server.place.log().contains("writing the audit log");
    until("a write to fail", has_failed).await;
    let refused = "events WHERE action = 'refused' AND actor = 'user01'";
    assert_eq!(database.count(refused).await, 0);
    database.change("ROLLBACK").await;
    let calls =
        "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT) FROM calls WHERE user_id = 'user01' AND function <> 'login'";
    until("the calls are written", async || database.number(calls).await == 10).await;
    until("the events are written", async || database.count(refused).await == 5).await;
}

#[tokio::test]
async fn a_graceful_stop_loses_no_event_and_no_call() {
    let place = Place::new();
    let server = place.demo(UNTHROTTLED).await;
    let user = server.user01().await;
    for _ in 0..20 {
        assert!(user.who().await.is_some());
        let wrong = json!({"user_id": "user02", "password": "wrong"});
        assert_eq!(user.call("login", wrong).await.status, 401);
    }
    server.stop().await;
    let mut database = place.database().await;
    let calls =
        "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT) FROM calls WHERE function = 'auth_func' AND user_id = 'user01'";
    assert_eq!(database.number(calls).await, 20);
    let failed = "events WHERE action = 'login' AND outcome = 'refused' AND user_id = 'user02'";
    assert_eq!(database.count(failed).await, 20);
}

#[tokio::test]
async fn after_a_crash_a_change_and_its_event_are_both_there_or_neither() {
    let place = Place::new();
    for round in 0..3 {
        let server = place.demo(UNTHROTTLED).await;
        let admin = server.admin().await;
        for number in 0..5 + round {
            let user = json!({"user_id": format!("round{round}.{number}"), "roles": ["admin"]});
            admin.done("create_user", user).await;
        }
        // One more call is running when the server is killed. Its client gets an error, or no answer.
        let last = json!({"user_id": format!("last{round}"), "roles": ["admin"]});
        let running = tokio::spawn(async move { admin.call("create_user", last).await });
        for _ in 0..round * 20 {
            tokio::task::yield_now().await;
        }
        server.kill().await;
        running.abort();
    }
    let mut database = place.database().await;
    database.assert_intact().await;
    for without in [
        "users WHERE user_id NOT IN (SELECT user_id FROM events WHERE action = 'user_added')",
        "events WHERE action = 'user_added' AND user_id NOT IN (SELECT user_id FROM users)",
        "users WHERE user_id LIKE 'round%' AND user_id NOT IN (SELECT user_id FROM user_roles)",
        "users WHERE user_id LIKE 'last%' AND user_id NOT IN (SELECT user_id FROM user_roles)",
    ] {
        assert_eq!(database.count(without).await, 0, "{without}");
    }
    assert_eq!(database.count("users WHERE user_id LIKE 'round%'").await, 5 + 6 + 7);
}

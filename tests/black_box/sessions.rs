//! Sessions: how one begins, what keeps it, and how it ends for good.

use std::{fs, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;

use crate::{
    client::{CALL, Client, REMEMBER, SESSION},
    clock::Clock,
    database::Database,
    poll,
    server::{Place, QUICK, ROOM_FOR_THREE, Server},
};

const MINUTE: i64 = 60 * 1000;
const LOGIN: &str = r#"{"user_id":"user01","password":"user_01","remember":false}"#;

/// Lets a well-formed session token come from somebody else.
const FOREIGN: &str = "AAECAwQFBgcICQoLDA0ODw";

async fn cookie_still_works(client: &Client, session: &str) -> bool {
    client.with_only(SESSION, session).who().await.is_some()
}

/// Uses the one session there is until that is noted: on a busy machine a call goes on without it.
pub async fn use_until_noted(database: &mut Database, mut uses: impl AsyncFnMut()) {
    let noted = "SELECT last_used_at FROM sessions";
    let before = database.number(noted).await;
    poll::until("the use to be noted", async || {
        uses().await;
        // It is noted once a minute: what is later by less is an earlier use, of which the note came late.
        database.number(noted).await > before + MINUTE / 2
    })
    .await;
}

/// Uses the one session there is so many seconds after the start, one after the other: it is live each time.
async fn use_at(moments: [i64; 2], clock: &Clock, client: &Client, database: &mut Database) {
    for seconds in moments {
        clock.set(seconds);
        use_until_noted(database, async || {
            assert_eq!(client.who().await.as_deref(), Some("user01"));
        })
        .await;
    }
}

/// security check 17. The jar of the client looks at the attributes of every cookie in every test.
#[tokio::test]
async fn a_login_sets_cookies_that_no_other_site_and_no_script_can_touch() {
    let server = Server::demo().await;
    let client = server.client();
    let reply = client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
    let set: Vec<&str> = reply
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|header| header.to_str().unwrap())
        .collect();
    for header in set {
        let end = "; Path=/; Secure; HttpOnly; SameSite=Lax";
        assert!(header.ends_with(end), "{header}");
    }
    // The values are in no body, here or later.
    let values = [client.session(), client.cookie(REMEMBER).unwrap()];
    let mut bodies = vec![reply.body];
    for path in ["/", "/functions/auth_func", "/login"] {
        bodies.push(client.get(path).await.body);
    }
    for name in ["auth_func", "current_user", "list_functions"] {
        bodies.push(client.json(&format!("/api/{name}"), "{}").await.body);
    }
    for body in bodies {
        for value in &values {
            assert!(!body.contains(value.as_str()), "{body}");
        }
    }
}

/// security check 18, the header
#[tokio::test]
async fn a_logout_removes_the_cookies_in_a_way_that_browsers_take() {
    let server = Server::demo().await;
    let client = server.client();
    client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    let reply = client.json("/api/logout", "{}").await;
    assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
    for header in reply.headers.get_all("set-cookie") {
        let header = header.to_str().unwrap();
        let end = "=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax";
        assert!(header.ends_with(end), "{header}");
    }
}

/// security check 20
#[tokio::test]
async fn nobody_gets_a_cookie_or_a_row_without_a_login() {
    let server = Server::demo().await;
    let client = server.client();
    for _ in 0..20 {
        for path in [
            "/",
            "/login",
            "/functions/auth_func",
            "/nothing",
            "/favicon.svg",
            "/pkg/callgate.js",
        ] {
            let reply = client.get(path).await;
            assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.headers);
        }
        for name in [
            "notauth_func",
            "auth_func",
            "current_user",
            "list_functions",
            "logout",
            "nothing",
        ] {
            let reply = client.json(&format!("/api/{name}"), "{}").await;
            assert!(reply.set_cookies().is_empty(), "{name}: {:?}", reply.headers);
        }
    }
    let wrong = r#"{"user_id":"user01","password":"wrong"}"#;
    assert!(client.json("/api/login", wrong).await.set_cookies().is_empty());
    let mut database = server.place.database().await;
    for table in ["sessions", "remembered", "kept_calls"] {
        assert_eq!(database.count(table).await, 0, "{table}");
    }
}

/// security checks 21 and 22
#[tokio::test]
async fn a_login_never_takes_over_a_token_that_was_there_before() {
    let server = Server::demo().await;
    let client = server.client();
    client.put(SESSION, FOREIGN);
    assert_eq!(client.who().await, None);
    let reply = client.json("/api/login", LOGIN).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        !cookie_still_works(&client, FOREIGN).await,
        "whoever planted the token is logged in with it"
    );
    assert_eq!(reply.cookie_names(), [SESSION]);
    assert_ne!(client.session(), FOREIGN);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(server.place.database().await.count("sessions").await, 1);
}

/// security checks 21 and 94
#[tokio::test]
async fn a_malformed_token_counts_as_none() {
    let server = Server::demo().await;
    let client = server.client();
    let long = "A".repeat(5000);
    for value in [
        "",
        "x",
        "=",
        "AAECAwQFBgcICQoLDA0OD",
        "AAECAwQFBgcICQoLDA0ODwAA",
        "....",
        "%00",
        "\"\"",
        long.as_str(),
    ] {
        let client = client.with_only(SESSION, value);
        client.put(REMEMBER, value);
        client.put(CALL, value);
        assert_eq!(client.clone().who().await, None, "{value}");
        assert_eq!(client.clone().get("/").await.status, 200, "{value}");
        let login = client.json("/api/login", LOGIN).await;
        assert_eq!(login.status, 200, "{value}: {}", login.body);
        assert_eq!(client.who().await.as_deref(), Some("user01"), "{value}");
    }
    for bytes in [
        &b"__Host-callgate=\xff\xfe"[..],
        b"\x80",
        b"__Host-callgate",
        b";;;=;",
        b"==",
    ] {
        let reply = client
            .request("POST", "/api/auth_func")
            .header("content-type", "application/json")
            .header_bytes("cookie", bytes)
            .body("{}")
            .send()
            .await;
        assert_eq!(reply.status, 401, "{bytes:?}: {}", reply.body);
        let reply = client
            .request("GET", "/")
            .header_bytes("cookie", bytes)
            .header_bytes("accept-language", b"\xff\xfe")
            .header_bytes("authorization", b"\xff\xfe")
            .send()
            .await;
        assert_eq!(reply.status, 200, "{bytes:?}");
    }
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}

/// security check 23
#[tokio::test]
async fn logging_in_again_changes_the_token_and_leaves_nothing_of_the_user_before() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let first = client.session();
    assert_eq!(client.json("/api/login", LOGIN).await.cookie_names(), [SESSION]);
    let second = client.session();
    assert_ne!(first, second);
    assert!(!cookie_still_works(&client, &first).await);

    let other = r#"{"user_id":"user02","password":"user_02","remember":false}"#;
    client.json("/api/login", other).await;
    assert_ne!(client.session(), second);
    assert!(!cookie_still_works(&client, &second).await);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
    let mut database = server.place.database().await;
    assert_eq!(database.count("sessions").await, 1);
    assert_eq!(
        database
            .number("SELECT COUNT(*) FROM sessions WHERE user_id <> 'user02' OR data LIKE '%user01%'")
            .await,
        0
    );
}

/// security check 25
#[tokio::test]
async fn a_session_that_was_logged_out_is_dead_and_other_devices_stay_in() {
    let server = Server::demo().await;
    let (phone, laptop) = (server.user01().await, server.user01().await);
    let copied = phone.clone();
    assert_eq!(phone.json("/api/logout", "{}").await.status, 200);
    assert_eq!(phone.cookie(SESSION), None);
    for _ in 0..2 {
        assert_eq!(copied.who().await, None);
        let again = copied.json("/api/logout", "{}").await;
        assert_eq!((again.status, again.code().as_str()), (401, "not_logged_in"));
        assert!(!copied.get("/").await.shows("Logged in as"));
    }
    assert_eq!(laptop.who().await.as_deref(), Some("user01"));
    assert_eq!(server.place.database().await.count("sessions").await, 1);
}

/// security check 26
#[tokio::test]
async fn calls_under_way_do_not_bring_a_session_back_that_is_logged_out_meanwhile() {
    let server = Server::quick_demo().await;
    for _ in 0..4 {
        let client = server.user01().await;
        // Old enough for its use to be noted again: every one of these calls writes to it.
        let mut database = server.place.database().await;
        database.rest_sessions(300).await;
        let calls = (0..50).map(|number| {
            let client = client.clone();
            async move {
                let reply = match number {
                    25 => return client.json("/api/logout", "{}").await,
                    number if number % 3 == 0 => client.get("/").await,
                    _ => client.json("/api/auth_func", "{}").await,
                };
                assert!([200, 401].contains(&reply.status), "{}", reply.body);
                assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
                reply
            }
        });
        let replies = join_all(calls).await;
        assert_eq!(replies[25].status, 200, "{}", replies[25].body);
        assert_eq!(client.who().await, None);
        assert_eq!(database.count("sessions").await, 0);
    }
}

/// security check 27
#[tokio::test]
async fn a_hundred_calls_at_once_on_one_cookie_all_see_its_user() {
    let server = Server::quick_demo().await;
    let (one, two) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let calls = (0..100).map(|number| {
        let (client, user) = match number % 2 {
            0 => (one.clone(), "user01"),
            _ => (two.clone(), "user02"),
        };
        async move {
            match number % 5 {
                0 => {
                    let page = client.get("/").await;
                    assert!(page.shows(user), "{}", page.body);
                    assert!(page.set_cookies().is_empty());
                }
                1 => assert_eq!(client.json("/api/auth_func", "{").await.status, 400),
                _ => assert_eq!(client.who().await.as_deref(), Some(user)),
            }
        }
    });
    join_all(calls).await;
    assert_eq!(one.who().await.as_deref(), Some("user01"));
    assert_eq!(two.who().await.as_deref(), Some("user02"));
}

/// security check 27, while the database fails in between: nobody is logged out by it, and nobody becomes somebody else
#[tokio::test]
async fn a_failure_in_the_middle_of_many_calls_logs_nobody_out() {
    let server = Server::quick_demo().await;
    let (one, two) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let mut database = server.place.database().await;
    let calls = |count: usize| {
        join_all((0..count).map(|number| {
            let (client, user) = [(one.clone(), "user01"), (two.clone(), "user02")][number % 2].clone();
            async move {
                let reply = client.json("/api/auth_func", "{}").await;
                assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
                match reply.status {
                    200 => assert!(reply.body.contains(&format!("user_id={user}")), "{}", reply.body),
                    status => assert_eq!(status, 500, "{}", reply.body),
                }
                reply.status
            }
        }))
    };
    let ((), around) = tokio::join!(
        async {
            database.change("ALTER TABLE sessions RENAME TO elsewhere").await;
            let within = calls(20).await;
            database.change("ALTER TABLE elsewhere RENAME TO sessions").await;
            assert_eq!(within, [500; 20]);
        },
        calls(100)
    );
    assert!(around.len() == 100);
    assert_eq!(one.who().await.as_deref(), Some("user01"));
    assert_eq!(two.who().await.as_deref(), Some("user02"));
}

/// security check 27, across the moment of the login
#[tokio::test]
async fn a_slow_answer_from_before_a_login_does_not_take_the_new_cookie_away() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let stale = client.clone();
    client.json("/api/logout", "{}").await;
    let calls = (0..60).map(|number| {
        let (client, stale) = (client.clone(), stale.clone());
        async move {
            let reply = match number {
                30 => {
                    let reply = stale.json("/api/login", LOGIN).await;
                    assert_eq!(reply.status, 200, "{}", reply.body);
                    assert_eq!(stale.who().await.as_deref(), Some("user01"));
                    return Some(stale.session());
                }
                number if number % 3 == 0 => stale.get("/").await,
                number if number % 3 == 1 => stale.json("/api/notauth_func", "{}").await,
                _ => client.json("/api/auth_func", "{}").await,
            };
            assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
            None
        }
    });
    let new = join_all(calls).await.swap_remove(30).unwrap();
    assert!(cookie_still_works(&client, &new).await);
}

/// security check 28, with the times in the database moved
#[tokio::test]
async fn a_session_ends_after_thirty_minutes_without_use_and_reading_counts_as_use() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    let age = async |database: &mut Database, minutes: i64| {
        let changed = database.rest_sessions(minutes * 60).await;
        assert_eq!(changed, 1);
    };
    // Five times 29 minutes, each time with reading in between.
    for round in 0..5 {
        age(&mut database, 29).await;
        use_until_noted(&mut database, async || {
            if round % 2 == 0 {
                assert_eq!(client.who().await.as_deref(), Some("user01"));
            } else {
                assert!(client.get("/").await.shows("user01"));
            }
        })
        .await;
    }
    age(&mut database, 30).await;
    assert_eq!(client.who().await, None);
    assert!(!client.get("/").await.shows("Logged in as"));
}

#[tokio::test]
async fn the_use_of_a_session_is_noted_at_most_once_a_minute() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    let used = "SELECT last_used_at FROM sessions";
    database.rest_sessions(30).await;
    let before = database.number(used).await;
    assert!(client.who().await.is_some());
    assert_eq!(database.number(used).await, before);
    database.rest_sessions(30).await;
    use_until_noted(&mut database, async || assert!(client.who().await.is_some())).await;
}

/// security check 29, with the times in the database moved
#[tokio::test]
async fn a_session_ends_twelve_hours_after_the_login_however_much_it_is_used() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    for (minutes, who) in [(12 * 60 - 1, Some("user01")), (1, None)] {
        database
            .change(&format!(
                "UPDATE sessions SET logged_in_at = logged_in_at - {}",
                minutes * MINUTE
            ))
            .await;
        assert_eq!(client.who().await.as_deref(), who);
    }
}

/// security checks 28 and 30: the limit of the settings, by the clock, with a cookie that the client keeps for ever
#[tokio::test]
async fn the_idle_limit_is_that_of_the_settings_and_the_server_holds_it() {
    let (clock, server) = Clock::demo(&[
        ("CALLGATE_SESSIONS_IDLE_SECONDS", "600"),
        ("CALLGATE_SESSIONS_SWEEP_SECONDS", "3600"),
    ])
    .await;
    let client = server.user01().await;
    let kept = client.session();
    let mut database = server.place.database().await;
    // Kept alive by reading for longer than the limit.
    use_at([400, 800], &clock, &client, &mut database).await;
    // Left alone.
    clock.set(800 + 600);
    assert_eq!(database.count("sessions").await, 1, "nothing has swept it");
    assert!(!cookie_still_works(&client, &kept).await);
}

/// security check 29
#[tokio::test]
async fn the_absolute_limit_is_that_of_the_settings_and_constant_use_does_not_help() {
    let (clock, server) = Clock::demo(&[
        ("CALLGATE_SESSIONS_IDLE_SECONDS", "600"),
        ("CALLGATE_SESSIONS_ABSOLUTE_SECONDS", "1000"),
        ("CALLGATE_SESSIONS_SWEEP_SECONDS", "3600"),
    ])
    .await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    use_at([400, 800], &clock, &client, &mut database).await;
    // Used within the idle limit.
    clock.set(1000);
    assert_eq!(database.count("sessions").await, 1, "nothing has swept it");
    assert_eq!(client.who().await, None);
}

/// security check 35
#[tokio::test]
async fn a_login_beyond_the_limit_ends_the_session_that_was_used_longest_ago() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let other = server.logged_in("user02", "user_02").await;
    let (first, second, third) = (server.user01().await, server.user01().await, server.user01().await);
    // Kept in memory from here on.
    for client in [&first, &second, &third] {
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
    let mut database = server.place.database().await;
    let rested = "UPDATE sessions SET last_used_at = last_used_at - 30000 WHERE token_hash =
                  (SELECT token_hash FROM sessions WHERE user_id = 'user01' ORDER BY logged_in_at LIMIT 1 OFFSET 1)";
    assert_eq!(database.change(rested).await, 1);
    let fourth = server.user01().await;
    assert_eq!(second.who().await, None);
    for client in [&first, &third, &fourth] {
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
    // The one who has not been there for longer than all of them is somebody else.
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    assert_eq!(database.count("sessions").await, 4);
    let log = server.place.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("surplus")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("user01"), "{log}");
    let events = fourth.done("my_events", serde_json::json!({})).await;
    let told = &events["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["action"] == "surplus_ended")
        .unwrap();
    assert_eq!(
        (&told["user"], &told["about"]),
        (&"user01".into(), &"1".into()),
        "{events}"
    );
    assert_ne!(told["request_id"], "");
}

#[tokio::test]
async fn logins_at_the_same_moment_leave_no_more_sessions_than_there_may_be() {
    let server = Place::new().demo(&[QUICK, ROOM_FOR_THREE].concat()).await;
    let other = server.logged_in("user02", "user_02").await;
    let clients = join_all((0..10).map(|_| server.user01())).await;
    let mut alive = 0;
    for client in &clients {
        alive += usize::from(client.who().await.is_some());
    }
    assert_eq!(alive, 3);
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    assert_eq!(server.place.database().await.count("sessions").await, 4);
}

/// security check 39, without the lock
#[tokio::test]
async fn what_is_over_is_swept_from_the_database() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let (over, live) = (server.client(), server.user01().await);
    over.json("/api/login", r#"{"user_id":"user02","password":"user_02"}"#)
        .await;
    over.form("/functions/notauth_func", &[("arguments", "{}")]).await;
    let mut database = place.database().await;
    for (statement, table, left) in [
        (
            "UPDATE sessions SET last_used_at = last_used_at - 1800000 WHERE user_id = 'user02'",
            "sessions",
            1,
        ),
        ("UPDATE remembered SET expires_at = 1", "remembered", 0),
        ("UPDATE kept_calls SET expires_at = 1", "kept_calls", 0),
    ] {
        assert_eq!(database.change(statement).await, 1, "{table}");
        poll::until(table, async || database.count(table).await == left).await;
    }
    assert_eq!(live.who().await.as_deref(), Some("user01"));
}

/// security check 39: the sweeper comes back after the database was locked
#[tokio::test]
async fn the_sweeper_survives_a_database_that_is_locked() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let client = server.user01().await;
    let mut database = place.database().await;
    database.change("UPDATE sessions SET last_used_at = 1").await;
    let mut other = place.database().await;
    poll::until("the sweep before", async || database.count("sessions").await == 0).await;
    client.json("/api/login", LOGIN).await;
    database.change("UPDATE sessions SET last_used_at = 1").await;
    other.change("BEGIN IMMEDIATE").await;
    let logged = place.log().len();
    poll::until("a sweep to fail", async || place.log()[logged..].contains("sweeping")).await;
    other.change("COMMIT").await;
    poll::until("a sweep to work again", async || database.count("sessions").await == 0).await;
}

#[tokio::test]
async fn a_table_that_cannot_be_swept_does_not_keep_the_others_from_it_however_much_there_is() {
    let place = Place::new();
    let _server = place.demo(&[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let mut database = place.database().await;
    database.change("ALTER TABLE remembered RENAME TO gone").await;
    let many = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
                INSERT INTO failed_logins (attempt, bucket, failed_at, expires_at) SELECT n, n, 1, 2 FROM numbers";
    assert_eq!(database.change(many).await, 12_000);
    let calls = "INSERT INTO calls (at, function, user_id, outcome, calls, took_us, address, request_id)
                 VALUES (1, 'auth_func', '', 'ok', 1, 1, '', '')";
    database.change(calls).await;
    poll::until("the tables after it to be swept", async || {
        database.count("failed_logins").await == 0 && database.count("calls").await == 0
    })
    .await;
    poll::until("the one to be told of", async || {
        place.log().contains("sweeping remembered logins")
    })
    .await;
}

/// security check 36
#[tokio::test]
async fn the_data_folder_holds_nothing_that_logs_anybody_in() {
    let server = Server::demo().await;
    let client = server.client();
    client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    client
        .form("/functions/notauth_func", &[("arguments", r#"{"kept":"canary-kept"}"#)])
        .await;
    let mut secrets = vec![b"user_01".to_vec()];
    for cookie in [SESSION, REMEMBER, CALL] {
        for part in client.cookie(cookie).expect(cookie).split('.') {
            secrets.push(part.as_bytes().to_vec());
            let raw = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            assert!(raw.len() >= 16);
            secrets.push(raw);
        }
    }
    assert_eq!(secrets.len(), 9);
    let mut all = Vec::new();
    for entry in fs::read_dir(server.place.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    let has = |needle: &[u8]| {
        all.iter()
            .filter(|(_, bytes)| bytes.windows(needle.len()).any(|window| window == needle))
            .map(|(path, _)| path.display().to_string())
            .next()
    };
    // The search finds what is there.
    assert!(has(b"canary-kept").is_some());
    assert!(has(b"$argon2id$").is_some());
    for secret in secrets {
        let text = String::from_utf8_lossy(&secret).into_owned();
        assert_eq!(has(&secret), None, "{text}");
    }
}

fn with_cases_swapped(token: &str) -> String {
    let swapped = token.chars().map(|letter| match letter.is_ascii_uppercase() {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    });
    swapped.collect()
}

/// security check 37
#[tokio::test]
async fn a_cookie_that_comes_twice_or_without_its_prefix_logs_nobody_in() {
    let server = Server::demo().await;
    let (one, two) = (
        server.user01().await.session(),
        server.logged_in("user02", "user_02").await.session(),
    );
    let client = server.client();
    for cookies in [
        vec![format!("{SESSION}={one}; {SESSION}={two}")],
        vec![format!("{SESSION}={one}"), format!("{SESSION}={two}")],
        vec![format!("{SESSION}={one}; {SESSION}={one}")],
        vec![format!("{SESSION}=; {SESSION}={one}")],
        vec![format!("callgate={one}")],
        vec![format!("__host-callgate={one}")],
        vec![format!("__Secure-callgate={one}")],
        vec![format!("{SESSION} ={one}")],
        vec![format!("{SESSION}=\"{one}\"")],
        vec![format!("{SESSION}={one}; a=b"), format!("c=d; {SESSION}={two}")],
        vec![format!("{SESSION}={one};{SESSION}={two}")],
        vec![format!("{SESSION}={one}; {SESSION}=")],
        vec![format!("{SESSION}={one}={two}")],
        vec![format!("{SESSION}={one},{two}")],
        vec![format!("{SESSION}={one} {two}")],
        vec![format!("a=b, {SESSION}={one}")],
        vec![format!("a={SESSION}={one}")],
        vec![format!("{SESSION}-={one}")],
        vec![format!("{SESSION}[]={one}")],
        vec![format!("{SESSION}.0={one}")],
        vec![format!("x{SESSION}={one}")],
        vec![format!("={SESSION}={one}")],
        vec![format!("%5F_Host-callgate={one}")],
        vec![format!("__HOST-CALLGATE={one}")],
        vec![format!("Host-callgate={one}")],
        vec![format!("\"{SESSION}\"={one}")],
        vec![format!("{SESSION}:{one}")],
        vec![format!("{SESSION}={}", with_cases_swapped(&one))],
        vec![format!("{SESSION}={one}A")],
        vec![format!("{SESSION}={one}==")],
        vec![format!("{SESSION}=%20{one}")],
        vec![format!("{REMEMBER}={one}.{one}")],
        vec![format!("{REMEMBER}={one}")],
        vec![format!("{CALL}={one}")],
    ] {
        let mut call = client
            .request("POST", "/api/auth_func")
            .without_jar()
            .header("content-type", "application/json")
            .body("{}");
        for cookie in &cookies {
            call = call.header("cookie", cookie);
        }
        let reply = call.send().await;
        assert_eq!(reply.status, 401, "{cookies:?}: {}", reply.body);
    }
    // Beside twins without the prefix, the real one counts.
    let client = client.with_only(SESSION, &one);
    for twin in [
        "callgate",
        "__Secure-callgate",
        "__host-callgate",
        "__Host-Callgate",
        "__Host-callgate-",
    ] {
        client.put(twin, &two);
    }
    client.put(CALL, &two);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// security check 37: a remembered browser of another account, put beside a session, does not take its place
#[tokio::test]
async fn a_remembered_login_beside_a_live_session_changes_nothing() {
    let server = Server::demo().await;
    let attacker = server.client();
    attacker
        .json("/api/login", r#"{"user_id":"user02","password":"user_02"}"#)
        .await;
    let tossed = attacker.cookie(REMEMBER).unwrap();
    let victim = server.user01().await;
    victim.put(REMEMBER, &tossed);
    for _ in 0..2 {
        assert_eq!(victim.who().await.as_deref(), Some("user01"));
        assert!(victim.get("/").await.shows("user01"));
    }
    assert_eq!(victim.cookie(REMEMBER), Some(tossed.clone()), "it was not even used");
    // Twice, it counts as not sent, with a session and without.
    for session in [Some(victim.session()), None] {
        let session = session
            .map(|session| format!("{SESSION}={session}; "))
            .unwrap_or_default();
        let reply = victim
            .request("POST", "/api/auth_func")
            .without_jar()
            .header("content-type", "application/json")
            .header("cookie", &format!("{session}{REMEMBER}={tossed}; {REMEMBER}={tossed}"))
            .body("{}")
            .send()
            .await;
        assert_eq!(reply.status, if session.is_empty() { 401 } else { 200 });
        assert!(!reply.shows("user02"), "{}", reply.body);
    }
}

/// security check 38
#[tokio::test]
async fn a_token_anywhere_but_in_its_cookie_is_ignored() {
    let server = Server::demo().await;
    let token = server.user01().await.session();
    let client = server.client();
    for query in [SESSION, "session", "session_id", "token"] {
        let reply = client.json(&format!("/api/auth_func?{query}={token}"), "{}").await;
        assert_eq!(reply.status, 401, "{query}");
        let body = serde_json::json!({ query: token }).to_string();
        assert_eq!(client.json("/api/auth_func", &body).await.status, 401, "{query}");
    }
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", token.clone()),
        ("x-session-id", token.clone()),
        ("x-auth-token", token.clone()),
        ("set-cookie", format!("{SESSION}={token}")),
        ("cookie2", format!("{SESSION}={token}")),
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("Session {token}")),
        ("authorization", format!("{SESSION}={token}")),
        ("proxy-authorization", format!("Bearer {token}")),
        ("x-csrf-token", token.clone()),
        ("x-api-key", token.clone()),
        ("x-cookie", format!("{SESSION}={token}")),
        ("x-callgate", token.clone()),
        ("__host-callgate", token.clone()),
        ("sec-websocket-protocol", token.clone()),
    ] {
        let reply = client
            .request("POST", "/api/auth_func")
            .header("content-type", "application/json")
            .header(name, &value)
            .body("{}")
            .send()
            .await;
        assert_eq!(reply.status, 401, "{name}");
    }
    // Nor where the session goes in the path, or in a form.
    for path in [
        format!("/api/auth_func;{SESSION}={token}"),
        format!("/{token}/api/auth_func"),
    ] {
        assert_eq!(client.json(&path, "{}").await.status, 404, "{path}");
    }
    for field in [SESSION, "session", "user_id", "token"] {
        let reply = client
            .form("/functions/auth_func", &[("arguments", "{}"), (field, &token)])
            .await;
        assert_eq!(reply.header("location"), "/login?next=/functions/auth_func", "{field}");
        let page = client.get(&format!("/account?{field}={token}")).await;
        assert!(!page.shows("Logged in as"), "{field}");
    }
}

/// security check 40
#[tokio::test]
async fn a_restart_logs_nobody_out() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let place = server.stop().await;
    let server = place.demo(&[]).await;
    let client = client.moved_to(&server.client());
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    // A crash does not, either.
    let place: Arc<Place> = server.kill().await;
    let server = place.demo(&[]).await;
    let client = client.moved_to(&server.client());
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
}

/// security check 102, for a logout: acknowledged, it survives a crash
#[tokio::test]
async fn a_crash_does_not_undo_a_logout() {
    let place = Place::new();
    let server = place.demo(QUICK).await;
    let client = server.user01().await;
    let copied = client.clone();
    client.json("/api/logout", "{}").await;
    server.kill().await;
    let server = place.demo(QUICK).await;
    assert_eq!(copied.moved_to(&server.client()).who().await, None);
}

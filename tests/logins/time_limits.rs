//! Time limits, tested by moving the clock of the running server, and the effect of wrong clocks on them.

use serde_json::json;

use super::{
    steps::{is_fresh, is_in, last_used, log_in, remembered, use_until_recorded, without_session},
    throttle::{fail, throttled},
};
use crate::support::{
    client::{REMEMBER, SESSION},
    clock::{Clock, DAY, HOUR, MINUTE},
    database::Database,
    poll::until,
    server::Server,
    waiting_call,
};

/// By how much clocks are wrong, or are corrected.
const JUMPS: [i64; 5] = [-DAY, -HOUR, -2 * MINUTE, HOUR, DAY];

/// The sweeper does not run during a test: only the check at each use enforces the limits.
const UNSWEPT: (&str, &str) = ("CALLGATE_SESSIONS_SWEEP_SECONDS", "3600");
/// The sweeper runs every second.
const SWEPT: (&str, &str) = ("CALLGATE_SESSIONS_SWEEP_SECONDS", "1");

/// Sets the clock, then uses the only session until that is recorded.
async fn use_at(clock: &Clock, seconds: i64, database: &mut Database, uses: impl AsyncFnMut()) {
    let before = last_used(database).await;
    clock.set(seconds);
    use_until_recorded(database, before, uses).await;
}

/// Stops the server. It must still answer, and must have logged no error.
async fn stop(server: Server) {
    assert_eq!(server.client().get("/").await.status, 200);
    let place = server.stop().await;
    let log = place.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

/// The session ends although the client keeps its cookie.
#[tokio::test]
async fn reading_keeps_a_session_and_half_an_hour_of_silence_ends_it() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    for step in 1..=12 {
        let uses = async || match step % 2 {
            0 => assert!(client.get("/").await.shows("Logged in as"), "step {step}"),
            _ => assert!(is_in(&client).await, "step {step}"),
        };
        use_at(&clock, step * 25 * MINUTE, &mut database, uses).await;
    }
    clock.set((12 * 25 + 29) * MINUTE);
    assert!(is_in(&client).await);
    clock.set((12 * 25 + 29 + 30) * MINUTE);
    let replayed = client.with_only(SESSION, &client.session());
    assert!(!replayed.get("/").await.shows("Logged in as"));
    assert!(!is_in(&replayed).await);
    assert_eq!(database.count("sessions").await, 1, "it is not swept");
    stop(server).await;
}

#[tokio::test]
async fn constant_use_does_not_carry_a_session_past_twelve_hours() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    for step in 1..36 {
        let uses = async || assert!(is_in(&client).await, "step {step}");
        use_at(&clock, step * 20 * MINUTE, &mut database, uses).await;
    }
    // The clock also goes on by itself.
    clock.set(12 * HOUR - 10 * MINUTE);
    assert!(is_in(&client).await);
    clock.set(12 * HOUR);
    assert!(!is_in(&client).await);
    stop(server).await;
}

#[tokio::test]
async fn the_limits_are_those_of_the_settings() {
    let limits = [
        ("CALLGATE_SESSIONS_IDLE_SECONDS", "3600"),
        ("CALLGATE_SESSIONS_ABSOLUTE_SECONDS", "9000"),
        ("CALLGATE_SESSIONS_FRESH_SECONDS", "1800"),
        ("CALLGATE_SESSIONS_REMEMBER_SECONDS", "77777"),
        UNSWEPT,
    ];
    let (clock, server) = Clock::demo(&limits).await;
    let mut database = server.place.database().await;
    let client = server.user01().await;
    for minutes in [20, 70, 120, 140] {
        let uses = async || assert!(is_in(&client).await);
        use_at(&clock, minutes * MINUTE, &mut database, uses).await;
        assert_eq!(is_fresh(&client).await, minutes < 30);
    }
    clock.set(150 * MINUTE);
    assert!(!is_in(&client).await, "the absolute limit");
    let client = server.user01().await;
    clock.set(210 * MINUTE);
    assert!(!is_in(&client).await, "the idle limit");
    assert_eq!(database.count("sessions").await, 2, "they are not swept");
    let login = json!({"user_id": "user01", "password": "user_01"});
    let reply = client.call("login", login).await;
    assert!(reply.set_cookies().iter().any(|cookie| cookie.max_age == Some(77777)));
    stop(server).await;
}

#[tokio::test]
async fn a_browser_is_remembered_for_thirty_days_from_the_password_however_often_it_comes() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let client = remembered(&server).await;
    let unused = without_session(&remembered(&server).await);
    for day in [0, 1, 15, 29] {
        clock.set(day * DAY);
        client.drop_cookie(SESSION);
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 200, "day {day}");
        // The cookie lives as long as that. The clock also goes on by itself.
        let left = reply.set_cookies().iter().find_map(|cookie| cookie.max_age).unwrap();
        let most = (30 - day) * DAY;
        assert!((most - HOUR..=most).contains(&left), "day {day}: {left}");
    }
    clock.set(30 * DAY - 10 * MINUTE);
    assert!(is_in(&without_session(&client)).await);
    clock.set(30 * DAY);
    for client in [unused, without_session(&client)] {
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!((reply.status, reply.cookie_names()), (401, vec![REMEMBER.to_owned()]));
    }
    stop(server).await;
}

#[tokio::test]
async fn a_login_is_fresh_and_a_call_waits_for_ten_minutes_and_not_longer_if_the_clock_is_set_back() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let fresh = server.user01().await;
    let auth = waiting_call::AUTH;
    for (seconds, waits) in [(9 * MINUTE, true), (10 * MINUTE, false), (-HOUR, false), (-DAY, false)] {
        clock.set(0);
        let client = waiting_call::waiting(&server).await;
        clock.set(seconds);
        assert!(seconds < 0 || is_fresh(&fresh).await == waits, "{seconds}");
        waiting_call::log_in(&client, "user01", auth).await;
        assert_eq!(waiting_call::id(&client, auth).await.is_some(), waits, "{seconds}");
    }
    stop(server).await;
}

#[tokio::test]
async fn no_jump_of_the_clock_makes_a_session_or_a_browser_last_longer_than_its_limits() {
    for jump in JUMPS {
        let (clock, server) = Clock::demo(&[SWEPT]).await;
        let (used, unused) = (server.user01().await, server.user01().await);
        let browser = without_session(&remembered(&server).await);
        let replaced = browser.clone();
        assert!(is_in(&browser).await);
        clock.set(jump);
        if jump < 0 {
            // Set back, the clock comes to where they began again: they must be gone by then.
            assert!(!is_in(&used).await, "{jump}");
            assert!(!used.get("/").await.shows("Logged in as"), "{jump}");
            // Nor are browsers remembered, by the token that was replaced as little as by the present one.
            for client in [replaced, without_session(&browser)] {
                assert!(!is_in(&client).await, "{jump}");
                assert_eq!(client.cookie(REMEMBER), None, "{jump}");
            }
            let mut database = server.place.database().await;
            until("the sweep", async || database.count("sessions").await == 0).await;
        }
        // Real time passes in steps; the clock is wrong by `jump`.
        for step in 0..=36 {
            let passed = step * 20 * MINUTE;
            clock.set(jump + passed);
            let used_is_over = jump < 0 || passed >= 12 * HOUR;
            assert!(!is_in(&used).await || !used_is_over, "{jump}: in use after {passed} s");
        }
        assert!(!is_in(&unused).await, "{jump}");
        // A login under the wrong clock works, and does not last forever either.
        let late = server.user01().await;
        assert!(is_in(&late).await, "{jump}");
        clock.set(jump + 24 * HOUR);
        assert!(!is_in(&late).await, "{jump}");
        stop(server).await;
    }
}

/// The clocks of servers on one database differ by seconds, and are corrected by seconds.
#[tokio::test]
async fn a_clock_that_is_set_back_by_seconds_logs_nobody_out() {
    let (clock, server) = Clock::demo(&[SWEPT]).await;
    let client = remembered(&server).await;
    clock.set(-30);
    assert!(is_in(&client).await);
    assert!(is_in(&without_session(&client)).await);
    stop(server).await;
}

#[tokio::test]
async fn an_account_that_waits_is_open_again_after_any_jump_of_the_clock() {
    for jump in JUMPS {
        let (clock, server) = Clock::demo(&[UNSWEPT]).await;
        let client = server.client();
        fail(&client, "user01", 5).await;
        throttled(&log_in(&client, "user01", "user_01").await);
        clock.set(jump);
        let reply = log_in(&client, "user01", "user_01").await;
        assert_eq!(reply.status, 200, "{jump}: {}", reply.body);
        // Failures are throttled as before.
        fail(&client, "user02", 5).await;
        let seconds = throttled(&log_in(&client, "user02", "user_02").await);
        assert!(seconds <= 300, "{jump}: {seconds}");
        stop(server).await;
    }
}

#[tokio::test]
async fn what_is_from_before_a_jump_of_a_day_is_swept() {
    for (jump, left) in [(-DAY, 0), (DAY, 1)] {
        let (clock, server) = Clock::demo(&[SWEPT]).await;
        remembered(&server).await;
        waiting_call::waiting(&server).await;
        fail(&server.client(), "user02", 1).await;
        clock.set(jump);
        let mut database = server.place.database().await;
        for (table, left) in [
            ("sessions", 0),
            ("remembered", left),
            ("kept_calls", 0),
            ("failed_logins", 0),
        ] {
            until(table, async || database.count(table).await == left).await;
        }
        assert!(is_in(&server.user01().await).await);
        stop(server).await;
    }
}

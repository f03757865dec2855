//! What ends with time, by the clock of the server, which is moved while it runs. Security checks 28, 29, 30 and 105.

use std::time::Instant;

use crate::{
    client::{Client, REMEMBER, SESSION},
    clock::{Clock, DAY, HOUR, MINUTE},
    fresh_login::is_fresh,
    poll::until,
    remember::remembered,
    resumed_calls,
    server::Server,
    sessions::use_until_noted,
    throttle::{fail, log_in, throttled},
};

/// How far clocks are set wrong, and set right again.
const JUMPS: [i64; 4] = [-DAY, -HOUR, HOUR, DAY];

/// The sweeper leaves everything to the checks at each use.
const UNSWEPT: (&str, &str) = ("CALLGATE_SESSIONS_SWEEP_SECONDS", "3600");
/// The sweeper comes every second.
const SWEPT: (&str, &str) = ("CALLGATE_SESSIONS_SWEEP_SECONDS", "1");

async fn is_in(client: &Client) -> bool {
    client.who().await.is_some()
}

/// The same client without its sessions: what a program sends that kept nothing but the other cookies.
fn without_session(client: &Client) -> Client {
    let other = client.clone();
    other.drop_cookie(SESSION);
    other
}

/// The server is well, and stops when it is asked to.
async fn stop(server: Server) {
    assert_eq!(server.client().get("/").await.status, 200);
    let place = server.stop().await;
    let log = place.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

/// security checks 28 and 30: the cookie is kept for ever, and the session is over all the same
#[tokio::test]
async fn reading_keeps_a_session_and_half_an_hour_of_silence_ends_it() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let client = server.user01().await;
    let session = client.session();
    let mut database = server.place.database().await;
    for step in 1..=12 {
        clock.set(step * 29 * MINUTE);
        use_until_noted(&mut database, async || match step % 2 {
            0 => assert!(client.get("/").await.shows("Logged in as"), "step {step}"),
            _ => assert!(is_in(&client).await, "step {step}"),
        })
        .await;
    }
    clock.set((12 * 29 + 30) * MINUTE);
    let replayed = client.with_only(SESSION, &session);
    assert!(!replayed.get("/").await.shows("Logged in as"));
    assert!(!is_in(&replayed).await);
    assert_eq!(database.count("sessions").await, 1, "it is not swept");
    stop(server).await;
}

/// security checks 29 and 30
#[tokio::test]
async fn constant_use_does_not_carry_a_session_past_twelve_hours() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let began = Instant::now();
    let client = server.user01().await;
    let mut database = server.place.database().await;
    for step in 1..36 {
        clock.set(step * 20 * MINUTE);
        use_until_noted(&mut database, async || assert!(is_in(&client).await, "step {step}")).await;
    }
    // That clock goes on by itself meanwhile.
    clock.set(12 * HOUR - MINUTE - i64::try_from(began.elapsed().as_secs()).unwrap());
    assert!(is_in(&client).await);
    clock.set(12 * HOUR);
    assert!(!is_in(&client).await);
    stop(server).await;
}

/// security checks 30 and 31
#[tokio::test]
async fn a_browser_is_remembered_for_thirty_days_from_the_password_however_often_it_comes() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let client = remembered(&server).await;
    let unused = without_session(&remembered(&server).await);
    for day in [1, 15, 29] {
        clock.set(day * DAY);
        assert!(is_in(&client).await, "day {day}");
    }
    clock.set(30 * DAY - MINUTE);
    assert!(is_in(&without_session(&client).clone()).await);
    clock.set(30 * DAY);
    for client in [unused, without_session(&client)] {
        assert!(!is_in(&client).await);
    }
    stop(server).await;
}

/// security check 45
#[tokio::test]
async fn a_login_is_fresh_for_ten_minutes_by_the_clock() {
    let (clock, server) = Clock::demo(&[]).await;
    let client = server.user01().await;
    clock.set(9 * MINUTE);
    assert!(is_fresh(&client).await);
    clock.set(10 * MINUTE);
    assert!(!is_fresh(&client).await);
    stop(server).await;
}

#[tokio::test]
async fn a_call_waits_for_ten_minutes_by_the_clock_and_not_longer_if_that_is_set_back() {
    let (clock, server) = Clock::demo(&[UNSWEPT]).await;
    let auth = resumed_calls::AUTH;
    for (seconds, waits) in [(9 * MINUTE, true), (10 * MINUTE, false), (-HOUR, false), (-DAY, false)] {
        clock.set(0);
        let client = resumed_calls::waiting(&server).await;
        clock.set(seconds);
        resumed_calls::log_in(&client, "user01", auth).await;
        assert_eq!(resumed_calls::id(&client, auth).await.is_some(), waits, "{seconds}");
    }
    stop(server).await;
}

/// security check 105
#[tokio::test]
async fn no_jump_of_the_clock_makes_a_session_last_longer_than_its_limits() {
    for jump in JUMPS {
        let (clock, server) = Clock::demo(&[SWEPT]).await;
        let (used, unused) = (server.user01().await, server.user01().await);
        clock.set(jump);
        if jump < 0 {
            // Set back, the clock comes to where they began again: they must be gone by then.
            let mut database = server.place.database().await;
            until("the sweep", async || database.count("sessions").await == 0).await;
        }
        // The true time goes on by steps; the clock shows it wrongly.
        for step in 0..=36 {
            let passed = step * 20 * MINUTE;
            clock.set(jump + passed);
            let used_is_over = passed >= 12 * HOUR;
            assert!(!is_in(&used).await || !used_is_over, "{jump}: in use after {passed} s");
        }
        assert!(!is_in(&unused).await, "{jump}");
        // Whoever logs in by the wrong clock is not kept out, and does not stay for ever either.
        let late = server.user01().await;
        assert!(is_in(&late).await, "{jump}");
        clock.set(jump + 24 * HOUR);
        assert!(!is_in(&late).await, "{jump}");
        stop(server).await;
    }
}

/// security check 105: as often as it is used, and as long as the clock takes to come there again
#[tokio::test]
async fn a_session_from_before_the_clock_was_set_back_is_over() {
    for jump in [-DAY, -HOUR, -2 * MINUTE] {
        let (clock, server) = Clock::demo(&[SWEPT]).await;
        let client = server.user01().await;
        clock.set(jump);
        assert!(!is_in(&client).await, "{jump}");
        assert!(!client.get("/").await.shows("Logged in as"), "{jump}");
        let mut database = server.place.database().await;
        until("the sweep", async || database.count("sessions").await == 0).await;
        clock.set(0);
        assert!(!is_in(&client).await, "{jump}: it does not come back");
        stop(server).await;
    }
}

/// Servers on one database are never quite at the same time, and clocks are set right by seconds.
#[tokio::test]
async fn a_clock_that_is_set_back_by_seconds_logs_nobody_out() {
    let (clock, server) = Clock::demo(&[SWEPT]).await;
    let client = remembered(&server).await;
    clock.set(-30);
    assert!(is_in(&client).await);
    assert!(is_in(&without_session(&client)).await);
    stop(server).await;
}

/// security check 105, for remembered browsers: the token that was replaced is no way in either
#[tokio::test]
async fn a_browser_that_was_remembered_before_the_clock_was_set_back_is_forgotten() {
    for jump in [-DAY, -HOUR] {
        let (clock, server) = Clock::demo(&[UNSWEPT]).await;
        let client = without_session(&remembered(&server).await);
        let replaced = client.with_only(REMEMBER, &client.cookie(REMEMBER).unwrap());
        assert!(is_in(&client).await);
        clock.set(jump);
        for client in [replaced, without_session(&client)] {
            assert!(!is_in(&client).await, "{jump}");
            assert_eq!(client.cookie(REMEMBER), None, "{jump}");
        }
        stop(server).await;
    }
}

/// security check 105, for the limits of logins
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
        // And it is as hard to guess at as before.
        fail(&client, "user02", 5).await;
        let seconds = throttled(&log_in(&client, "user02", "user_02").await);
        assert!(seconds <= 300, "{jump}: {seconds}");
        stop(server).await;
    }
}

/// security check 105, for the sweeper: nothing from before a jump stays for ever, whichever way it went
#[tokio::test]
async fn what_is_from_before_a_jump_of_a_day_is_swept() {
    for (jump, left) in [(-DAY, 0), (DAY, 1)] {
        let (clock, server) = Clock::demo(&[SWEPT]).await;
        remembered(&server).await;
        resumed_calls::waiting(&server).await;
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

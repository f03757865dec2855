//! A password check that keeps the only hashing thread busy, so that calls wait behind it while a test goes on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::steps::confirm;
use crate::support::{client::Reply, place::Place, poll, server::Server};

/// A demo with one hashing thread, whose failed logins are not limited.
pub async fn one_thread(settings: &[(&str, &str)]) -> Server {
    let one = [("CALLGATE_PASSWORDS_PERMITS", "1")];
    Place::new().demo(&[&one, settings].concat()).await
}

/// Attempts anew, with ever longer checks, until one was long enough.
pub async fn longer_each_time(mut attempt: impl AsyncFnMut(u32) -> bool) {
    for step in 0..9 {
        if attempt(8 << step).await {
            return;
        }
    }
    panic!("the check was over too soon each time");
}

/// 200 seconds before now, in milliseconds since 1970.
fn shortly_before_now() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() - 200_000
}

/// Waits until a call of the user has passed its guard. Polls the last use of the session, which the guard records.
pub async fn is_past_guard(server: &Server, user: &str, call: &JoinHandle<Reply>) {
    let mut database = server.place.database().await;
    let recent_uses = format!(
        "sessions WHERE user_id = '{user}' AND last_used_at > {}",
        shortly_before_now()
    );
    poll::until("the call to be past its guard", async || {
        call.is_finished() || database.count(&recent_uses).await > 0
    })
    .await;
}

/// A running check of a wrong password of user03, whose stored hash is expensive.
pub struct Busy(JoinHandle<Reply>);

impl Busy {
    /// Starts the check. Sets the last use of all sessions back first, so that `is_past_guard` sees the next one.
    pub async fn begin(server: &Server, iterations: u32) -> Self {
        let mut database = server.place.database().await;
        let cheap = "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE user_id = 'user02')
                     WHERE user_id = 'user03'";
        assert_eq!(database.change(cheap).await, 1);
        let client = server.logged_in("user03", "user_02").await;
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        let slow = format!(
            "UPDATE users SET password_hash = '$argon2id$v=19$m=65536,t={iterations},p=1${salt}${hash}'
             WHERE user_id = 'user03'"
        );
        assert_eq!(database.change(&slow).await, 1);
        // The end of an earlier request may still record a use.
        let rest = format!(
            "UPDATE sessions SET last_used_at = last_used_at - 300000 WHERE last_used_at > {}",
            shortly_before_now()
        );
        while database.change(&rest).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await; // poll
        }
        let busy = Self(tokio::spawn(async move { confirm(&client, "wrong").await }));
        is_past_guard(server, "user03", &busy.0).await;
        busy
    }

    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the answer: 401, or 503 if the check itself was refused because the thread was busy.
    pub async fn end(self) {
        assert!([401, 503].contains(&self.0.await.unwrap().status));
    }
}

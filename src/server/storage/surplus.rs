//! The limit on sessions and remembered browsers per user. Beyond it, the least recently used ones end.

use super::{
    database::{query::query, transaction::Transaction},
    new_session::NewSession,
};

/// Completes a statement with a subquery for the browsers beyond the limit: user `$1`, new browser `$2`, limit `$3`.
///
/// The new browser and the most recently used ones stay. Browsers that were used again after their login come before
/// those that were not, because a program that logs in anew at each run leaves one of the latter behind each time.
/// SQLite has no `OFFSET` without `LIMIT`.
macro_rules! surplus_browsers {
    ($begin:literal) => {
        concat!(
            $begin,
            " (SELECT series_hash FROM remembered WHERE user_id = $1
               ORDER BY series_hash = $2 DESC, used_at IS NOT NULL DESC, COALESCE(used_at, created_at) DESC
               LIMIT 9223372036854775807 OFFSET $3)"
        )
    };
}

/// Ends the user's sessions beyond `limit`. The new one and the most recently used ones stay. If the new session
/// remembers its browser, first forgets the browsers beyond `limit` and ends their sessions. Returns the number of
/// browsers and sessions ended.
pub(super) async fn end_surplus(connection: &mut Transaction, new: &NewSession<'_>, limit: u32) -> sqlx::Result<u64> {
    let mut forgotten = 0;
    if let Some(browser) = new.browser {
        // Sessions first: the subquery finds them through the rows that the second statement deletes. Only those count.
        for statement in [
            surplus_browsers!("DELETE FROM sessions WHERE series_hash IN"),
            surplus_browsers!("DELETE FROM remembered WHERE series_hash IN"),
        ] {
            forgotten = query(statement)
                .bind(new.user_id)
                .bind(browser.series.as_bytes())
                .bind(limit)
                .execute(&mut *connection)
                .await?;
        }
    }
    let ended = query(
        "DELETE FROM sessions WHERE user_id = $1 AND token_hash NOT IN
         (SELECT token_hash FROM sessions WHERE user_id = $1
          ORDER BY token_hash = $2 DESC, last_used_at DESC LIMIT $3)",
    )
    .bind(new.user_id)
    .bind(new.token.as_bytes())
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(forgotten + ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{
        model::{clock::Timestamp, event::Event, token::TokenHash},
        storage::{
            Storage,
            database::query::query_scalar,
            new_session::{NewBrowser, Replaced},
            roles::UpdateOutcome,
            users::NewUser,
        },
    };

    const LIMIT: u32 = 3;

    fn hash(name: &str) -> TokenHash {
        TokenHash::of(name.as_bytes())
    }

    async fn storage() -> Storage {
        let storage = Storage::in_memory().await.unwrap();
        for user_id in ["alice", "bob"] {
            let user = NewUser {
                user_id,
                ..NewUser::default()
            };
            let added = storage.add_user(&user, Timestamp(1), &[]).await.unwrap();
            assert_eq!(added, UpdateOutcome::Done);
        }
        storage
    }

    /// A login. `name` stands for both the session and its browser; `instead_of` is the name of the login it replaces.
    struct LogIn<'a> {
        user_id: &'a str,
        name: &'a str,
        is_remembered: bool,
        instead_of: Option<&'a str>,
        user_changed_at: i64,
    }

    impl<'a> LogIn<'a> {
        fn of(user_id: &'a str, name: &'a str, is_remembered: bool) -> Self {
            Self {
                user_id,
                name,
                is_remembered,
                instead_of: None,
                user_changed_at: 1,
            }
        }

        /// Returns how many others it ended, or `None` if the user changed during the login.
        async fn at(self, storage: &Storage, now: i64) -> Option<u64> {
            let browser = self.is_remembered.then(|| NewBrowser {
                series: hash(self.name),
                token: hash("token"),
                expires_at: Timestamp(1000),
                device: String::new(),
            });
            let session = NewSession {
                token: &hash(self.name),
                login_id: self.name,
                user_id: self.user_id,
                series: browser.as_ref().map(|browser| &browser.series),
                data: "{}",
                logged_in_at: Timestamp(now),
                ends_at: None,
                identity: None,
                sid: None,
                address: "",
                user_changed_at: self.user_changed_at,
                browser: browser.as_ref(),
                replaced: &Replaced {
                    session: self.instead_of.map(hash),
                    series: self.instead_of.map(hash),
                },
                surplus: &Event::of_surplus(self.user_id, ""),
            };
            storage.add_session(&session, LIMIT, Timestamp(now)).await.unwrap()
        }
    }

    async fn sessions(storage: &Storage, user_id: &str) -> Vec<String> {
        query_scalar("SELECT login_id FROM sessions WHERE user_id = $1 ORDER BY login_id")
            .bind(user_id)
            .fetch_all(&storage.reader)
            .await
            .unwrap()
    }

    async fn is_remembered(storage: &Storage, name: &str) -> bool {
        storage.find_series(&hash(name)).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_session_too_many_ends_the_one_that_was_used_longest_ago_and_is_never_that_one() {
        let storage = storage().await;
        let log_in = |name| LogIn::of("alice", name, false);
        assert_eq!(LogIn::of("bob", "x", false).at(&storage, 1).await, Some(0));
        for (name, now) in [("a", 2), ("b", 3), ("c", 4)] {
            assert_eq!(log_in(name).at(&storage, now).await, Some(0), "{name}");
        }
        storage
            .touch_session(&hash("a"), Timestamp(2), Timestamp(10))
            .await
            .unwrap();
        assert_eq!(log_in("d").at(&storage, 11).await, Some(1));
        assert_eq!(sessions(&storage, "alice").await, ["a", "c", "d"]);
        // The clock was set back.
        assert_eq!(log_in("e").at(&storage, 1).await, Some(1));
        assert_eq!(sessions(&storage, "alice").await, ["a", "d", "e"]);
        assert_eq!(sessions(&storage, "bob").await, ["x"]);
    }

    #[tokio::test]
    async fn a_browser_too_many_has_the_one_forgotten_that_was_used_longest_ago_with_its_session() {
        let storage = storage().await;
        let log_in = |name| LogIn::of("alice", name, true);
        assert_eq!(LogIn::of("bob", "x", true).at(&storage, 1).await, Some(0));
        for (name, now) in [("one", 2), ("two", 3), ("three", 4)] {
            assert_eq!(log_in(name).at(&storage, now).await, Some(0), "{name}");
        }
        storage
            .touch_session(&hash("one"), Timestamp(2), Timestamp(10))
            .await
            .unwrap();
        assert_eq!(log_in("four").at(&storage, 11).await, Some(1));
        assert_eq!(sessions(&storage, "alice").await, ["four", "one", "three"]);
        // There are newer browsers, but "one" is the only one that was used again.
        assert_eq!(log_in("five").at(&storage, 12).await, Some(1));
        assert_eq!(log_in("six").at(&storage, 13).await, Some(1));
        assert_eq!(sessions(&storage, "alice").await, ["five", "one", "six"]);
        for (name, is) in [
            ("one", true),
            ("two", false),
            ("three", false),
            ("four", false),
            ("five", true),
            ("six", true),
            ("x", true),
        ] {
            assert_eq!(is_remembered(&storage, name).await, is, "{name}");
        }
        assert_eq!(sessions(&storage, "bob").await, ["x"]);
    }

    #[tokio::test]
    async fn a_session_goes_on_when_the_time_of_its_browser_is_over() {
        let storage = storage().await;
        LogIn::of("alice", "a", true).at(&storage, 1).await.unwrap();
        query("DELETE FROM remembered").execute(&storage.writer).await.unwrap();
        for (name, now) in [("b", 2), ("c", 3)] {
            assert_eq!(LogIn::of("alice", name, true).at(&storage, now).await, Some(0));
        }
        assert_eq!(sessions(&storage, "alice").await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_replaced_login_does_not_count_against_the_limit() {
        let storage = storage().await;
        for (name, now) in [("a", 1), ("b", 2), ("c", 3)] {
            LogIn::of("alice", name, true).at(&storage, now).await.unwrap();
        }
        let instead_of_c = |name, user_changed_at| LogIn {
            instead_of: Some("c"),
            user_changed_at,
            ..LogIn::of("alice", name, true)
        };
        // The user changed during the login: nothing of it is stored.
        assert_eq!(instead_of_c("d", 2).at(&storage, 4).await, None);
        assert_eq!(sessions(&storage, "alice").await, ["a", "b", "c"]);
        assert!(is_remembered(&storage, "c").await && !is_remembered(&storage, "d").await);

        assert_eq!(instead_of_c("d", 1).at(&storage, 4).await, Some(0));
        assert_eq!(sessions(&storage, "alice").await, ["a", "b", "d"]);
        assert!(!is_remembered(&storage, "c").await && is_remembered(&storage, "d").await);
    }
}

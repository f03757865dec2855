//! Two nodes that change the same users at the same time.

use callgate::server::{
    model::token::TokenHash,
    storage::{Storage, roles::UpdateOutcome, sessions::RenewedSession},
    telemetry::error::InternalError,
};

use super::steps::{NOW, add_user, event, hash, log_in, nodes};
use crate::support::effort::rounds;

#[tokio::test]
async fn of_the_last_two_administrators_one_stays_when_nodes_race() {
    let (_database, [one, other]) = nodes().await;
    for user_id in ["ada", "bob"] {
        add_user(&one, user_id, &["admin"]).await;
    }
    for round in 0..rounds(200, 1000) {
        let event = event();
        let remove = async |node: &Storage, user_id| match round % 2 {
            0 => node.take_role(user_id, "admin", &event).await,
            _ => node.set_active(user_id, false, NOW, &event).await,
        };
        let (first, second) = tokio::join!(remove(&one, "ada"), remove(&other, "bob"));
        let outcomes = [first.unwrap(), second.unwrap()];
        let count = |expected| outcomes.iter().filter(|outcome| **outcome == expected).count();
        let counts = (count(UpdateOutcome::Done), count(UpdateOutcome::LastAdmin));
        assert_eq!(counts, (1, 1), "round {round}: {outcomes:?}");
        for user_id in ["ada", "bob"] {
            let _ = one.give_role(user_id, "admin", &event).await.unwrap();
            let _ = one.set_active(user_id, true, NOW, &event).await.unwrap();
        }
    }
}

/// In each round, a user has a session and a remembered browser. While `end` ends them at one node, another node begins and
/// renews sessions and browsers that depend on what is ended. Nothing of `left` may be left then.
async fn race(
    left: &str,
    end: impl AsyncFn(&Storage, &str, &TokenHash) -> Result<(), InternalError>,
    new_browser: impl Fn(usize) -> Option<String>,
) {
    let (database, [one, other]) = nodes().await;
    let mut connection = database.connect().await;
    let count =
        format!("SELECT (SELECT count(*) FROM sessions WHERE {left}) + (SELECT count(*) FROM remembered WHERE {left})");
    for round in 0..rounds(200, 1000) {
        let name = |what: &str| format!("{what} {round}");
        let (user_id, series) = (name("user"), name("series"));
        add_user(&one, &user_id, &[]).await;
        let changed_at = one.find_user(&user_id).await.unwrap().unwrap().changed_at;
        let (begun, kept) = (name("begun"), name("kept"));
        for (token, is_new_browser) in [(&begun, true), (&kept, false)] {
            let stored = log_in(&one, &user_id, changed_at, token, Some(&series), is_new_browser).await;
            assert!(stored.unwrap());
        }

        let series_hash = hash(&series);
        let login = async {
            let (token, browser) = (name("new"), new_browser(round));
            let (series, is_new) = browser.as_ref().map_or((&series, false), |browser| (browser, true));
            log_in(&other, &user_id, changed_at, &token, Some(series), is_new)
                .await
                .map(drop)
        };
        let rotated = hash(&name("rotated"));
        let rotation = other.rotate_series(&series_hash, &series_hash, &rotated, NOW);
        let (old, new) = (hash(&begun), hash(&name("renewed")));
        let renewed = RenewedSession {
            old: &old,
            new: &new,
            login_id: "renewed",
            user_id: &user_id,
            series: Some(&series_hash),
            data: "{}",
            user_changed_at: changed_at,
        };
        let renewal = other.renew_session(&renewed);
        let kept = hash(&kept);
        let update = other.update_session(&kept, "{}");
        let (login, rotation, renewal, update, end) =
            tokio::join!(login, rotation, renewal, update, end(&one, &user_id, &series_hash));
        for result in [login, end, rotation.map(drop), renewal.map(drop), update.map(drop)] {
            result.unwrap();
        }
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count.clone()))
            .bind(&user_id)
            .bind(series_hash.as_bytes())
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(rows, 0, "round {round}");
    }
}

const OF_USER: &str = "user_id = $1 AND $2::BYTEA IS NOT NULL";

fn another_browser(round: usize) -> Option<String> {
    // In every other round, the browser that is known already.
    round.is_multiple_of(2).then(|| format!("browser {round}"))
}

#[tokio::test]
async fn no_login_outlives_the_end_of_all_sessions_when_nodes_race() {
    let end = async |node: &Storage, user_id: &str, _: &TokenHash| {
        assert!(node.end_all_sessions(user_id, &event()).await?);
        Ok(())
    };
    Box::pin(race(OF_USER, end, another_browser)).await;
}

#[tokio::test]
async fn no_login_outlives_the_disabling_of_its_user_when_nodes_race() {
    let end = async |node: &Storage, user_id: &str, _: &TokenHash| {
        let outcome = node.set_active(user_id, false, NOW, &event()).await?;
        assert_eq!(outcome, UpdateOutcome::Done);
        Ok(())
    };
    Box::pin(race(OF_USER, end, another_browser)).await;
}

#[tokio::test]
async fn no_login_outlives_a_new_password_when_nodes_race() {
    let end = async |node: &Storage, user_id: &str, _: &TokenHash| {
        assert!(node.change_password(user_id, "y", NOW, &event()).await?);
        Ok(())
    };
    Box::pin(race(OF_USER, end, another_browser)).await;
}

#[tokio::test]
async fn no_session_outlives_its_remembered_browser_when_nodes_race() {
    let end = async |node: &Storage, _: &str, series: &TokenHash| node.revoke_series(series).await;
    Box::pin(race("series_hash = $2 AND $1::TEXT IS NOT NULL", end, |_| None)).await;
}

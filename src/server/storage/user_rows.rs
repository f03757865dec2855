//! Rows of users that several changes have in common.

use sqlx::SqliteConnection;

use crate::server::model::{
    clock::Timestamp,
    token::TokenHash,
    user_name::{folded, skeleton},
};

/// Adds a row for a user. `false` if there is one of that name, or one that it would be mistaken for.
pub(super) async fn insert_user(
    connection: &mut SqliteConnection,
    user_id: &str,
    password_hash: &str,
    demo: bool,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
         VALUES ($1, $2, TRUE, $3, $4, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(user_id)
    .bind(password_hash)
    .bind(demo)
    .bind(now.0)
    .bind(folded(user_id))
    .bind(skeleton(user_id))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a user but the one with the token `kept`, forgets all browsers, and lets go of all kept calls and
/// links.
pub(super) async fn end_all_of(
    connection: &mut SqliteConnection,
    user_id: &str,
    kept: Option<&TokenHash>,
) -> Result<(), sqlx::Error> {
    end_sessions_of(connection, user_id, kept).await?;
    sqlx::query("DELETE FROM links WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await
        .map(drop)
}

/// Ends all sessions of a user but the one with the token `kept`, forgets all browsers, and lets go of all kept calls.
pub(super) async fn end_sessions_of(
    connection: &mut SqliteConnection,
    user_id: &str,
    kept: Option<&TokenHash>,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR token_hash <> $2)")
        .bind(user_id)
        .bind(kept.map(TokenHash::as_bytes))
        .execute(&mut *connection)
        .await?;
    for table in [
        "DELETE FROM remembered WHERE user_id = $1",
        "DELETE FROM kept_calls WHERE user_id = $1",
    ] {
        sqlx::query(table).bind(user_id).execute(&mut *connection).await?;
    }
    Ok(())
}

//! Statements on the rows of a user that several changes share.

use super::database::{query::query, transaction::Transaction};
use crate::server::model::{
    clock::Timestamp,
    token::TokenHash,
    user_name::{folded, skeleton},
};

/// The SQL condition that a row of `users` has a way to log in: a password, or an account at a configured provider. The
/// parameter with the given name is `Storage::issuers`: each issuer between two spaces, which no issuer contains.
macro_rules! has_way_in {
    ($issuers:literal) => {
        concat!(
            "(password_hash <> '' OR EXISTS (SELECT 1 FROM identities WHERE identities.user_id = users.user_id AND replace(",
            $issuers,
            ", ' ' || identities.issuer || ' ', '') <> ",
            $issuers,
            "))"
        )
    };
}
pub(super) use has_way_in;

/// Adds a user. `false` if the name is taken or can be mistaken for an existing one.
pub(super) async fn insert_user(
    connection: &mut Transaction,
    user_id: &str,
    password_hash: &str,
    demo: bool,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let inserted = query(
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
    Ok(inserted == 1)
}

/// Deletes a user's sessions except the one with the token `except`, remembered browsers, pending calls and links.
pub(super) async fn revoke_access(
    connection: &mut Transaction,
    user_id: &str,
    except: Option<&TokenHash>,
) -> Result<(), sqlx::Error> {
    revoke_sessions(connection, user_id, except).await?;
    query("DELETE FROM links WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await
        .map(drop)
}

/// Deletes a user's sessions except the one with the token `except`, remembered browsers and pending calls.
pub(super) async fn revoke_sessions(
    connection: &mut Transaction,
    user_id: &str,
    except: Option<&TokenHash>,
) -> Result<(), sqlx::Error> {
    query("DELETE FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR token_hash <> $2)")
        .bind(user_id)
        .bind(except.map(TokenHash::as_bytes))
        .execute(&mut *connection)
        .await?;
    for statement in [
        "DELETE FROM remembered WHERE user_id = $1",
        "DELETE FROM kept_calls WHERE user_id = $1",
    ] {
        query(statement).bind(user_id).execute(&mut *connection).await?;
    }
    Ok(())
}

//! Stored accounts at providers. Issuer and subject together identify one, and nothing else does.

use std::sync::Arc;

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    roles::{ADMIN, is_last_admin},
    sessions::RenewedSession,
    user_rows::has_way_in,
};
use crate::server::{
    model::{clock::Timestamp, event::Event, token::TokenHash},
    telemetry::error::InternalError,
};

#[derive(Debug, Clone, FromRow)]
pub struct StoredIdentity {
    pub id: String,
    pub issuer: String,
    pub subject: String,
    pub user_id: String,
    pub label: String,
    /// Milliseconds since 1970.
    pub linked_at: i64,
    pub linked_by: String,
    /// The last login with it, in milliseconds since 1970.
    pub last_used_at: Option<i64>,
}

/// The removal of an account from a user.
pub struct Unlink<'a> {
    pub user_id: &'a str,
    pub id: &'a str,
    /// The session of the user who does this, which continues even if it came from that account.
    pub renewed: Option<&'a RenewedSession<'a>>,
    /// Whether the only way to log in can be removed.
    pub may_be_last: bool,
}

/// The outcome of an [`Unlink`]. Except for `Done`, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum UnlinkOutcome {
    Done,
    /// The user has no such account.
    NotFound,
    /// It is the only way to log in.
    LastWayIn,
    /// No administrator who can log in would be left.
    LastAdmin,
    /// The session of the user ended meanwhile.
    SessionEnded,
}

/// How many active users can log in only with accounts at providers that are not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Stranded {
    pub users: i64,
    pub admins: i64,
}

/// A confirmation of a login at a provider.
pub struct Confirmation<'a> {
    pub renewed: &'a RenewedSession<'a>,
    /// The id of the account that the user logged in with.
    pub identity: &'a str,
    /// The hash of the session at the provider.
    pub sid: Option<&'a TokenHash>,
}

impl Storage {
    /// Sets the issuers of the configured providers. Only accounts at these are a way to log in.
    #[must_use]
    pub fn with_issuers<'a>(self, issuers: impl IntoIterator<Item = &'a str>) -> Self {
        let issuers: String = issuers.into_iter().flat_map(|issuer| [" ", issuer, " "]).collect();
        Self {
            issuers: Arc::from(issuers),
            ..self
        }
    }

    pub async fn find_identity(&self, issuer: &str, subject: &str) -> Result<Option<StoredIdentity>, InternalError> {
        query_as(
            "SELECT id, issuer, subject, user_id, label, linked_at, linked_by, last_used_at FROM identities
             WHERE issuer = $1 AND subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up an account at a provider"))
    }

    /// The accounts of a user, first linked first.
    pub async fn identities_of(&self, user_id: &str) -> Result<Vec<StoredIdentity>, InternalError> {
        query_as(
            "SELECT id, issuer, subject, user_id, label, linked_at, linked_by, last_used_at FROM identities
             WHERE user_id = $1 ORDER BY linked_at, id",
        )
        .bind(user_id)
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("listing accounts at providers"))
    }

    /// Records a login with an account, and what the provider calls the account now, if it says so.
    pub async fn record_identity_use(
        &self,
        id: &str,
        label: Option<&str>,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        query("UPDATE identities SET last_used_at = $2, label = COALESCE($3, label) WHERE id = $1")
            .bind(id)
            .bind(now.0)
            .bind(label)
            .execute(&self.writer)
            .await
            .map_err(database_error("recording the use of an account"))?;
        Ok(())
    }

    /// Renews a session whose user has logged in at a provider again. `false` if the session ended, the account was
    /// unlinked, or the user was changed or disabled meanwhile.
    pub async fn confirm_with_identity(&self, confirmation: &Confirmation<'_>) -> Result<bool, InternalError> {
        let Confirmation { renewed, identity, sid } = confirmation;
        let sid = sid.map(TokenHash::as_bytes);
        transaction!(self, "confirming a login", |transaction| {
            let updated = query(
                "UPDATE sessions SET token_hash = $1, data = $2, series_hash = $3, login_id = $4,
                   sid_hash = CASE WHEN identity_id = $9 THEN COALESCE($10, sid_hash) ELSE sid_hash END
                 WHERE token_hash = $5
                   AND user_id IN (SELECT user_id FROM users WHERE user_id = $6 AND active AND demo <= $7 AND changed_at = $8)
                   AND EXISTS (SELECT 1 FROM identities WHERE id = $9 AND identities.user_id = $6)",
            )
            .bind(renewed.new.as_bytes())
            .bind(renewed.data)
            .bind(renewed.series.map(TokenHash::as_bytes))
            .bind(renewed.login_id)
            .bind(renewed.old.as_bytes())
            .bind(renewed.user_id)
            .bind(self.demo)
            .bind(renewed.user_changed_at)
            .bind(*identity)
            .bind(sid)
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(false));
            }
            query(
                "UPDATE remembered SET sid_hash = COALESCE($1, sid_hash) WHERE series_hash = $2 AND identity_id = $3",
            )
            .bind(sid)
            .bind(renewed.series.map(TokenHash::as_bytes))
            .bind(*identity)
            .execute(&mut transaction)
            .await?;
            Ok(Commit(true))
        })
    }

    /// Removes an account from a user, with the roles that its provider gave, unless another account there is left. Ends
    /// the sessions and forgets the browsers that came from it.
    pub async fn unlink_identity(&self, unlink: &Unlink<'_>, event: &Event) -> Result<UnlinkOutcome, InternalError> {
        transaction!(self, "unlinking an account", |transaction| {
            let was_last_admin = is_last_admin(&mut transaction, &self.issuers, unlink.user_id).await?;
            let issuer: Option<String> =
                query_scalar("DELETE FROM identities WHERE id = $1 AND user_id = $2 RETURNING issuer")
                    .bind(unlink.id)
                    .bind(unlink.user_id)
                    .fetch_optional(&mut transaction)
                    .await?;
            let Some(issuer) = issuer else {
                return Ok(Rollback(UnlinkOutcome::NotFound));
            };
            if !unlink.may_be_last && !can_log_in(&mut transaction, &self.issuers, unlink.user_id).await? {
                return Ok(Rollback(UnlinkOutcome::LastWayIn));
            }
            query(
                "DELETE FROM mapped_roles WHERE user_id = $1 AND issuer = $2
                 AND NOT EXISTS (SELECT 1 FROM identities WHERE identities.user_id = $1 AND identities.issuer = $2)",
            )
            .bind(unlink.user_id)
            .bind(&issuer)
            .execute(&mut transaction)
            .await?;
            if was_last_admin && !is_last_admin(&mut transaction, &self.issuers, unlink.user_id).await? {
                return Ok(Rollback(UnlinkOutcome::LastAdmin));
            }
            if let Some(renewed) = unlink.renewed
                && !detach(&mut transaction, renewed).await?
            {
                return Ok(Rollback(UnlinkOutcome::SessionEnded));
            }
            for statement in [
                "DELETE FROM sessions WHERE identity_id = $1",
                "DELETE FROM remembered WHERE identity_id = $1",
            ] {
                query(statement).bind(unlink.id).execute(&mut transaction).await?;
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UnlinkOutcome::Done))
        })
    }

    /// Counts the active users who can log in only with accounts at providers that are not configured.
    pub async fn count_stranded(&self) -> Result<Stranded, InternalError> {
        query_as(concat!(
            "SELECT count(*) AS users, count(CASE WHEN EXISTS
               (SELECT 1 FROM granted_roles WHERE granted_roles.user_id = users.user_id AND role = $1) THEN 1 END) AS admins
             FROM users WHERE active AND EXISTS (SELECT 1 FROM identities WHERE identities.user_id = users.user_id)
               AND NOT ",
            has_way_in!("$2"),
        ))
        .bind(ADMIN)
        .bind(&*self.issuers)
        .fetch_one(&self.reader)
        .await
        .map_err(database_error("counting users without a way to log in"))
    }
}

/// Removes all accounts of a user at providers, and the roles that these gave.
pub(super) async fn delete_identities(connection: &mut Transaction, user_id: &str) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM identities WHERE user_id = $1",
        "DELETE FROM mapped_roles WHERE user_id = $1",
    ] {
        query(statement).bind(user_id).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn can_log_in(connection: &mut Transaction, issuers: &str, user_id: &str) -> sqlx::Result<bool> {
    query_scalar(concat!(
        "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND ",
        has_way_in!("$2"),
        ")",
    ))
    .bind(user_id)
    .bind(issuers)
    .fetch_one(connection)
    .await
}

/// Renews a session so that it no longer depends on an account at a provider. `false` if it ended meanwhile.
async fn detach(connection: &mut Transaction, renewed: &RenewedSession<'_>) -> sqlx::Result<bool> {
    let updated = query(
        "UPDATE sessions SET token_hash = $1, data = $2, series_hash = $3, login_id = $4, identity_id = NULL, sid_hash = NULL
         WHERE token_hash = $5 AND user_id = $6",
    )
    .bind(renewed.new.as_bytes())
    .bind(renewed.data)
    .bind(renewed.series.map(TokenHash::as_bytes))
    .bind(renewed.login_id)
    .bind(renewed.old.as_bytes())
    .bind(renewed.user_id)
    .execute(connection)
    .await?;
    Ok(updated == 1)
}

#[cfg(test)]
mod tests;

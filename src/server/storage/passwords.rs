//! Stored password hashes. Changing a password revokes all access that was gained with the old one.

use super::{
    Storage,
    database::{
        query::query,
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    identities::delete_identities,
    links::{NewLink, put_link},
    roles::{UpdateOutcome, is_last_admin},
    sessions::RenewedSession,
    user_rows::revoke_access,
};
use crate::server::{
    model::{clock::Timestamp, event::Event},
    telemetry::error::InternalError,
};

impl Storage {
    /// Stores a new hash of the same password, unless the password was changed meanwhile. Sessions stay.
    pub async fn replace_hash(&self, user_id: &str, old: &str, new: &str) -> Result<(), InternalError> {
        let update = query("UPDATE users SET password_hash = $1 WHERE user_id = $2 AND password_hash = $3")
            .bind(new)
            .bind(user_id)
            .bind(old);
        self.execute("upgrading a password hash", update).await.map(drop)
    }

    /// Changes a user's password and deletes the user's sessions, remembered browsers, pending calls and links. The
    /// user stops being a demo user. `false` if there is no such user.
    pub async fn change_password(
        &self,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, InternalError> {
        transaction!(self, "changing a password", |transaction| {
            if !write_hash(&mut transaction, user_id, password_hash, now).await? {
                return Ok(Rollback(false));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(true))
        })
    }

    /// Removes a user's password and, unless `keep_identities` is set, the accounts at providers with the roles that they
    /// give; revokes all access, and stores a link to choose a new password. Does nothing if that would leave no administrator.
    pub async fn require_new_password(
        &self,
        link: &NewLink<'_>,
        keep_identities: bool,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "resetting a password", |transaction| {
            let was_last_admin = is_last_admin(&mut transaction, &self.issuers, link.user_id).await?;
            if !write_hash(&mut transaction, link.user_id, "", now).await? {
                return Ok(Rollback(UpdateOutcome::NoUser));
            }
            if !keep_identities {
                delete_identities(&mut transaction, link.user_id).await?;
            }
            if was_last_admin && !is_last_admin(&mut transaction, &self.issuers, link.user_id).await? {
                return Ok(Rollback(UpdateOutcome::LastAdmin));
            }
            put_link(&mut transaction, link, now).await?;
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }

    /// Changes the password of the session's user, renews this session, and revokes all other access. `false`, with
    /// nothing changed, if the session ended or the user was disabled meanwhile.
    pub async fn change_own_password(
        &self,
        password_hash: &str,
        renewed: &RenewedSession<'_>,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, InternalError> {
        transaction!(self, "changing a password", |transaction| {
            let updated = query(
                "UPDATE users SET password_hash = $1, demo = FALSE,
                   changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
                 WHERE user_id = $3 AND active AND demo <= $4
                   AND EXISTS (SELECT 1 FROM sessions WHERE token_hash = $5 AND sessions.user_id = $3)",
            )
            .bind(password_hash)
            .bind(now.0)
            .bind(renewed.user_id)
            .bind(self.demo)
            .bind(renewed.old.as_bytes())
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(false));
            }
            query(
                "UPDATE sessions SET token_hash = $1, data = $2, series_hash = NULL, login_id = $4 \
                 WHERE token_hash = $3",
            )
            .bind(renewed.new.as_bytes())
            .bind(renewed.data)
            .bind(renewed.old.as_bytes())
            .bind(renewed.login_id)
            .execute(&mut transaction)
            .await?;
            revoke_access(&mut transaction, renewed.user_id, Some(renewed.new)).await?;
            add_event(&mut transaction, event).await?;
            Ok(Commit(true))
        })
    }
}

/// Stores the hash of a new password and revokes all access. `false` if there is no such user.
async fn write_hash(
    connection: &mut Transaction,
    user_id: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let updated = query(
        "UPDATE users SET password_hash = $1, demo = FALSE,
           changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
         WHERE user_id = $3",
    )
    .bind(password_hash)
    .bind(now.0)
    .bind(user_id)
    .execute(&mut *connection)
    .await?;
    revoke_access(connection, user_id, None).await?;
    Ok(updated == 1)
}

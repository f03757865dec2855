//! Stored one-time links. Only the hashes of their codes are stored.

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    roles::{ADMIN, Grant, UpdateOutcome, grants_of},
    user_rows::{has_way_in, insert_user, revoke_access},
};
use crate::server::{
    model::{clock::Timestamp, event::Event, token::TokenHash},
    telemetry::error::InternalError,
};

/// A valid link.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredLink {
    /// The user who can choose a password with it. `None` for the link that creates the first administrator.
    pub user_id: Option<String>,
}

#[derive(Debug)]
pub struct NewLink<'a> {
    pub code: &'a TokenHash,
    /// The user who can choose a password with it.
    pub user_id: &'a str,
    /// The user who created it. `None` for the operator.
    pub made_by: Option<&'a str>,
    pub expires_at: Timestamp,
}

/// The outcome of storing the link for the first administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstLink {
    Stored,
    /// There are users.
    NotNeeded,
    /// Another node has just stored one.
    StoredByOther,
}

/// The nodes that start together with this one.
#[derive(Debug)]
pub struct OtherNodes<'a> {
    /// The id of this node.
    pub own_id: &'a str,
    /// Nodes that have not reported since do not run.
    pub seen_since: Timestamp,
    /// A link from before this is replaced.
    pub link_since: Timestamp,
}

impl Storage {
    /// The link with this code, if it is valid.
    pub async fn find_link(&self, code: &TokenHash, now: Timestamp) -> Result<Option<StoredLink>, InternalError> {
        query_as("SELECT user_id FROM links WHERE code_hash = $1 AND expires_at > $2 AND created_at <= $3")
            .bind(code.as_bytes())
            .bind(now.0)
            .bind(now.latest_plausible().0)
            .fetch_optional(&self.reader)
            .await
            .map_err(database_error("looking up a one-time link"))
    }

    /// The expiry of the user's valid link, if there is one.
    pub async fn link_until(&self, user_id: &str, now: Timestamp) -> Result<Option<Timestamp>, InternalError> {
        query_scalar("SELECT expires_at FROM links WHERE user_id = $1 AND expires_at > $2 AND created_at <= $3")
            .bind(user_id)
            .bind(now.0)
            .bind(now.latest_plausible().0)
            .fetch_optional(&self.reader)
            .await
            .map(|expires_at| expires_at.map(Timestamp))
            .map_err(database_error("looking up a one-time link"))
    }

    /// Stores the link that creates the first administrator, in place of earlier ones, unless there is any user, or
    /// another node that runs may have just printed one.
    pub async fn put_first_link(
        &self,
        code: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
        others: &OtherNodes<'_>,
    ) -> Result<FirstLink, InternalError> {
        transaction!(self, "storing the link for the first administrator", |transaction| {
            let is_of_other: bool = query_scalar(
                "SELECT NOT EXISTS (SELECT 1 FROM users)
                   AND EXISTS (SELECT 1 FROM nodes WHERE node_id <> $1 AND seen_at >= $2)
                   AND EXISTS (SELECT 1 FROM links
                     WHERE user_id IS NULL AND created_at > $3 AND created_at <= $4 AND expires_at > $5)",
            )
            .bind(others.own_id)
            .bind(others.seen_since.0)
            .bind(others.link_since.0)
            .bind(now.latest_plausible().0)
            .bind(now.0)
            .fetch_one(&mut transaction)
            .await?;
            if is_of_other {
                return Ok(Rollback(FirstLink::StoredByOther));
            }
            query("DELETE FROM links WHERE user_id IS NULL")
                .execute(&mut transaction)
                .await?;
            let inserted = query(
                "INSERT INTO links (code_hash, user_id, created_at, expires_at)
                 SELECT $1, NULL, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM users)",
            )
            .bind(code.as_bytes())
            .bind(now.0)
            .bind(expires_at.0)
            .execute(&mut transaction)
            .await?;
            Ok(Commit(if inserted == 1 {
                FirstLink::Stored
            } else {
                FirstLink::NotNeeded
            }))
        })
    }

    /// Uses up the link for the first administrator and adds that user. `false`, with nothing changed, if the link is
    /// no longer valid or there is a user by now.
    pub async fn use_first_link(
        &self,
        code: &TokenHash,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        events: [&Event; 2],
    ) -> Result<bool, InternalError> {
        transaction!(self, "creating the first administrator", |transaction| {
            let used = query(
                "DELETE FROM links WHERE code_hash = $1 AND user_id IS NULL AND expires_at > $2 AND created_at <= $3
                 AND NOT EXISTS (SELECT 1 FROM users)",
            )
            .bind(code.as_bytes())
            .bind(now.0)
            .bind(now.latest_plausible().0)
            .execute(&mut transaction)
            .await?;
            if used == 0 {
                return Ok(Rollback(false));
            }
            insert_user(&mut transaction, user_id, password_hash, false, now).await?;
            query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2)")
                .bind(user_id)
                .bind(ADMIN)
                .execute(&mut transaction)
                .await?;
            for event in events {
                add_event(&mut transaction, event).await?;
            }
            Ok(Commit(true))
        })
    }

    /// Uses up a link, sets the password of its user, and revokes all the user's other access. `false`, with nothing
    /// changed, if by now
    ///
    /// - the link is no longer valid,
    /// - the user, or the user who created the link, is disabled or deleted,
    /// - or `may_manage` refuses the current grants of the creator (first) and the user (second).
    pub async fn use_link(
        &self,
        code: &TokenHash,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        event: &Event,
        may_manage: impl Fn(&[Grant], &[Grant]) -> bool,
    ) -> Result<bool, InternalError> {
        transaction!(self, "using a one-time link", |transaction| {
            if !take_link(&mut transaction, code, user_id, now, &may_manage).await? {
                return Ok(Rollback(false));
            }
            let updated = query(
                "UPDATE users SET password_hash = $1, demo = FALSE,
                   changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
                 WHERE user_id = $3 AND active",
            )
            .bind(password_hash)
            .bind(now.0)
            .bind(user_id)
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(false));
            }
            revoke_access(&mut transaction, user_id, None).await?;
            add_event(&mut transaction, event).await?;
            Ok(Commit(true))
        })
    }

    /// Stores a link, in place of an earlier one, for an invited user: active and without a way to log in.
    /// [`UpdateOutcome::NoUser`] if there is no such user.
    pub async fn renew_invitation(
        &self,
        link: &NewLink<'_>,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "storing a one-time link", |transaction| {
            let is_invited: bool = query_scalar(concat!(
                "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND active AND NOT ",
                has_way_in!("$2"),
                ")",
            ))
            .bind(link.user_id)
            .bind(&*self.issuers)
            .fetch_one(&mut transaction)
            .await?;
            if !is_invited {
                return Ok(Rollback(UpdateOutcome::NoUser));
            }
            put_link(&mut transaction, link, now).await?;
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }

    /// Deletes expired links and returns their number.
    pub async fn sweep_links(&self, now: Timestamp) -> Result<u64, InternalError> {
        let delete = query("DELETE FROM links WHERE expires_at <= $1 OR created_at > $2")
            .bind(now.0)
            .bind(now.latest_plausible().0);
        self.execute("sweeping one-time links", delete).await
    }
}

/// Deletes a valid link of a user. `false` if it is not valid, its creator is disabled, or `may_manage` refuses the current
/// grants of the creator (first) and the user (second). Then the transaction must be rolled back.
pub(super) async fn take_link(
    transaction: &mut Transaction,
    code: &TokenHash,
    user_id: &str,
    now: Timestamp,
    may_manage: impl Fn(&[Grant], &[Grant]) -> bool,
) -> sqlx::Result<bool> {
    let used: Option<Option<String>> = query_scalar(
        "DELETE FROM links WHERE code_hash = $1 AND user_id = $2 AND expires_at > $3 AND created_at <= $4
           AND (made_by IS NULL OR EXISTS (SELECT 1 FROM users WHERE users.user_id = made_by AND active))
         RETURNING made_by",
    )
    .bind(code.as_bytes())
    .bind(user_id)
    .bind(now.0)
    .bind(now.latest_plausible().0)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(made_by) = used else {
        return Ok(false);
    };
    let Some(creator) = made_by else {
        return Ok(true);
    };
    let creator_grants = grants_of(&mut *transaction, &creator).await?;
    let user_grants = grants_of(&mut *transaction, user_id).await?;
    Ok(may_manage(&creator_grants, &user_grants))
}

/// Stores a link, in place of an earlier one of the same user.
pub(super) async fn put_link(
    connection: &mut Transaction,
    link: &NewLink<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    query(
        "INSERT INTO links (code_hash, user_id, created_at, expires_at, made_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE SET code_hash = $1, created_at = $3, expires_at = $4, made_by = $5",
    )
    .bind(link.code.as_bytes())
    .bind(link.user_id)
    .bind(now.0)
    .bind(link.expires_at.0)
    .bind(link.made_by)
    .execute(connection)
    .await
    .map(drop)
}

//! Linking accounts at providers to users, each link in one transaction with the changes that go with it.

use super::{
    Storage,
    database::{
        query::{query, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    links::take_link,
    roles::{Grant, UpdateOutcome},
    user_rows::revoke_access,
    users::{NewUser, add_user_in},
};
use crate::server::{
    model::{clock::Timestamp, event::Event, login::SessionKey, token::TokenHash},
    telemetry::error::InternalError,
};

/// An account at a provider that is about to be linked.
#[derive(Debug, Clone, Copy)]
pub struct NewIdentity<'a> {
    /// Random.
    pub id: &'a str,
    pub issuer: &'a str,
    pub subject: &'a str,
    pub user_id: &'a str,
    /// What the provider calls the account, as text to display.
    pub label: &'a str,
    /// The user who links it, or [`OPERATOR`](crate::server::model::event::OPERATOR).
    pub linked_by: &'a str,
}

/// The outcome of linking an account. Except for `Done`, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LinkOutcome {
    Done,
    /// The account is linked to this user already.
    Unchanged,
    /// The account is linked to another user.
    LinkedElsewhere,
    /// The user is disabled or deleted by now, or the session or the one-time link has ended.
    Outdated,
    /// The name of the new user is taken, or can be mistaken for an existing one.
    NameTaken,
}

impl Storage {
    /// Links an account to an active user. With a `session`, only if this session of the user is still stored.
    pub async fn link_identity(
        &self,
        new: &NewIdentity<'_>,
        session: Option<&SessionKey>,
        now: Timestamp,
        event: &Event,
    ) -> Result<LinkOutcome, InternalError> {
        transaction!(self, "linking an account", |transaction| {
            let is_valid: bool = query_scalar(
                "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND (($2 IS NULL AND $3 IS NULL) OR (
                   active AND demo <= $4 AND EXISTS
                     (SELECT 1 FROM sessions WHERE sessions.user_id = $1 AND (token_hash = $2 OR login_id = $3)))))",
            )
            .bind(new.user_id)
            .bind(session.map(|session| session.token.as_bytes()))
            .bind(session.map(|session| &session.id))
            .bind(self.demo)
            .fetch_one(&mut transaction)
            .await?;
            if !is_valid {
                return Ok(Rollback(LinkOutcome::Outdated));
            }
            let outcome = insert(&mut transaction, new, now).await?;
            if outcome != LinkOutcome::Done {
                return Ok(Rollback(outcome));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(outcome))
        })
    }

    /// Uses up a one-time link, links an account to its user, and revokes all the user's other access. The link is checked
    /// as [`Storage::use_link`] does. An account that is linked to this user already stays linked.
    pub async fn use_link_with_identity(
        &self,
        code: &TokenHash,
        new: &NewIdentity<'_>,
        now: Timestamp,
        events: [&Event; 2],
        may_manage: impl Fn(&[Grant], &[Grant]) -> bool,
    ) -> Result<LinkOutcome, InternalError> {
        transaction!(self, "using a one-time link", |transaction| {
            if !take_link(&mut transaction, code, new.user_id, now, &may_manage).await? {
                return Ok(Rollback(LinkOutcome::Outdated));
            }
            let updated = query(
                "UPDATE users SET changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
                 WHERE user_id = $1 AND active",
            )
            .bind(new.user_id)
            .bind(now.0)
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(LinkOutcome::Outdated));
            }
            let outcome = insert(&mut transaction, new, now).await?;
            if !matches!(outcome, LinkOutcome::Done | LinkOutcome::Unchanged) {
                return Ok(Rollback(outcome));
            }
            revoke_access(&mut transaction, new.user_id, None).await?;
            let [used, linked] = events;
            add_event(&mut transaction, used).await?;
            if outcome == LinkOutcome::Done {
                add_event(&mut transaction, linked).await?;
            }
            Ok(Commit(LinkOutcome::Done))
        })
    }

    /// Adds a user for an account that nobody has linked yet. [`LinkOutcome::LinkedElsewhere`] if it is linked by now.
    pub async fn add_user_with_identity(
        &self,
        user: &NewUser<'_>,
        new: &NewIdentity<'_>,
        now: Timestamp,
        events: &[Event],
    ) -> Result<LinkOutcome, InternalError> {
        transaction!(self, "adding a user for an account", |transaction| {
            match add_user_in(&mut transaction, user, now, events).await? {
                UpdateOutcome::Done => {}
                UpdateOutcome::Unchanged => return Ok(Rollback(LinkOutcome::NameTaken)),
                // A role was deleted meanwhile.
                _ => return Ok(Rollback(LinkOutcome::Outdated)),
            }
            let outcome = insert(&mut transaction, new, now).await?;
            Ok(if outcome == LinkOutcome::Done {
                Commit(outcome)
            } else {
                Rollback(outcome)
            })
        })
    }
}

async fn insert(connection: &mut Transaction, new: &NewIdentity<'_>, now: Timestamp) -> sqlx::Result<LinkOutcome> {
    let inserted = query(
        "INSERT INTO identities (id, issuer, subject, user_id, label, linked_at, linked_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, subject) DO NOTHING",
    )
    .bind(new.id)
    .bind(new.issuer)
    .bind(new.subject)
    .bind(new.user_id)
    .bind(new.label)
    .bind(now.0)
    .bind(new.linked_by)
    .execute(&mut *connection)
    .await?;
    if inserted == 1 {
        return Ok(LinkOutcome::Done);
    }
    let owner: Option<String> = query_scalar("SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2")
        .bind(new.issuer)
        .bind(new.subject)
        .fetch_optional(connection)
        .await?;
    Ok(if owner.as_deref() == Some(new.user_id) {
        LinkOutcome::Unchanged
    } else {
        LinkOutcome::LinkedElsewhere
    })
}

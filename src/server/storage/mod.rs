//! **Trap:** a table that a cached guard decision depends on needs triggers that add a row to `guard_changes`
//! (`migrations/sqlite/0015_*.sql`, `migrations/postgres/0015_*.sql`). Without them the session cache serves stale
//! decisions, such as "allowed" after a revocation. Today the triggers cover `sessions`, `users`, `user_roles`,
//! `mapped_roles` and `role_permissions`; see [`changes`].
//!
//! All SQL lives here, in one module per kind of data. The same statements run on SQLite and PostgreSQL; only
//! [`database`] knows which one is in use. "Not found" is `Ok(None)`, never an error. Times are parameters. Nothing here
//! knows about HTTP.

pub mod all_sessions;
pub mod call_stats;
pub mod changes;
pub mod copy;
pub mod database;
pub mod events;
pub mod failed_logins;
pub mod identities;
pub mod links;
pub mod login_flows;
pub mod logins;
pub mod logout_tokens;
pub mod mapped_roles;
pub mod new_identity;
pub mod new_session;
pub mod nodes;
pub mod passwords;
pub mod pending_calls;
pub mod profiles;
pub mod program_files;
pub mod remembered;
pub mod removal;
pub mod roles;
pub mod sessions;
pub mod surplus;
pub mod user_lists;
pub mod user_rows;
pub mod users;

use std::{path::Path, sync::Arc};

pub use self::database::{
    checks::examine,
    errors::Refused,
    findings::{Finding, Outcome},
    migrations::OpenFor,
    open::{Migrated, backup, create_files, migrate, name},
};
use self::{
    changes::Changes,
    database::{
        errors::database_error,
        open,
        pool::Pool,
        query::{Query, query_scalar},
        sqlite,
        transaction::{Commit, transaction},
    },
};
use crate::server::{config, telemetry::error::InternalError};

/// The open database.
#[derive(Debug, Clone)]
pub struct Storage {
    reader: Pool,
    writer: Pool,
    /// For background tasks, which must not wait for the connections of calls.
    background: Pool,
    /// `None` if changes cannot be detected: in memory.
    changes: Option<Arc<Changes>>,
    /// Whether demo users may log in.
    demo: bool,
    /// The issuers of the configured providers, each between spaces. Accounts at others are no way to log in.
    issuers: Arc<str>,
}

impl Storage {
    /// Opens the database: PostgreSQL if the settings say so, else SQLite in `folder`. Demo users may log in only if
    /// `demo` is set.
    pub async fn open(
        folder: &Path,
        settings: &config::Database,
        open_for: OpenFor,
        demo: bool,
    ) -> anyhow::Result<Self> {
        let opened = open::open(folder, settings, open_for, demo).await?;
        let changes = Changes::new(opened.watch, opened.background.clone(), opened.kept_open);
        Ok(Self {
            reader: opened.reader,
            writer: opened.writer,
            background: opened.background,
            changes: Some(Arc::new(changes)),
            demo,
            issuers: "".into(),
        })
    }

    /// Opens an empty in-memory database, which is dropped with this handle. In unit tests with the variable
    /// `TEST_ENGINE=postgres`, an empty PostgreSQL database.
    pub async fn in_memory() -> anyhow::Result<Self> {
        #[cfg(test)]
        if database::testing::is_postgres() {
            return Self::in_postgres().await;
        }
        Self::in_sqlite_memory().await
    }

    /// Opens an empty PostgreSQL database of the server for unit tests.
    #[cfg(test)]
    pub(crate) async fn in_postgres() -> anyhow::Result<Self> {
        let opened = database::testing::open().await?;
        Ok(Self {
            reader: opened.reader,
            writer: opened.writer,
            background: opened.background,
            changes: None,
            demo: false,
            issuers: "".into(),
        })
    }

    /// Opens an empty in-memory database. Unit tests call this instead of [`Self::in_memory`] if they are about SQLite.
    async fn in_sqlite_memory() -> anyhow::Result<Self> {
        let pool = Pool::Sqlite(sqlite::in_memory().await?);
        Ok(Self {
            reader: pool.clone(),
            background: pool.clone(),
            writer: pool,
            changes: None,
            demo: false,
            issuers: "".into(),
        })
    }

    /// Whether several nodes can use the database.
    pub fn is_shared(&self) -> bool {
        matches!(self.writer, Pool::Postgres(_))
    }

    /// Checks that the database can be read. The statement names a table, so that SQLite has to read the file.
    pub async fn ping(&self) -> Result<(), InternalError> {
        query_scalar::<i32>("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&self.reader)
            .await
            .map(drop)
            .map_err(database_error("checking the database"))
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        if let Some(changes) = &self.changes {
            changes.close().await;
        }
        for pool in [&self.reader, &self.background, &self.writer] {
            pool.close().await;
        }
    }

    /// Runs a statement that changes rows, and returns their number.
    async fn execute(&self, context: &'static str, statement: Query) -> Result<u64, InternalError> {
        statement.execute(&self.writer).await.map_err(database_error(context))
    }

    /// Runs a statement with the write lock, and returns the number of rows that it changed. For every statement that
    /// changes what guards depend on: its triggers take the lock anyway, and later than here it could cause a deadlock.
    async fn execute_locked(&self, context: &'static str, statement: &Query) -> Result<u64, InternalError> {
        transaction!(self, context, |transaction| {
            Ok(Commit(statement.clone().execute(&mut transaction).await?))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use super::{database::query::query, roles::UpdateOutcome};
    use crate::{
        contract::audit::Action,
        server::model::{clock::Timestamp, event::Event},
    };

    #[tokio::test]
    async fn a_full_and_a_read_only_database_refuse_what_is_written_for_now_and_go_on_being_read() {
        for (restriction, remedy) in [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
            ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        ] {
            let storage = Storage::in_sqlite_memory().await.unwrap();
            let long = "x".repeat(1 << 20);
            let alice = users::NewUser {
                user_id: "alice",
                password_hash: &long,
                ..users::NewUser::default()
            };
            let add = async || storage.add_user(&alice, Timestamp(1), &[]).await;
            query(restriction).execute(&storage.writer).await.unwrap();
            let error = add().await.unwrap_err();
            assert!(error.is_unavailable(), "{restriction}: {}", error.chain());
            assert!(storage.find_user("alice").await.unwrap().is_none(), "{restriction}");
            query(remedy).execute(&storage.writer).await.unwrap();
            assert_eq!(add().await.unwrap(), roles::UpdateOutcome::Done, "{restriction}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_processes_that_write_at_once_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let settings = config::Settings::defaults().unwrap().database;
        let storage = Storage::open(folder.path(), &settings, OpenFor::Serve, false)
            .await
            .unwrap();
        let other = Storage::open(folder.path(), &settings, OpenFor::Serve, false)
            .await
            .unwrap();
        let ada = users::NewUser {
            user_id: "ada",
            ..users::NewUser::default()
        };
        assert_eq!(
            storage.add_user(&ada, Timestamp(1), &[]).await.unwrap(),
            UpdateOutcome::Done
        );
        let event = Event::by_operator(Action::Login);
        // Each transaction of `other` reads before it writes, while this task writes in between.
        let writer = tokio::spawn({
            let event = event.clone();
            async move {
                for _ in 0..60 {
                    storage.add_events(slice::from_ref(&event), &[]).await.unwrap();
                }
            }
        });
        while !writer.is_finished() {
            let done = other.set_active("ada", false, Timestamp(2), &event).await;
            assert_eq!(done.unwrap(), roles::UpdateOutcome::Done);
        }
        writer.await.unwrap();
    }
}

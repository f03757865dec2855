//! A database that nothing else uses meanwhile.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};

use super::{
    clock,
    errors::Refused,
    migrations::{self, OpenFor},
    open,
    pool::Pool,
    postgres,
    query::{query, query_scalar},
    sqlite,
    transaction::{End, Transaction},
};
use crate::server::config;

/// The tables whose triggers write to the log of guard changes when a row is added.
const TABLES_WITH_TRIGGERS: [&str; 3] = ["role_permissions", "user_roles", "mapped_roles"];

/// A transaction in a database on which no server runs or can start before it ends.
#[derive(Debug)]
pub struct Exclusive {
    pub transaction: Transaction,
    pool: Pool,
    name: String,
}

impl Exclusive {
    /// Opens a database and begins a transaction.
    ///
    /// # Errors
    /// [`Refused`] if another process uses the database.
    pub async fn open(
        folder: &Path,
        settings: &config::Database,
        open_for: OpenFor,
        gone_after: Duration,
    ) -> anyhow::Result<Self> {
        let name = open::name(folder, settings);
        let opened = open::open(folder, settings, open_for, false).await?;
        let pool = match opened.writer.clone() {
            // Exclusive access is possible only without the other connections.
            Pool::Sqlite(_) => {
                opened.close().await;
                let pool = sqlite::open_exclusively(folder).await;
                Pool::Sqlite(pool.map_err(|error| in_use(error, &name))?)
            }
            pool @ Pool::Postgres(_) => pool,
        };
        // Before the lock, so that running nodes do not have to wait.
        refuse_nodes(count_nodes(&pool, None, gone_after).await?, &name)?;
        let transaction = Transaction::begin_exclusive(&pool).await;
        let mut transaction = transaction.map_err(|error| in_use(error, &name))?;
        refuse_nodes(count_nodes(&pool, Some(&mut transaction), gone_after).await?, &name)?;
        Ok(Self {
            transaction,
            pool,
            name,
        })
    }

    /// Fails if the database has migrations that this program does not know.
    pub async fn refuse_unknown_tables(&mut self) -> anyhow::Result<()> {
        let migrator = match self.pool {
            Pool::Sqlite(_) => sqlite::migrator(),
            Pool::Postgres(_) => postgres::migrator(),
        };
        let applied = query_scalar::<i64>("SELECT MAX(version) FROM _sqlx_migrations");
        let applied = applied.fetch_one(&mut self.transaction).await?;
        let known = migrations::newest(&migrator);
        if applied != known {
            bail!(Refused(format!(
                "{} is at migration {applied}, this program at {known}. Use the Callgate that the database was migrated by",
                self.name
            )));
        }
        Ok(())
    }

    /// Switches off the triggers that would write a row for each row that is added. On PostgreSQL, all of them would change
    /// the same row again and again, which takes longer each time until the transaction ends.
    pub async fn disable_triggers(&mut self) -> sqlx::Result<()> {
        self.alter_triggers("DISABLE").await
    }

    pub async fn enable_triggers(&mut self) -> sqlx::Result<()> {
        self.alter_triggers("ENABLE").await
    }

    /// Does nothing on SQLite, whose triggers cannot be switched off, and are fast.
    async fn alter_triggers(&mut self, action: &str) -> sqlx::Result<()> {
        if let Transaction::Postgres(connection) = &mut self.transaction {
            for table in TABLES_WITH_TRIGGERS {
                let alter = format!("ALTER TABLE {table} {action} TRIGGER USER");
                sqlx::raw_sql(sqlx::AssertSqlSafe(alter))
                    .execute(&mut **connection)
                    .await?;
            }
        }
        Ok(())
    }

    /// Adds a change to the log that concerns all users.
    pub async fn log_change_for_everybody(&mut self) -> sqlx::Result<()> {
        let transaction = &mut self.transaction;
        if let Transaction::Postgres(_) = transaction {
            let number = query_scalar::<i64>("UPDATE write_lock SET changes = changes + 1 RETURNING changes");
            let number = number.fetch_one(&mut *transaction).await?;
            let insert = query("INSERT INTO guard_changes (change, user_id) VALUES ($1, NULL)").bind(number);
            insert.execute(transaction).await?;
        } else {
            let insert = query("INSERT INTO guard_changes (user_id) VALUES (NULL)");
            insert.execute(transaction).await?;
        }
        Ok(())
    }

    /// Ends the transaction and closes the database.
    pub async fn end<T>(self, end: End<T>) -> sqlx::Result<T> {
        let result = self.transaction.end(end).await;
        self.pool.close().await;
        result
    }
}

/// How many nodes have reported lately.
async fn count_nodes(pool: &Pool, transaction: Option<&mut Transaction>, gone_after: Duration) -> anyhow::Result<i64> {
    let now = clock::time(pool)
        .await
        .context("cannot read the clock of the database")?;
    let count = query_scalar::<i64>("SELECT COUNT(*) FROM nodes WHERE seen_at >= $1").bind(now.minus(gone_after).0);
    let count = match transaction {
        Some(transaction) => count.fetch_one(transaction).await,
        None => count.fetch_one(pool).await,
    };
    count.context("cannot count the nodes")
}

fn refuse_nodes(count: i64, name: &str) -> anyhow::Result<()> {
    let nodes = match count {
        0 => return Ok(()),
        1 => "a node uses".to_owned(),
        count => format!("{count} nodes use"),
    };
    bail!(Refused(format!(
        "{nodes} {name}. Stop all nodes first; `callgate node list` shows them. A node that was killed counts for 10 seconds \
         more"
    )))
}

/// A refusal if another process holds a lock.
fn in_use(error: sqlx::Error, name: &str) -> anyhow::Error {
    if sqlite::is_busy(&error) || postgres::is_lock_timeout(&error) {
        return Refused(format!(
            "a server or another program uses {name}. Stop it, and run the command again"
        ))
        .into();
    }
    anyhow::Error::from_boxed(postgres::with_hint(error)).context(format!("cannot lock {name}"))
}

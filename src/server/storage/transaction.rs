//! Transactions: several statements, all or nothing.

/// How a [`transaction!`] ends, with the value that it returns.
pub enum End<T> {
    Commit(T),
    Rollback(T),
}

pub(super) use End::{Commit, Rollback};

/// Runs a block in a transaction and returns `Result<_, InternalError>`. The block ends with [`Commit`] or
/// [`Rollback`]; an error rolls back, too. The transaction holds the write lock from its start, so what
/// the block reads stays true until it ends.
///
/// A macro, because the future of an async closure is not `Send` enough for axum.
macro_rules! transaction {
    ($storage:expr, $context:expr, |$transaction:ident| $body:block) => {
        async {
            let mut $transaction = $storage.writer.begin_with("BEGIN IMMEDIATE").await?;
            let end: sqlx::Result<$crate::server::storage::transaction::End<_>> = async { $body }.await;
            match end? {
                $crate::server::storage::transaction::End::Commit(value) => $transaction.commit().await.map(|()| value),
                $crate::server::storage::transaction::End::Rollback(value) => Ok(value),
            }
        }
        .await
        .map_err($crate::server::storage::database_error($context))
    };
}
pub(super) use transaction;

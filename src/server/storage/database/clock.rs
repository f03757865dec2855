//! The clock of the database.

use super::{pool::Pool, postgres, query::query_scalar};
use crate::server::model::clock::Timestamp;

/// The time of the database. That of SQLite is the time of this machine.
pub async fn time(pool: &Pool) -> sqlx::Result<Timestamp> {
    match pool {
        Pool::Sqlite(_) => Ok(Timestamp::now()),
        Pool::Postgres(_) => {
            let time = query_scalar(postgres::TIME).fetch_one(pool).await;
            time.map(Timestamp)
        }
    }
}

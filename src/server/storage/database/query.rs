//! SQL statements for either engine, in the style of sqlx: `query("…").bind(value).execute(…)`.
//!
//! The text is written once. Parameters are `$1`, `$2`, … on both engines, and values are sent with their types, so that
//! a `NULL` needs no cast.

use std::{borrow::Cow, marker::PhantomData};

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{
    Arguments, AssertSqlSafe, Encode, FromRow, Postgres, Sqlite, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{pool::Pool, transaction::Transaction};

/// What a statement is executed on: any connection, or the one of a transaction.
#[derive(Debug)]
pub enum Executor<'c> {
    Pool(&'c Pool),
    Transaction(&'c mut Transaction),
}

impl<'c> From<&'c Pool> for Executor<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'c> From<&'c mut Transaction> for Executor<'c> {
    fn from(transaction: &'c mut Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

/// A value of a parameter. A `NULL` keeps its type.
#[derive(Debug, Clone)]
pub enum Value {
    Bool(Option<bool>),
    Bytes(Option<Vec<u8>>),
    Integer(Option<i64>),
    Text(Option<String>),
}

/// PostgreSQL cannot store U+0000 in texts, so it is replaced, on both engines.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

macro_rules! values {
    ($($Type:ty, $value:ident => $Variant:ident($converted:expr);)+) => {$(
        impl From<$Type> for Value {
            fn from($value: $Type) -> Self {
                Self::$Variant(Some($converted))
            }
        }

        impl From<Option<$Type>> for Value {
            fn from($value: Option<$Type>) -> Self {
                Self::$Variant($value.map(|$value| $converted))
            }
        }
    )+};
}

values! {
    bool, value => Bool(value);
    i64, value => Integer(value);
    u32, value => Integer(i64::from(value));
    &str, value => Text(storable(value));
    &String, value => Text(storable(value));
    String, value => Text(storable(&value));
    &[u8], value => Bytes(value.to_vec());
    Vec<u8>, value => Bytes(value);
}

/// A row that can be read from either engine. Implemented by `#[derive(FromRow)]` and for tuples.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement with its values. `T` is the type of its rows.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it is executed"]
pub struct Query<T = ()> {
    text: Cow<'static, str>,
    values: Vec<Value>,
    rows: PhantomData<fn() -> T>,
}

/// A statement with its values whose rows have one column.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it is executed"]
pub struct ScalarQuery<T>(Query<(T,)>);

/// A statement without rows.
pub fn query(text: &'static str) -> Query {
    query_as(text)
}

/// A statement whose rows are of type `T`.
pub fn query_as<T>(text: &'static str) -> Query<T> {
    Query {
        text: Cow::Borrowed(text),
        values: Vec::new(),
        rows: PhantomData,
    }
}

/// A statement whose rows have one column of type `T`.
pub fn query_scalar<T>(text: &'static str) -> ScalarQuery<T> {
    ScalarQuery(query_as(text))
}

/// Runs a statement with the driver of the engine. Statements that were put together are not kept as prepared ones: there
/// can be very many of them.
macro_rules! run {
    ($query:ident, $executor:ident, $prepare:ident [$($Row:ty)?], $method:ident) => {{
        let Query { text, values, .. } = $query;
        let is_static = matches!(text, Cow::Borrowed(_));
        let text = AssertSqlSafe(text);
        match $executor {
            Executor::Pool(Pool::Sqlite(pool)) => {
                sqlx::$prepare::<Sqlite, $($Row,)? _>(text, arguments::<SqliteArguments>(values)?)
                    .persistent(is_static)
                    .$method(pool)
                    .await
                    .map(Into::into)
            }
            Executor::Transaction(Transaction::Sqlite(transaction)) => {
                sqlx::$prepare::<Sqlite, $($Row,)? _>(text, arguments::<SqliteArguments>(values)?)
                    .persistent(is_static)
                    .$method(&mut **transaction)
                    .await
                    .map(Into::into)
            }
            Executor::Pool(Pool::Postgres(pool)) => {
                let query = sqlx::$prepare::<Postgres, $($Row,)? _>(text, arguments::<PgArguments>(values)?)
                    .persistent(is_static);
                let run = async {
                    let mut connection = pool.get().await?;
                    let result = query.$method(&mut *connection).await?;
                    connection.give_back();
                    Ok(result)
                };
                pool.limit(run).await.map(Into::into)
            }
            Executor::Transaction(Transaction::Postgres(connection)) => {
                sqlx::$prepare::<Postgres, $($Row,)? _>(text, arguments::<PgArguments>(values)?)
                    .persistent(is_static)
                    .$method(&mut **connection)
                    .await
                    .map(Into::into)
            }
        }
    }};
}

impl<T> Query<T> {
    /// Binds the value of the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

// The futures are boxed, so that those of callers stay small.

impl Query {
    /// Runs the statement and returns the number of rows that it changed.
    pub fn execute<'c>(self, executor: impl Into<Executor<'c>>) -> BoxFuture<'c, sqlx::Result<u64>> {
        let executor = executor.into();
        let run = async move {
            let Affected(rows) = run!(self, executor, query_with [], execute)?;
            Ok(rows)
        };
        run.boxed()
    }
}

impl<T: Row> Query<T> {
    /// All rows.
    pub fn fetch_all<'c>(self, executor: impl Into<Executor<'c>>) -> BoxFuture<'c, sqlx::Result<Vec<T>>>
    where
        T: 'c,
    {
        let executor = executor.into();
        async move { run!(self, executor, query_as_with[T], fetch_all) }.boxed()
    }

    /// The first row.
    pub fn fetch_optional<'c>(self, executor: impl Into<Executor<'c>>) -> BoxFuture<'c, sqlx::Result<Option<T>>>
    where
        T: 'c,
    {
        let executor = executor.into();
        async move { run!(self, executor, query_as_with[T], fetch_optional) }.boxed()
    }

    /// The first row.
    ///
    /// # Errors
    /// [`sqlx::Error::RowNotFound`] if there is none.
    pub async fn fetch_one<'c>(self, executor: impl Into<Executor<'c>>) -> sqlx::Result<T>
    where
        T: 'c,
    {
        self.fetch_optional(executor).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

impl<T> ScalarQuery<T>
where
    (T,): Row,
{
    /// Binds the value of the next parameter.
    pub fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value))
    }

    /// The column of all rows.
    pub async fn fetch_all<'c>(self, executor: impl Into<Executor<'c>>) -> sqlx::Result<Vec<T>>
    where
        T: 'c,
    {
        let rows = self.0.fetch_all(executor).await?;
        Ok(rows.into_iter().map(|(column,)| column).collect())
    }

    /// The column of the first row.
    pub async fn fetch_optional<'c>(self, executor: impl Into<Executor<'c>>) -> sqlx::Result<Option<T>>
    where
        T: 'c,
    {
        let row = self.0.fetch_optional(executor).await?;
        Ok(row.map(|(column,)| column))
    }

    /// The column of the first row.
    ///
    /// # Errors
    /// [`sqlx::Error::RowNotFound`] if there is none.
    pub async fn fetch_one<'c>(self, executor: impl Into<Executor<'c>>) -> sqlx::Result<T>
    where
        T: 'c,
    {
        let (column,) = self.0.fetch_one(executor).await?;
        Ok(column)
    }
}

/// A statement that is put together.
#[derive(Debug)]
pub struct QueryBuilder {
    text: String,
    values: Vec<Value>,
}

impl QueryBuilder {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    /// Appends text, which must not come from outside of the program.
    pub fn push(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// Appends a parameter with its value.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.push(format!("${number}"))
    }

    /// Adds the value of a parameter that the text contains already.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// Appends a list of parameters with their values, in parentheses.
    pub fn push_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let mut separator = "(";
        for value in values {
            self.push(separator).push_bind(value);
            separator = ", ";
        }
        self.push(")")
    }

    /// Appends a list of parameters for each row, separated by commas.
    pub fn push_rows(&mut self, rows: impl IntoIterator<Item = impl IntoIterator<Item = Value>>) -> &mut Self {
        let mut separator = "";
        for row in rows {
            self.push(separator).push_list(row);
            separator = ", ";
        }
        self
    }

    pub fn build<T>(self) -> Query<T> {
        Query {
            text: Cow::Owned(self.text),
            values: self.values,
            rows: PhantomData,
        }
    }
}

/// The number of rows that a statement changed.
struct Affected(u64);

impl From<sqlx::sqlite::SqliteQueryResult> for Affected {
    fn from(result: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

impl From<sqlx::postgres::PgQueryResult> for Affected {
    fn from(result: sqlx::postgres::PgQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

/// The values as arguments for the driver of an engine.
fn arguments<A>(values: Vec<Value>) -> sqlx::Result<A>
where
    A: Arguments + Default,
    Option<bool>: for<'v> Encode<'v, A::Database> + Type<A::Database>,
    Option<i64>: for<'v> Encode<'v, A::Database> + Type<A::Database>,
    Option<String>: for<'v> Encode<'v, A::Database> + Type<A::Database>,
    Option<Vec<u8>>: for<'v> Encode<'v, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for value in values {
        match value {
            Value::Bool(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

//! The tables that a copy contains.

use Kind::{Bool, Bytes, Integer, Text};
use sha2::{Digest as _, Sha256};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type, TypeInfo as _, ValueRef as _};

use crate::server::storage::database::query::{Query, QueryBuilder, Value};

/// The type of a column. SQLite stores truth values as integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Bytes,
    Integer,
    Text,
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The columns. Those of the primary key come first.
    pub columns: &'static [(&'static str, Kind)],
    /// The number of columns of the primary key.
    pub key: usize,
}

/// The tables with data that outlives a start of the server, those that others refer to first. The log of guard changes, the
/// nodes and their leases are not copied, because no cached login outlives the copy. A test compares the list with the schema.
pub const TABLES: [Table; 19] = [
    table(
        "users",
        1,
        &[
            ("user_id", Text),
            ("password_hash", Text),
            ("active", Bool),
            ("demo", Bool),
            ("created_at", Integer),
            ("changed_at", Integer),
            ("folded_name", Text),
            ("skeleton", Text),
            ("language", Text),
            ("time_zone", Text),
            ("display_name", Text),
        ],
    ),
    table("roles", 1, &[("role", Text), ("description", Text)]),
    table("role_permissions", 2, &[("role", Text), ("permission", Text)]),
    table("user_roles", 2, &[("user_id", Text), ("role", Text)]),
    table(
        "mapped_roles",
        3,
        &[("user_id", Text), ("role", Text), ("issuer", Text)],
    ),
    table(
        "identities",
        1,
        &[
            ("id", Text),
            ("issuer", Text),
            ("subject", Text),
            ("user_id", Text),
            ("label", Text),
            ("linked_at", Integer),
            ("linked_by", Text),
            ("last_used_at", Integer),
        ],
    ),
    table(
        "sessions",
        1,
        &[
            ("token_hash", Bytes),
            ("user_id", Text),
            ("series_hash", Bytes),
            ("data", Text),
            ("logged_in_at", Integer),
            ("last_used_at", Integer),
            ("login_id", Text),
            ("identity_id", Text),
            ("sid_hash", Bytes),
            ("ends_at", Integer),
        ],
    ),
    table(
        "remembered",
        1,
        &[
            ("series_hash", Bytes),
            ("token_hash", Bytes),
            ("previous_hash", Bytes),
            ("rotated_at", Integer),
            ("user_id", Text),
            ("expires_at", Integer),
            ("device", Text),
            ("address", Text),
            ("created_at", Integer),
            ("used_at", Integer),
            ("taken_again", Bool),
            ("identity_id", Text),
            ("sid_hash", Bytes),
        ],
    ),
    table(
        "links",
        1,
        &[
            ("code_hash", Bytes),
            ("user_id", Text),
            ("created_at", Integer),
            ("expires_at", Integer),
            ("made_by", Text),
        ],
    ),
    table(
        "login_flows",
        1,
        &[
            ("state_hash", Bytes),
            ("browser_hash", Bytes),
            ("address_hash", Bytes),
            ("issuer", Text),
            ("purpose", Text),
            ("user_id", Text),
            ("login_id", Text),
            ("link_hash", Bytes),
            ("next", Text),
            ("remember", Bool),
            ("began_at", Integer),
            ("expires_at", Integer),
        ],
    ),
    table("logout_tokens", 1, &[("jti_hash", Bytes), ("expires_at", Integer)]),
    table(
        "kept_calls",
        1,
        &[
            ("token_hash", Bytes),
            ("user_id", Text),
            ("call", Text),
            ("expires_at", Integer),
            ("keeper", Bytes),
        ],
    ),
    table(
        "call_rates",
        2,
        &[("bucket", Bytes), ("minute", Integer), ("calls", Integer)],
    ),
    table(
        "failed_logins",
        2,
        &[
            ("attempt", Bytes),
            ("bucket", Bytes),
            ("failed_at", Integer),
            ("expires_at", Integer),
        ],
    ),
    table(
        "login_buckets",
        1,
        &[("bucket", Bytes), ("version", Integer), ("expires_at", Integer)],
    ),
    table(
        "program_files",
        1,
        &[("path", Text), ("bytes", Bytes), ("seen_at", Integer)],
    ),
    table("counters", 1, &[("name", Text), ("value", Integer)]),
    table(
        "events",
        1,
        &[
            ("id", Integer),
            ("at", Integer),
            ("action", Text),
            ("outcome", Text),
            ("actor", Text),
            ("user_id", Text),
            ("about", Text),
            ("address", Text),
            ("request_id", Text),
        ],
    ),
    table(
        "calls",
        1,
        &[
            ("id", Integer),
            ("at", Integer),
            ("function", Text),
            ("user_id", Text),
            ("outcome", Text),
            ("calls", Integer),
            ("took_us", Integer),
            ("address", Text),
            ("request_id", Text),
        ],
    ),
];

/// The tables that are not copied.
#[cfg(test)]
pub const NOT_COPIED: [&str; 4] = ["guard_changes", "leases", "nodes", "schema_support"];

const fn table(name: &'static str, key: usize, columns: &'static [(&'static str, Kind)]) -> Table {
    Table { name, columns, key }
}

impl Table {
    fn column_list(&self, columns: usize) -> String {
        let names: Vec<_> = self.columns.iter().take(columns).map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// Selects the rows that follow `last` in the order of the key. Keys have the order of their bytes on both engines.
    pub fn select(&self, last: Option<&[Value]>, limit: u32) -> Query<StoredRow> {
        let key = self.column_list(self.key);
        let columns = self.column_list(self.columns.len());
        let mut select = QueryBuilder::new(format!("SELECT {columns} FROM {}", self.name));
        if let Some(last) = last {
            select.push(format!(" WHERE ({key}) > "));
            select.push_list(last.iter().take(self.key).cloned());
        }
        select.push(format!(" ORDER BY {key} LIMIT ")).push_bind(limit);
        select.build()
    }

    pub fn insert(&self, rows: Vec<Vec<Value>>) -> Query {
        let columns = self.column_list(self.columns.len());
        let mut insert = QueryBuilder::new(format!("INSERT INTO {} ({columns}) VALUES ", self.name));
        insert.push_rows(rows);
        insert.build()
    }

    pub fn delete(&self) -> Query {
        QueryBuilder::new(format!("DELETE FROM {}", self.name)).build()
    }

    pub fn count(&self) -> Query<(i64,)> {
        QueryBuilder::new(format!("SELECT COUNT(*) FROM {}", self.name)).build()
    }

    /// The values of a row with the types of the columns.
    ///
    /// # Errors
    /// A value of another type.
    pub fn values(&self, row: StoredRow) -> anyhow::Result<Vec<Value>> {
        let columns = self.columns.iter().zip(row.0);
        columns
            .map(|((name, kind), value)| {
                kind.convert(value)
                    .map_err(|value| anyhow::anyhow!("{}.{name} has a value of a wrong type: {value:?}", self.name))
            })
            .collect()
    }
}

impl Kind {
    fn convert(self, value: Value) -> Result<Value, Value> {
        match (self, value) {
            (Bool, Value::Integer(value)) => Ok(Value::Bool(value.map(|value| value != 0))),
            (Bool, value @ Value::Bool(_))
            | (Bytes, value @ Value::Bytes(_))
            | (Integer, value @ Value::Integer(_))
            | (Text, value @ Value::Text(_)) => Ok(value),
            (_, value) => Err(value),
        }
    }
}

/// A row with the types that the engine has stored. U+0000 in texts is replaced, as PostgreSQL requires.
#[derive(Debug)]
pub struct StoredRow(Vec<Value>);

impl<'r, R> FromRow<'r, R> for StoredRow
where
    R: Row,
    usize: ColumnIndex<R>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let value = |index: usize| {
            let name = row.try_get_raw(index)?.type_info().name().to_owned();
            Ok(match name.as_str() {
                "BOOL" | "BOOLEAN" => Value::from(row.try_get::<Option<bool>, _>(index)?),
                "INT8" | "INTEGER" => Value::from(row.try_get::<Option<i64>, _>(index)?),
                "TEXT" => Value::from(row.try_get::<Option<String>, _>(index)?),
                "BYTEA" | "BLOB" => Value::from(row.try_get::<Option<Vec<u8>>, _>(index)?),
                _ => {
                    return Err(sqlx::Error::ColumnDecode {
                        index: index.to_string(),
                        source: format!("values of the type {name} are not expected").into(),
                    });
                }
            })
        };
        (0..row.len()).map(value).collect::<sqlx::Result<_>>().map(Self)
    }
}

/// The number of rows of a table, and a hash of them.
#[derive(Debug, Default)]
pub struct Checksum {
    pub rows: u64,
    hash: Sha256,
}

impl Checksum {
    pub fn add(&mut self, rows: &[Vec<Value>]) {
        for row in rows {
            self.rows += 1;
            for value in row {
                match value {
                    Value::Bool(value) => self.add_value(b'b', value.map(|value| [u8::from(value)])),
                    Value::Bytes(value) => self.add_value(b'y', value.as_ref()),
                    Value::Integer(value) => self.add_value(b'i', value.map(i64::to_be_bytes)),
                    Value::Text(value) => self.add_value(b't', value.as_ref()),
                }
            }
        }
    }

    fn add_value(&mut self, kind: u8, value: Option<impl AsRef<[u8]>>) {
        match value {
            None => self.hash.update([kind, 0]),
            Some(value) => {
                let value = value.as_ref();
                self.hash.update([kind, 1]);
                // Without the length, values could move from one column to the next unseen.
                self.hash.update(value.len().to_be_bytes());
                self.hash.update(value);
            }
        }
    }

    /// The hash, in hexadecimal.
    pub fn sha256(self) -> String {
        use std::fmt::Write as _;
        self.hash.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

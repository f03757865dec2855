//! Both engines have the same tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection, SqlitePool};

use super::super::{sqlite, testing};

/// What only SQLite has.
const ONLY_SQLITE: [&str; 1] = [
    // SQLite has no booleans but the numbers 0 and 1. The program compares this column, and never reads it.
    "remembered.taken_again: bigint not null",
];

/// What only PostgreSQL has.
const ONLY_POSTGRES: [&str; 6] = [
    // For SQLite, a file is locked during the migration, and the whole database during a transaction that writes.
    "key of migration_lock (singleton)",
    "key of write_lock (singleton)",
    "migration_lock.singleton: boolean not null",
    "remembered.taken_again: boolean not null",
    "write_lock.changes: bigint not null",
    "write_lock.singleton: boolean not null",
];

#[tokio::test]
async fn both_engines_have_the_same_tables() {
    let sqlite = sqlite::in_memory().await.unwrap();
    let name = testing::create().await.unwrap();
    let mut postgres = testing::connect(&name).await.unwrap();
    let (sqlite, postgres) = (sqlite_schema(&sqlite).await, postgres_schema(&mut postgres).await);
    assert!(sqlite.len() > 150, "{sqlite:#?}");
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert_eq!(only_sqlite, ONLY_SQLITE);
    assert_eq!(only_postgres, ONLY_POSTGRES);
}

/// The tables, as lines that are the same for both engines.
async fn sqlite_schema(pool: &SqlitePool) -> BTreeSet<String> {
    let query = |text: &'static str| sqlx::query_scalar::<_, String>(text).fetch_all(pool);
    let lines = [
        query(
            "SELECT tables.name || '.' || columns.name || ': ' ||
               CASE columns.type WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytea' WHEN 'BOOLEAN' THEN 'boolean'
                 WHEN 'BIGINT' THEN 'bigint' WHEN 'INTEGER' THEN 'bigint' ELSE columns.type END ||
               CASE WHEN columns.\"notnull\" OR columns.pk > 0 THEN ' not null' ELSE '' END
             FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND tables.name NOT LIKE '_sqlx_%'",
        )
        .await,
        query(
            "SELECT 'key of ' || tables.name || ' (' || (SELECT group_concat(name, ', ') FROM
               (SELECT name FROM pragma_table_info(tables.name) WHERE pk > 0 ORDER BY pk)) || ')'
             FROM sqlite_schema AS tables WHERE tables.type = 'table' AND tables.name NOT LIKE '_sqlx_%'
               AND EXISTS (SELECT 1 FROM pragma_table_info(tables.name) WHERE pk > 0)",
        )
        .await,
        query(
            "SELECT CASE WHEN indexes.\"unique\" THEN 'unique ' ELSE '' END || 'index ' ||
               CASE indexes.origin WHEN 'c' THEN indexes.name || ' ' ELSE '' END || 'of ' || tables.name || ' (' ||
               (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(indexes.name) ORDER BY seqno)) || ')' ||
               CASE WHEN indexes.partial
                 THEN (SELECT substr(sql, instr(sql, ' WHERE ')) FROM sqlite_schema WHERE name = indexes.name) ELSE '' END
             FROM sqlite_schema AS tables, pragma_index_list(tables.name) AS indexes
             WHERE tables.type = 'table' AND indexes.origin <> 'pk' AND tables.name NOT LIKE '_sqlx_%'",
        )
        .await,
        query(
            "SELECT 'reference of ' || tables.name || '.' || keys.\"from\" || ' to ' || keys.\"table\" || '.' || keys.\"to\" ||
               ', on delete ' || keys.on_delete
             FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table'",
        )
        .await,
        query("SELECT 'view ' || name FROM sqlite_schema WHERE type = 'view'").await,
    ];
    lines.into_iter().flat_map(Result::unwrap).collect()
}

async fn postgres_schema(connection: &mut PgConnection) -> BTreeSet<String> {
    // `{columns}` is the list of columns with the numbers in `{numbers}`.
    let columns = |table: &str, numbers: &str| {
        format!(
            "(SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest({numbers}) WITH ORDINALITY AS places (number, place)
              JOIN pg_attribute ON attrelid = {table} AND attnum = number)"
        )
    };
    let of_index = columns("indrelid", "indkey");
    let tables = "relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%'";
    let texts = [
        format!(
            "SELECT relname || '.' || attname || ': ' || format_type(atttypid, atttypmod) ||
               CASE WHEN attnotnull THEN ' not null' ELSE '' END
             FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE {tables} AND relkind = 'r' AND attnum > 0"
        ),
        format!(
            "SELECT 'key of ' || relname || ' (' || {of_index} || ')'
             FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE {tables} AND indisprimary"
        ),
        // The name of an index that was made for a constraint was not chosen.
        format!(
            "SELECT CASE WHEN indisunique THEN 'unique ' ELSE '' END || 'index ' ||
               CASE WHEN EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u') THEN ''
                 ELSE indexrelid::regclass || ' ' END || 'of ' || relname || ' (' || {of_index} || ')' ||
               COALESCE(' WHERE ' || replace(trim(pg_get_expr(indpred, indrelid), '()'), '::text', ''), '')
             FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE {tables} AND NOT indisprimary"
        ),
        format!(
            "SELECT 'reference of ' || relname || '.' || {of} || ' to ' || confrelid::regclass || '.' || {to} || ', on delete ' ||
               CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END
             FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE {tables} AND contype = 'f'",
            of = columns("conrelid", "conkey"),
            to = columns("confrelid", "confkey"),
        ),
        format!("SELECT 'view ' || relname FROM pg_class WHERE {tables} AND relkind = 'v'"),
    ];
    let mut lines = BTreeSet::new();
    for text in texts {
        let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(text));
        lines.extend(query.fetch_all(&mut *connection).await.unwrap());
    }
    lines
}

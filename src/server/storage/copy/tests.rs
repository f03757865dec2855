use std::collections::BTreeMap;

use super::{
    super::database::{postgres, sqlite},
    tables::{Kind, NOT_COPIED},
    *,
};

/// The tables of a new SQLite database, each with its columns: name, type and position in the primary key.
async fn schema() -> BTreeMap<String, Vec<(String, Kind, i64)>> {
    let database = sqlite::in_memory().await.unwrap();
    let columns: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT tables.name, columns.name, columns.type, columns.pk
         FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tables.name <> '_sqlx_migrations'
         ORDER BY tables.name, columns.cid",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let mut schema = BTreeMap::<_, Vec<_>>::new();
    for (table, column, kind, key) in columns {
        let kind = match kind.as_str() {
            "BLOB" => Kind::Bytes,
            "BOOLEAN" => Kind::Bool,
            "BIGINT" | "INTEGER" if column == "taken_again" => Kind::Bool,
            "BIGINT" | "INTEGER" => Kind::Integer,
            "TEXT" => Kind::Text,
            kind => panic!("{table}.{column}: {kind}"),
        };
        schema.entry(table).or_default().push((column, kind, key));
    }
    schema
}

#[tokio::test]
async fn a_copy_contains_every_table_and_column_of_the_schema() {
    let mut schema = schema().await;
    for table in NOT_COPIED {
        assert!(schema.remove(table).is_some(), "{table}");
    }
    for table in &TABLES {
        let columns = schema
            .remove(table.name)
            .unwrap_or_else(|| panic!("no table {}", table.name));
        let mut found: Vec<_> = columns.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
        let mut listed = table.columns.to_vec();
        found.sort_by_key(|(name, _)| *name);
        listed.sort_by_key(|(name, _)| *name);
        assert_eq!(listed, found, "{}", table.name);
        let mut key: Vec<_> = columns.iter().filter(|(_, _, position)| *position > 0).collect();
        key.sort_by_key(|(_, _, position)| *position);
        let key: Vec<_> = key.into_iter().map(|(name, ..)| name.as_str()).collect();
        let listed: Vec<_> = table.columns.iter().take(table.key).map(|(name, _)| *name).collect();
        assert_eq!(listed, key, "{}", table.name);
    }
    assert!(schema.is_empty(), "these tables are not in the list: {schema:?}");
}

#[tokio::test]
async fn a_table_comes_after_those_that_it_refers_to() {
    let database = sqlite::in_memory().await.unwrap();
    let references: Vec<(String, String)> = sqlx::query_as(
        "SELECT tables.name, keys.\"table\" FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys
         WHERE tables.type = 'table'",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert!(references.len() > 5);
    let position = |name: &str| TABLES.iter().position(|table| table.name == name).unwrap();
    for (table, other) in references {
        assert!(position(&other) < position(&table), "{table} refers to {other}");
    }
}

#[tokio::test]
async fn a_database_that_is_opened_exclusively_cannot_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::Settings::defaults().unwrap().database;
    let open = async || open::open(folder.path(), &settings, OpenFor::Serve, false).await;
    let opened = open().await.unwrap();
    let error = sqlite::open_exclusively(folder.path()).await.unwrap_err();
    assert!(sqlite::is_busy(&error), "{error}");
    opened.close().await;
    let exclusive = sqlite::open_exclusively(folder.path()).await.unwrap();
    open().await.unwrap_err();
    exclusive.close().await;
    open().await.unwrap().close().await;
}

#[test]
fn both_engines_have_the_same_newest_migration() {
    let newest = |migrator: sqlx::migrate::Migrator| migrator.iter().map(|migration| migration.version).max();
    assert_eq!(newest(sqlite::migrator()), newest(postgres::migrator()));
}

#[test]
fn a_checksum_depends_on_every_value_and_on_where_it_is() {
    let checksum = |row: &[Value]| {
        let mut checksum = Checksum::default();
        checksum.add(&[row.to_vec()]);
        checksum.sha256()
    };
    let text = |text: &str| Value::from(text);
    let (none, empty) = (Value::Text(None), text(""));
    let different = [
        checksum(&[text("ab"), text("c")]),
        checksum(&[text("a"), text("bc")]),
        checksum(&[none.clone(), empty.clone()]),
        checksum(&[empty, none]),
        checksum(&[Value::from(1_i64)]),
        checksum(&[Value::from(true)]),
        Checksum::default().sha256(),
    ];
    for (index, one) in different.iter().enumerate() {
        assert!(!different[index + 1..].contains(one), "{index}");
    }
}

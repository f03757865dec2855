//! `callgate data copy`: all data moves from SQLite to PostgreSQL and back, or nothing does.

use std::{fs, path::Path, process::Stdio, sync::Arc};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::{
    client::REMEMBER,
    fixture,
    place::Place,
    poll::{until, within},
    postgres::{PostgresDatabase, PostgresServer},
    server::Server,
};

/// One row or more of every kind, with text that breaks careless programs.
const ROWS: &str = r#"
    INSERT INTO users VALUES ('Robert''); DROP TABLE users;--', 'x', TRUE, FALSE, 1, 2, NULL, NULL, NULL, NULL, NULL),
        ('ünïcode 한글 👩‍👩‍👧', '', FALSE, FALSE, -5, 9223372036854775807, 'folded', 'skeleton',
            'ko', 'Asia/Seoul', '홍길동');
    INSERT INTO roles VALUES ('"role"', 'nul ' || char(0) || ' tab ' || char(9) || ' back \0 \n %s');
    INSERT INTO role_permissions VALUES ('"role"', 'users.read'), ('"role"', 'audit.read');
    INSERT INTO user_roles VALUES ('user01', '"role"'), ('user02', '"role"');
    INSERT INTO mapped_roles VALUES ('user02', '"role"', 'https://id.example/');
    INSERT INTO identities VALUES ('identity', 'https://id.example/', 'subject' || char(0), 'user02', char(0), 5, 'user02', NULL);
    INSERT INTO sessions (token_hash, user_id, data, logged_in_at, last_used_at, identity_id, sid_hash, ends_at)
        VALUES (x'0000', 'user02', '{"a":"\u0000"}', 1, 2, 'identity', x'00', 3);
    INSERT INTO remembered (series_hash, token_hash, previous_hash, rotated_at, user_id, expires_at, device, taken_again)
        VALUES (x'00', x'ff', x'', 1, 'user02', 2, 'Moz' || char(0) || 'illa', TRUE);
    INSERT INTO links VALUES (x'01', NULL, 1, 2, NULL), (x'02', 'user02', 1, 2, 'user03');
    INSERT INTO login_flows VALUES (x'01', x'02', x'03', 'https://id.example/', 'login', NULL, NULL, NULL, '/', TRUE, 1, 2),
        (x'02', x'02', x'03', 'https://id.example/', 'link', 'user02', 'login', x'04', '/', FALSE, 1, 2);
    INSERT INTO logout_tokens VALUES (x'05', 9);
    INSERT INTO kept_calls VALUES (x'06', NULL, '{}', 1, x''), (x'07', 'user02', '{"x":1}', 1, x'08');
    INSERT INTO call_rates VALUES (x'09', 1, 2), (x'09', 2, 3);
    INSERT INTO failed_logins VALUES (x'0a', x'0b', 1, 2), (x'0a', x'0c', 1, 2);
    INSERT INTO login_buckets VALUES (x'0b', 1, 2);
    INSERT INTO program_files VALUES ('/pkg/x.js', x'00ff0a', 1);
    INSERT INTO events VALUES (5000, 1, 'login', 'refused', '', 'nobody', 'from ' || char(0), '::1', 'id');
    INSERT INTO calls VALUES (6000, 1, 'greet', '', 'ok', 3, 9, '::1', 'id');
    UPDATE counters SET value = 5000 WHERE name = 'events';
    UPDATE counters SET value = 6000 WHERE name = 'calls'"#;

/// What a database has of its own.
const NOT_COPIED: &str = "'_sqlx_migrations', 'guard_changes', 'leases', 'nodes', 'schema_support'";

async fn open(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// All rows of a SQLite database as texts, sorted, by table.
async fn sqlite_rows(file: &Path) -> Vec<(String, Vec<String>)> {
    let mut database = open(file).await;
    let mut all = Vec::new();
    for (table, columns) in tables(&mut database).await {
        let columns = columns.iter().map(|column| {
            format!(
                "CASE typeof({column}) WHEN 'null' THEN 'NULL' WHEN 'blob' THEN 'x' || hex({column})
                 ELSE CAST({column} AS TEXT) END"
            )
        });
        let columns: Vec<_> = columns.collect();
        let query = format!("SELECT {} FROM {table}", columns.join(" || char(31) || "));
        let rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(query)).fetch_all(&mut database);
        let mut rows: Vec<_> = rows
            .await
            .unwrap()
            .iter()
            .map(|row| row.replace('\0', "\u{fffd}"))
            .collect();
        rows.sort();
        all.push((table, rows));
    }
    database.close().await.unwrap();
    all
}

/// The tables that are copied, with their columns.
async fn tables(database: &mut SqliteConnection) -> Vec<(String, Vec<String>)> {
    let names = format!(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ({NOT_COPIED})
         ORDER BY name"
    );
    let names: Vec<String> = sqlx::query_scalar(AssertSqlSafe(names))
        .fetch_all(&mut *database)
        .await
        .unwrap();
    let mut tables = Vec::new();
    for table in names {
        let columns = sqlx::query_scalar("SELECT name FROM pragma_table_info($1) ORDER BY name").bind(&table);
        let columns = columns.fetch_all(&mut *database).await.unwrap();
        tables.push((table, columns));
    }
    tables
}

/// The same of a PostgreSQL database.
async fn postgres_rows(database: &PostgresDatabase) -> Vec<(String, Vec<String>)> {
    let mut database: PgConnection = database.connect().await;
    let tables = format!(
        "SELECT table_name::TEXT, string_agg(CASE data_type
             WHEN 'bytea' THEN format('COALESCE(''x'' || upper(encode(%I, ''hex'')), ''NULL'')', column_name)
             WHEN 'boolean' THEN format('COALESCE(%I::INT::TEXT, ''NULL'')', column_name)
             ELSE format('COALESCE(%I::TEXT, ''NULL'')', column_name) END, ' || chr(31) || ' ORDER BY column_name COLLATE \"C\")
         FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
           AND table_name NOT IN ({NOT_COPIED}, 'write_lock', 'migration_lock')
         GROUP BY table_name ORDER BY table_name COLLATE \"C\""
    );
    let tables: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(tables))
        .fetch_all(&mut database)
        .await
        .unwrap();
    let mut all = Vec::new();
    for (table, columns) in tables {
        let query = format!("SELECT {columns} FROM {table}");
        let rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(query)).fetch_all(&mut database);
        let mut rows = rows.await.unwrap();
        rows.sort();
        all.push((table, rows));
    }
    all
}

#[track_caller]
fn assert_equal(copy: &[(String, Vec<String>)], original: &[(String, Vec<String>)]) {
    let names = |tables: &[(String, Vec<String>)]| tables.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(copy), names(original));
    for ((table, copied), (_, rows)) in copy.iter().zip(original) {
        assert_eq!(copied, rows, "{table}");
    }
}

/// Writes a settings file for a PostgreSQL database and returns its name.
fn settings(place: &Place, database: &PostgresDatabase) -> String {
    let file = place.path(&format!("{}.toml", database.name()));
    fs::write(&file, format!("[database]\nurl = \"{}\"\n", database.url())).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn demo_on(place: &Arc<Place>, database: &PostgresDatabase) -> Server {
    place.demo(&[("CALLGATE_DATABASE_URL", &database.url())]).await
}

#[tokio::test]
async fn every_row_moves_to_postgresql_and_back_and_nobody_is_logged_out() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    let client = server.user01().await;
    let remembered = server.client();
    let login = json!({"user_id": "user03", "password": "user_03", "remember": true});
    remembered.done("login", login).await;
    server.stop().await;
    let mut database = place.database().await;
    database.change(ROWS).await;
    database.close().await;
    let original = sqlite_rows(&place.data().join("callgate.db")).await;
    assert!(original.len() > 15);
    for (table, rows) in &original {
        assert!(!rows.is_empty(), "the test has no row for {table}");
    }

    let postgres = PostgresServer::shared().await.create_database().await;
    let file = settings(&place, &postgres);
    // Variables would mean both sides.
    let elsewhere = [
        ("CALLGATE_DATA", "elsewhere"),
        ("CALLGATE_DATABASE_URL", "postgres://x@127.0.0.1:1/x"),
    ];
    let copy = ["data", "copy", "--from", "data", "--to-settings", &file, "--json"];
    let ran = place.run_with(&copy, "", &elsewhere).await;
    assert!(ran.worked, "{}", ran.error);
    // Standard error is no terminal.
    assert!(!ran.error.contains("copying"), "{}", ran.error);
    let printed: Value = serde_json::from_str(&ran.printed).unwrap();
    assert_eq!(printed["tables"].as_array().unwrap().len(), original.len());
    assert_equal(&postgres_rows(&postgres).await, &original);
    assert_equal(&sqlite_rows(&place.data().join("callgate.db")).await, &original);
    let disabled = "SELECT COUNT(*) FROM pg_trigger WHERE tgenabled <> 'O'";
    assert_eq!(postgres.number(disabled).await, 0);
    let last = "SELECT changes - (SELECT MAX(change) FROM guard_changes) FROM write_lock";
    assert_eq!(postgres.number(last).await, 0);

    let elsewhere = Place::new();
    let server = demo_on(&elsewhere, &postgres).await;
    let moved = client.moved_to(&server.client());
    assert_eq!(moved.who().await.as_deref(), Some("user01"));
    let token = remembered.cookie(REMEMBER).unwrap();
    let same_browser = server.client().with_only(REMEMBER, &token);
    assert_eq!(same_browser.who().await.as_deref(), Some("user03"));
    // What was copied is guarded as what was written there.
    let revoke = ["--settings", &file, "session", "revoke", "user03"];
    place.done(&revoke, "").await;
    assert_eq!(same_browser.who().await, None);
    server.stop().await;

    let back = Place::new();
    fixture::copy(&fixture::template().join("certs"), &back.data().join("certs"));
    let printed = back
        .done(&["data", "copy", "--from-settings", &file, "--to", "data"], "")
        .await;
    assert!(printed.contains("callgate serve --data data"), "{printed}");
    assert_equal(
        &sqlite_rows(&back.data().join("callgate.db")).await,
        &postgres_rows(&postgres).await,
    );
    let mut database = back.database().await;
    assert_eq!(
        database.number("SELECT COUNT(*) FROM pragma_foreign_key_check").await,
        0
    );
    database.close().await;
    let server = back.demo(&[]).await;
    let moved = client.moved_to(&server.client());
    assert_eq!(moved.who().await.as_deref(), Some("user01"));
    back.done(&["session", "revoke", "user01"], "").await;
    assert_eq!(moved.who().await, None);
}

#[tokio::test]
async fn a_copy_is_refused_while_a_server_uses_one_of_the_databases() {
    let (place, other) = (Place::new(), Place::new());
    let postgres = PostgresServer::shared().await.create_database().await;
    let file = settings(&place, &postgres);
    let copy = ["data", "copy", "--from", "data", "--to-settings", &file];
    let server = place.demo(&[]).await;
    let client = server.user01().await;
    let ran = place.run(&copy, "").await;
    ran.assert_failed(&["a server or another program uses the database"]);
    assert_eq!(ran.status, 4);
    assert_eq!(
        postgres
            .number("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'")
            .await,
        0
    );
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    server.stop().await;

    // The target is a server that waits for its first administrator.
    let node = other.serve(&[("CALLGATE_DATABASE_URL", &postgres.url())]).await;
    let ran = place.run(&copy, "").await;
    ran.assert_failed(&["a node uses the PostgreSQL database"]);
    assert_eq!(ran.status, 4);
    node.stop().await;
    place.done(&copy, "").await;
    assert_eq!(postgres.number("SELECT COUNT(*) FROM users").await, 3);
    assert_eq!(postgres.number("SELECT COUNT(*) FROM links").await, 0);

    let node = demo_on(&other, &postgres).await;
    let back = ["data", "copy", "--from-settings", &file, "--to", "back"];
    let ran = place.run(&back, "").await;
    ran.assert_failed(&["a node uses the PostgreSQL database"]);
    assert_eq!(ran.status, 4);
    assert!(!place.path("back").exists());
    node.stop().await;
    place.done(&back, "").await;

    // A SQLite target on which a server runs.
    let empty = other
        .serve(&[("CALLGATE_DATA", "empty"), ("CALLGATE_HTTPS_CERTS", "data/certs")])
        .await;
    let target = other.path("empty");
    let ran = place
        .run(
            &["data", "copy", "--from", "data", "--to", target.to_str().unwrap()],
            "",
        )
        .await;
    ran.assert_failed(&["a server or another program uses the database"]);
    empty.stop().await;
}

#[tokio::test]
async fn a_copy_is_refused_into_a_database_with_data_or_from_one_with_other_tables() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    server.user01().await;
    server.stop().await;
    let postgres = PostgresServer::shared().await.create_database().await;
    let file = settings(&place, &postgres);
    let copy = ["data", "copy", "--from", "data", "--to-settings", &file];
    place.done(&copy, "").await;
    let rows = postgres_rows(&postgres).await;
    let refused = async |words: &[&str], status, parts: &[&str]| {
        let ran = place.run(words, "").await;
        ran.assert_failed(parts);
        assert_eq!(ran.status, status, "{}", ran.error);
    };
    refused(&copy, 4, &["already has users"]).await;
    postgres.execute("DELETE FROM users").await;
    refused(&copy, 4, &["already has entries in its audit log"]).await;
    refused(
        &["data", "copy", "--from", "data", "--to", "data"],
        4,
        &["are the same"],
    )
    .await;
    refused(
        &["data", "copy", "--from", "none", "--to", "new"],
        1,
        &["no database in the folder none"],
    )
    .await;
    refused(&["data", "copy", "--to", "new"], 2, &["--from"]).await;
    let both = [
        "data",
        "copy",
        "--from",
        "data",
        "--from-settings",
        &file,
        "--to",
        "new",
    ];
    refused(&both, 2, &["cannot be used with"]).await;
    refused(
        &["--data", "data", "data", "copy", "--from", "data", "--to", "new"],
        1,
        &["two sides"],
    )
    .await;

    let new = ["data", "copy", "--from", "data", "--to", "new"];
    let mut database = place.database().await;
    database
        .change(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, x'00', 0)",
        )
        .await;
    database.close().await;
    refused(&new, 4, &["is at migration 9999"]).await;
    let mut database = place.database().await;
    database
        .change("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .await;
    let undone = "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    database.change(undone).await;
    database.close().await;
    refused(&new, 1, &["older Callgate", "callgate data migrate"]).await;
    assert!(!place.path("new").exists());
    let now = postgres_rows(&postgres).await;
    let events = |rows: &[(String, Vec<String>)]| rows.iter().find(|(name, _)| name == "events").cloned();
    assert_eq!(events(&now), events(&rows));
}

/// Starts a copy, waits until it has written something, and kills it.
async fn kill_a_copy(place: &Place, words: &[&str], mut has_written: impl AsyncFnMut() -> bool) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_callgate"));
    command
        .args(words)
        .current_dir(place.path(""))
        .env_clear()
        .kill_on_drop(true);
    let mut copy = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the copy to write", async || {
        assert!(copy.try_wait().unwrap().is_none(), "the copy has ended");
        has_written().await
    })
    .await;
    copy.start_kill().unwrap();
    let status = within("the copy to end", copy.wait()).await.unwrap();
    assert_eq!(status.code(), None, "it ended before it was killed");
}

#[tokio::test]
async fn an_interrupted_copy_leaves_nothing_and_can_be_repeated() {
    let place = Place::new();
    place.demo(&[]).await.stop().await;
    let mut database = place.database().await;
    database
        .change(
            "INSERT INTO events WITH RECURSIVE numbers (id) AS (SELECT 10000 UNION ALL SELECT id + 1 FROM numbers LIMIT 60000)
             SELECT id, 1, 'login', 'ok', 'user01', 'user01', hex(randomblob(100)), '::1', 'id' FROM numbers",
        )
        .await;
    database
        .change("UPDATE counters SET value = 70000 WHERE name = 'events'")
        .await;
    database.close().await;
    let original = sqlite_rows(&place.data().join("callgate.db")).await;

    let postgres = PostgresServer::shared().await.create_database().await;
    let file = settings(&place, &postgres);
    let copy = ["data", "copy", "--from", "data", "--to-settings", &file];
    kill_a_copy(&place, &copy, async || {
        let size = "SELECT COALESCE(pg_relation_size(to_regclass('events')), 0)";
        postgres.number(size).await > 1 << 20
    })
    .await;
    for table in ["users", "events", "sessions"] {
        assert_eq!(
            postgres.number(&format!("SELECT COUNT(*) FROM {table}")).await,
            0,
            "{table}"
        );
    }
    place.done(&copy, "").await;
    assert_equal(&postgres_rows(&postgres).await, &original);

    let back = ["data", "copy", "--from-settings", &file, "--to", "back"];
    let log = place.path("back/callgate.db-wal");
    kill_a_copy(&place, &back, async || {
        fs::metadata(&log).is_ok_and(|log| log.len() > 1 << 20)
    })
    .await;
    let mut database = open(&place.path("back/callgate.db")).await;
    let users: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(users, 0);
    database.close().await.unwrap();
    place.done(&back, "").await;
    assert_equal(&sqlite_rows(&place.path("back/callgate.db")).await, &original);
}

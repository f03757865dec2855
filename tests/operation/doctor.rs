//! `callgate doctor` finds what is wrong with the settings and the database, and says what to do.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
};

use serde_json::Value;

use crate::support::{
    fixture,
    place::{Place, Ran},
    postgres::{PostgresDatabase, PostgresServer},
    server::{Server, free_address},
};

/// What it finds: check, outcome and text.
type Findings = Vec<(String, String, String)>;

async fn examine(place: &Place, variables: &[(&str, &str)]) -> (Ran, Findings) {
    let ran = place.run_with(&["doctor", "--json"], "", variables).await;
    let list: Value = serde_json::from_str(&ran.printed).unwrap_or_else(|_| panic!("{}{}", ran.printed, ran.error));
    let findings = list.as_array().unwrap().iter().map(|finding| {
        let field = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let text = format!("{} {}", field("text"), field("remedy"));
        (field("check"), field("outcome"), text)
    });
    let findings: Findings = findings.collect();
    let is_wrong = findings.iter().any(|(_, outcome, _)| outcome == "wrong");
    assert_eq!(ran.status, i32::from(is_wrong), "{findings:?}");
    (ran, findings)
}

/// Fails unless these checks, and no others, are wrong, and the findings say all of this.
#[track_caller]
fn assert_wrong(findings: &Findings, checks: &[&str], parts: &[&str]) {
    let wrong = findings.iter().filter(|(_, outcome, _)| outcome == "wrong");
    let (mut found, mut texts) = (Vec::new(), String::new());
    for (check, _, text) in wrong {
        found.push(check.as_str());
        texts.push_str(text);
    }
    assert_eq!(found, checks, "{findings:?}");
    for part in parts {
        assert!(texts.contains(part), "no {part} in: {texts}");
    }
}

async fn node_on(database: &PostgresDatabase) -> Server {
    let variables = [
        ("CALLGATE_DATABASE_URL", database.url()),
        ("CALLGATE_DATABASE_NODE", "one".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    Place::new().demo(&variables).await
}

#[tokio::test]
async fn a_sound_database_of_either_engine_has_nothing_wrong() {
    let server = Server::demo().await;
    server.user01().await;
    let (ran, findings) = examine(&server.place, &[]).await;
    assert_wrong(&findings, &[], &[]);
    assert!(ran.printed.contains("callgate session revoke --all"), "{}", ran.printed);
    let lines = server.place.done(&["doctor"], "").await;
    assert_eq!(lines.lines().count(), findings.len(), "{lines}");

    let database = PostgresServer::shared().await.create_database().await;
    let server = node_on(&database).await;
    let (_, findings) = examine(&server.place, &[("CALLGATE_DATABASE_URL", &database.url())]).await;
    assert_wrong(&findings, &[], &[]);
    let nodes = findings.iter().find(|(check, ..)| check == "nodes").unwrap();
    let listed = format!("one ({}) ", env!("CARGO_PKG_VERSION"));
    assert_eq!(nodes.2, listed);
}

#[tokio::test]
async fn what_is_wrong_with_a_postgresql_database_is_found() {
    let shared = PostgresServer::shared().await;
    let database = shared.create_database().await;
    let (name, place) = (database.name(), Place::new());
    let url = database.url();
    let variables = [("CALLGATE_DATABASE_URL", url.as_str())];
    let (_, findings) = examine(&place, &variables).await;
    assert_wrong(&findings, &["migrations"], &["no tables", "callgate data migrate"]);
    node_on(&database).await.stop().await;

    let faults: [(&str, &str, &[&str], &[&str]); 4] = [
        (
            "SET default_transaction_read_only = on",
            "RESET default_transaction_read_only",
            &["primary"],
            &["no host accepts writes"],
        ),
        (
            "SET synchronous_commit = off",
            "RESET synchronous_commit",
            &["synchronous_commit"],
            &["ALTER ROLE"],
        ),
        (
            "CONNECTION LIMIT 22",
            "CONNECTION LIMIT -1",
            &["connections"],
            &["the limit of the database is 22", "1 nodes × 13 connections + 10 = 23"],
        ),
        (
            "SET search_path = nowhere",
            "RESET search_path",
            &["privileges", "migrations"],
            &["may not create tables"],
        ),
    ];
    for (fault, remedy, checks, parts) in faults {
        shared
            .execute("postgres", &format!("ALTER DATABASE {name} {fault}"))
            .await;
        let (_, findings) = examine(&place, &variables).await;
        assert_wrong(&findings, checks, parts);
        shared
            .execute("postgres", &format!("ALTER DATABASE {name} {remedy}"))
            .await;
    }
    let faults: [(&str, &str, &[&str], &[&str]); 4] = [
        (
            "ALTER SCHEMA public OWNER TO postgres",
            "ALTER SCHEMA public OWNER TO pg_database_owner",
            &["privileges"],
            &["may not create tables", "GRANT CREATE"],
        ),
        (
            "ALTER TABLE login_buckets OWNER TO postgres",
            "ALTER TABLE login_buckets OWNER TO callgate",
            &["privileges"],
            &["1 tables belong to another user"],
        ),
        (
            "UPDATE _sqlx_migrations SET version = version - 10000",
            "UPDATE _sqlx_migrations SET version = version + 10000",
            &["migrations"],
            &["callgate data migrate"],
        ),
        (
            "UPDATE schema_support SET oldest_program = 9999",
            "UPDATE schema_support SET oldest_program = 15",
            &["migrations"],
            &["newer Callgate"],
        ),
    ];
    for (fault, remedy, checks, parts) in faults {
        database.execute(fault).await;
        let (_, findings) = examine(&place, &variables).await;
        assert_wrong(&findings, checks, parts);
        database.execute(remedy).await;
    }
    let (_, findings) = examine(&place, &variables).await;
    assert_wrong(&findings, &[], &[]);
}

#[tokio::test]
async fn hosts_that_cannot_be_reached_or_verified_are_found_and_named() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let place = Place::new();
    fixture::copy(&fixture::template().join("certs"), &place.data().join("certs"));
    let url = database.url();
    let port = server.address().port();

    let away = free_address();
    let two = format!("postgres://callgate@127.0.0.1:{port},{away}/{}", database.name());
    let (_, findings) = examine(&place, &[("CALLGATE_DATABASE_URL", &two)]).await;
    assert_wrong(&findings, &["host", "migrations"], &[&away.to_string()]);

    let certs = place.data().join("certs");
    server
        .enable_tls(&certs.join("localhost.pem"), &certs.join("localhost.key"))
        .await;
    let with_ca = [
        ("CALLGATE_DATABASE_URL", url.as_str()),
        ("CALLGATE_DATABASE_CA_FILE", "data/certs/ca.pem"),
    ];
    node_on(&database).await.stop().await;
    let (_, findings) = examine(&place, &with_ca).await;
    assert_wrong(&findings, &[], &[]);
    let host = findings.iter().find(|(check, ..)| check == "host").unwrap();
    assert!(host.2.contains("TLS, name and certificate verified"), "{}", host.2);

    place.done(&["cert", "--certs", "other"], "").await;
    let other_ca = [with_ca[0], ("CALLGATE_DATABASE_CA_FILE", "other/ca.pem")];
    let (_, findings) = examine(&place, &other_ca).await;
    assert_wrong(&findings, &["host"], &["no verified TLS", "database.ca_file"]);

    server.stop().await;
    let (_, findings) = examine(&place, &with_ca).await;
    assert_wrong(&findings, &["host"], &[&server.address().to_string()]);
    let (_, findings) = examine(&place, &[("CALLGATE_DATABASE_URL", "mysql://x@y/z")]).await;
    assert_wrong(&findings, &["database"], &["postgres://user:password@host"]);
    let (_, findings) = examine(&place, &[("CALLGATE_DATABASE_STATEMENT_MS", "1")]).await;
    assert_wrong(&findings, &["settings"], &["database.statement_ms"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_sqlite_database_is_found() {
    let place = Place::new();
    let (_, findings) = examine(&place, &[]).await;
    assert_wrong(&findings, &["database"], &["there is no database"]);
    assert!(!place.data().exists());

    place.demo(&[]).await.stop().await;
    let file = place.data().join("callgate.db");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let (_, findings) = examine(&place, &[]).await;
    assert_wrong(&findings, &["file mode"], &["mode 640", "chmod go="]);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();

    let mut database = place.database().await;
    let page = database
        .number("SELECT rootpage FROM sqlite_schema WHERE name = 'users_by_age'")
        .await;
    let size = database.number("PRAGMA page_size").await;
    database.close().await;
    let pages = fs::File::options().write(true).open(&file).unwrap();
    let offset = u64::try_from((page - 1) * size).unwrap();
    pages.write_all_at(&[0xff; 512], offset).unwrap();
    let (_, findings) = examine(&place, &[]).await;
    assert_wrong(&findings, &["integrity"], &["restore a backup"]);

    fs::write(
        &file,
        "not a database at all, but long enough to be read as one".repeat(20),
    )
    .unwrap();
    let (_, findings) = examine(&place, &[]).await;
    assert_wrong(&findings, &["database"], &["callgate.db", "restore a backup"]);
}

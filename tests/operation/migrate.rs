//! Migrations by hand: `database.migrate = "never"` and `callgate data migrate`.

use std::fs;

use sqlx::{migrate::Migrator, sqlite::SqliteConnectOptions};

use crate::support::{fixture, place::Place, postgres::PostgresServer};

const NEVER: (&str, &str) = ("CALLGATE_DATABASE_MIGRATE", "never");

#[tokio::test]
async fn a_server_that_never_migrates_starts_after_the_command_on_either_engine() {
    let postgres = PostgresServer::shared().await.create_database().await;
    let url = postgres.url();
    let shared = [NEVER, ("CALLGATE_DATABASE_URL", url.as_str())];
    for variables in [&[NEVER][..], &shared] {
        let place = Place::new();
        fixture::copy(&fixture::template().join("certs"), &place.data().join("certs"));
        let ran = place.refused(&["--demo"], variables).await;
        ran.assert_failed(&["database.migrate is never", "callgate data migrate"]);
        let migrate = async || {
            let ran = place.run_with(&["data", "migrate"], "", variables).await;
            assert!(ran.worked, "{}", ran.error);
            ran.printed
        };
        let printed = migrate().await;
        assert!(printed.starts_with("Created the tables in "), "{printed}");
        let printed = migrate().await;
        assert!(printed.starts_with("Nothing to do: "), "{printed}");
        let server = place.demo(variables).await;
        assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    }
}

#[tokio::test]
async fn an_older_database_is_migrated_by_the_command_which_says_from_where_to_where() {
    const OLD: i64 = 14;
    let place = Place::new();
    fixture::copy(&fixture::template().join("certs"), &place.data().join("certs"));
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let mut newest = 0;
    fs::create_dir(place.path("old")).unwrap();
    for file in fs::read_dir(migrations).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let number: i64 = name.split('_').next().unwrap().parse().unwrap();
        newest = newest.max(number);
        if number <= OLD {
            fs::copy(file.path(), place.path("old").join(name)).unwrap();
        }
    }
    let options = SqliteConnectOptions::new().filename(place.data().join("callgate.db"));
    let pool = sqlx::SqlitePool::connect_with(options.create_if_missing(true))
        .await
        .unwrap();
    let old = Migrator::new(place.path("old")).await.unwrap();
    old.run(&pool).await.unwrap();
    pool.close().await;

    let ran = place.refused(&["--demo"], &[NEVER]).await;
    ran.assert_failed(&["has to be migrated", "callgate data migrate"]);
    let ran = place.run_with(&["data", "migrate", "--json"], "", &[NEVER]).await;
    assert!(ran.worked, "{}", ran.error);
    let printed: serde_json::Value = serde_json::from_str(&ran.printed).unwrap();
    assert_eq!((&printed["before"], &printed["after"]), (&OLD.into(), &newest.into()));
    place.demo(&[NEVER]).await;
}

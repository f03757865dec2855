//! Two nodes with different versions of the browser part on one database: each serves the files of the other.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;

use crate::support::{
    client::{Client, Reply},
    place::Place,
    poll::until,
    postgres::{PostgresDatabase, PostgresServer},
    server::Server,
};

const SCRIPT: (&str, &str) = ("callgate.a-_1.js", "export const version = 1;\n");
const COMPRESSED_SCRIPT: (&str, &str) = ("callgate.a-_1.js.br", "the script, compressed");
const CHUNK: (&str, &str) = ("chunk_7.b2.wasm", "a split chunk");
const STYLE: (&str, &str) = ("callgate.c3.css", "p { color: navy }\n");
const WITHOUT_HASH: (&str, &str) = ("extra.js", "export {}\n");

/// The files that all nodes share of those that the old version has, in order.
const SHARED: &str = "callgate.a-_1.js callgate.a-_1.js.br callgate.c3.css chunk_7.b2.wasm";

/// Starts a node. Only its own folder contains `files`.
async fn node(database: &PostgresDatabase, files: &[(&str, &str)], settings: &[(&str, &str)]) -> Server {
    let place = Place::new();
    for (name, content) in files {
        fs::write(place.path("site/pkg").join(name), content).unwrap();
    }
    start(&place, database, settings).await
}

async fn start(place: &Arc<Place>, database: &PostgresDatabase, settings: &[(&str, &str)]) -> Server {
    let url = database.url();
    let settings = [&[("CALLGATE_DATABASE_URL", url.as_str())], settings].concat();
    place.demo(&settings).await
}

async fn old_node(database: &PostgresDatabase) -> Server {
    let files = [SCRIPT, COMPRESSED_SCRIPT, CHUNK, STYLE, WITHOUT_HASH];
    let server = node(database, &files, &[]).await;
    until("the files to be stored", async || stored(database).await == SHARED).await;
    server
}

async fn stored(database: &PostgresDatabase) -> String {
    let paths = "SELECT COALESCE(STRING_AGG(path, ' ' ORDER BY path), '') FROM program_files";
    database.text(paths).await
}

async fn get(client: &Client, name: &str, accepted: &str) -> Reply {
    let request = client.request("GET", &format!("/pkg/{name}"));
    request.header("accept-encoding", accepted).send().await
}

#[tokio::test]
async fn a_file_that_only_another_node_has_is_served_as_that_node_serves_it() {
    let database = PostgresServer::shared().await.create_database().await;
    let old = old_node(&database).await;
    let new = node(&database, &[("callgate.d4.js", "export const version = 2;\n")], &[]).await;
    until("the new file to be stored", async || {
        stored(&database).await.contains("callgate.d4.js")
    })
    .await;
    let at_old = get(&old.client(), "callgate.d4.js", "br").await;
    assert_eq!(
        (at_old.status, at_old.body.as_str()),
        (200, "export const version = 2;\n")
    );
    assert_eq!(at_old.find("content-encoding"), None);

    let client = new.client();
    let script = "text/javascript; charset=utf-8";
    for ((name, content), accepted, coding, kind) in [
        ((SCRIPT.0, COMPRESSED_SCRIPT.1), "gzip, br", Some("br"), script),
        (SCRIPT, "gzip", None, script),
        (SCRIPT, "", None, script),
        (CHUNK, "br", None, "application/wasm"),
        (STYLE, "br", None, "text/css; charset=utf-8"),
    ] {
        let reply = get(&client, name, accepted).await;
        assert_eq!(reply.status, 200, "{name}");
        assert_eq!(reply.body, content, "{name}");
        assert_eq!(reply.find("content-encoding"), coding, "{name}");
        assert_eq!(reply.header("content-type"), kind);
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(reply.header("vary"), "Accept-Encoding");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let again = client
            .request("GET", &format!("/pkg/{name}"))
            .header("accept-encoding", accepted)
            .header("if-none-match", reply.header("etag"));
        assert_eq!(again.send().await.status, 304, "{name}");
        let head = client.request("HEAD", &format!("/pkg/{name}")).send().await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{name}");
    }
    let posted = client.post(&format!("/pkg/{}", SCRIPT.0), "text/plain", "").await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn a_name_without_a_hash_is_never_looked_up() {
    let database = PostgresServer::shared().await.create_database().await;
    let new = node(&database, &[], &[]).await;
    let client = new.client();
    for name in [
        WITHOUT_HASH.0,
        "callgate.d.ts",
        "callgate.a1.html",
        "callgate.a1.js.br",
        "callgate.a1.js.map",
        "sub/callgate.a1.js",
        "..",
    ] {
        let insert = format!("INSERT INTO program_files VALUES ('{name}', 'content', 9000000000000)");
        assert_eq!(database.execute(&insert).await, 1);
        for accepted in ["br", ""] {
            let reply = get(&client, name, accepted).await;
            assert_eq!(
                (reply.status, reply.header("cache-control")),
                (404, "no-cache"),
                "{name}"
            );
        }
    }
    let insert = "INSERT INTO program_files VALUES ('callgate.a1.js', 'content', 9000000000000)";
    database.execute(insert).await;
    assert_eq!(get(&client, "callgate.a1.js", "").await.body, "content");
}

#[tokio::test]
async fn unknown_names_are_not_found_and_cost_at_most_four_queries_a_second() {
    let database = PostgresServer::shared().await.create_database().await;
    let settings = [("CALLGATE_LOG_FILTER", "info,sqlx::query=debug")];
    let new = node(&database, &[], &settings).await;
    let client = new.client();
    let began = Instant::now();
    for hundred in 0..2 {
        let replies = (0..100).map(|number| {
            let client = &client;
            async move { get(client, &format!("callgate.{hundred}-{number}.wasm"), "br").await }
        });
        for reply in join_all(replies).await {
            assert_eq!((reply.status, reply.header("cache-control")), (404, "no-cache"));
        }
    }
    let intervals = began.elapsed().as_millis() / 250;
    let log = new.place.log();
    let is_listing = |line: &&str| line.contains("SELECT path FROM program_files");
    let listings = log.lines().filter(is_listing).count();
    assert!(listings >= 2, "{log}");
    assert!(listings as u128 <= intervals + 1, "{listings} in {intervals} intervals");
}

#[tokio::test]
async fn while_the_database_is_away_unknown_files_are_unavailable_and_own_and_known_ones_are_served() {
    let mut postgres = PostgresServer::start().await;
    let database = postgres.create_database().await;
    let _old = old_node(&database).await;
    let new = node(&database, &[("callgate.d4.js", "export {}\n")], &[]).await;
    let client = new.client();
    assert_eq!(get(&client, SCRIPT.0, "br").await.body, COMPRESSED_SCRIPT.1);
    postgres.stop().await;
    for name in ["callgate.e5.js", CHUNK.0] {
        let reply = get(&client, name, "br").await;
        assert_eq!(reply.status, 503, "{name}");
        assert!(reply.find("retry-after").is_some());
        assert_ne!(reply.find("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    assert_eq!(get(&client, "callgate.d4.js", "br").await.body, "export {}\n");
    assert_eq!(get(&client, SCRIPT.0, "br").await.body, COMPRESSED_SCRIPT.1);
    postgres.restart().await;
    until("the files of the other node to be served again", async || {
        get(&client, CHUNK.0, "br").await.body == CHUNK.1
    })
    .await;
}

#[tokio::test]
async fn files_that_no_node_has_had_for_seven_days_are_deleted() {
    let database = PostgresServer::shared().await.create_database().await;
    // The first node is the one that sweeps.
    let new = node(&database, &[], &[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let place = old_node(&database).await.stop().await;
    let age = async |path: &str, hours: u32| {
        let age = Duration::from_hours(hours.into()).as_millis();
        let update = format!(
            "UPDATE program_files SET seen_at = floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT - {age}
             WHERE path LIKE '{path}'"
        );
        assert!(database.execute(&update).await > 0);
    };
    age("callgate.c3.css", 7 * 24 - 1).await;
    age("callgate.a-_1.js%", 7 * 24 + 1).await;
    until("the script to be deleted", async || {
        stored(&database).await == "callgate.c3.css chunk_7.b2.wasm"
    })
    .await;
    assert_eq!(get(&new.client(), SCRIPT.0, "br").await.status, 404);
    assert_eq!(get(&new.client(), STYLE.0, "br").await.body, STYLE.1);

    // A node that has the files stores what is missing and records that the others are in use.
    age("callgate.c3.css", 7 * 24 - 1).await;
    let _old = start(&place, &database, &[]).await;
    until("the files to be stored again", async || {
        stored(&database).await == SHARED
    })
    .await;
    let recent = "SELECT COUNT(*) FROM program_files
                  WHERE seen_at > extract(epoch FROM clock_timestamp()) * 1000 - 3600000";
    assert_eq!(database.number(recent).await, 4);
    assert_eq!(get(&new.client(), SCRIPT.0, "br").await.body, COMPRESSED_SCRIPT.1);
}

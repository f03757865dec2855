//! Any text comes back as it was stored.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy as _, any, prop_oneof},
    test_runner::{Config, TestRunner},
};

use crate::server::storage::{
    Storage,
    database::query::{query, query_as},
};

/// What databases and drivers have trouble with: U+0000, combining characters without a base, characters of four bytes,
/// noncharacters, marks of direction and order, quotes, and what SQL and the protocol use.
const SPECIAL: [&str; 14] = [
    "\0",
    "\u{301}",
    "\u{1F980}",
    "\u{FFFF}",
    "\u{10FFFF}",
    "\u{202E}",
    "\u{FEFF}",
    "\u{FFFD}",
    "'",
    "\"",
    "\\",
    "$1",
    "%",
    "\r\n",
];

#[test]
fn any_text_comes_back_as_it_was_stored() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let storages = runtime.block_on(async {
        let storages = [Storage::in_sqlite_memory().await, Storage::in_postgres().await];
        storages.map(Result::unwrap)
    });
    let character = prop_oneof![
        any::<char>().prop_map(String::from),
        (0..SPECIAL.len()).prop_map(|index| SPECIAL[index].to_owned())
    ];
    let text = prop_oneof![
        4 => vec(character, 0..40).prop_map(|parts| parts.concat()),
        1 => (any::<char>(), Just(300_000)).prop_map(|(character, length)| character.to_string().repeat(length)),
    ];
    let config = Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&text, |text| {
        let expected = text.replace('\0', "\u{FFFD}");
        for storage in &storages {
            let stored = runtime.block_on(store(storage, &text));
            assert!(
                stored == (expected.clone(), 1),
                "stored {text:.100?}, found {:.100?}",
                stored.0
            );
        }
        Ok(())
    });
    result.unwrap();
}

/// Stores a text and returns it with the number of rows that are found by its beginning.
async fn store(storage: &Storage, text: &str) -> (String, i64) {
    // Columns with an index hold names and hashes, which are short.
    let short: String = text.chars().take(200).collect();
    query("DELETE FROM roles").execute(&storage.writer).await.unwrap();
    query("INSERT INTO roles (role, description) VALUES ($1, $2)")
        .bind(&short)
        .bind(text)
        .execute(&storage.writer)
        .await
        .unwrap();
    query_as("SELECT description, (SELECT count(*) FROM roles WHERE role = $1) FROM roles")
        .bind(&short)
        .fetch_one(&storage.reader)
        .await
        .unwrap()
}

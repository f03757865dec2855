//! Which changes count, and for whom.

use std::path::Path;

use super::*;
use crate::server::{
    config,
    storage::{OpenFor, database::query::query},
};

async fn version_now(storage: &Storage) -> Version {
    let version = storage.changes().await.unwrap().unwrap();
    assert_eq!(storage.changes_if_known(), Some(version));
    version
}

async fn open(folder: &Path) -> Storage {
    let settings = config::Settings::defaults().unwrap().database;
    Storage::open(folder, &settings, OpenFor::Serve, true).await.unwrap()
}

#[tokio::test]
async fn what_another_process_commits_is_known_at_once_and_only_what_guards_rely_on_counts() {
    let folder = tempfile::tempdir().unwrap();
    let here = open(folder.path()).await;
    let there = open(folder.path()).await;
    let begin = version_now(&here).await;
    for (statement, is_counted) in [
        (
            "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
             VALUES ('alice', '', TRUE, FALSE, 1, 1, 'alice', 'alice')",
            false,
        ),
        (
            "INSERT INTO sessions (token_hash, user_id, data, logged_in_at, last_used_at)
             VALUES (x'01', 'alice', '{}', 1, 1), (x'02', 'alice', '{}', 1, 1)",
            false,
        ),
        ("UPDATE sessions SET last_used_at = 9", false),
        ("UPDATE users SET password_hash = 'x', changed_at = 2", false),
        ("UPDATE sessions SET last_used_at = 8 WHERE token_hash = x'01'", true),
        ("UPDATE sessions SET data = '{\"a\":1}' WHERE token_hash = x'01'", true),
        ("DELETE FROM sessions WHERE token_hash = x'01'", true),
        ("INSERT OR REPLACE INTO sessions SELECT * FROM sessions", true),
        ("UPDATE users SET active = FALSE", true),
        ("UPDATE users SET demo = TRUE", true),
        ("INSERT INTO roles (role, description) VALUES ('reader', '')", false),
        (
            "INSERT INTO user_roles (user_id, role) VALUES ('alice', 'reader')",
            true,
        ),
        (
            "INSERT INTO mapped_roles (user_id, role, issuer) VALUES ('alice', 'reader', 'x')",
            true,
        ),
        ("DELETE FROM mapped_roles", true),
        (
            "INSERT INTO role_permissions (role, permission) VALUES ('reader', 'a.read')",
            true,
        ),
        ("UPDATE role_permissions SET permission = 'a.write'", true),
        ("DELETE FROM roles WHERE role = 'reader'", true),
        ("DELETE FROM users", true),
    ] {
        let before = version_now(&here).await;
        query(statement).execute(&there.writer).await.unwrap();
        assert_eq!(here.changes_if_known(), None, "{statement}");
        let version = version_now(&here).await;
        assert_eq!(version != before, is_counted, "{statement}");
        assert_eq!(here.has_changed("alice", before), is_counted, "{statement}");
        let concerns_everybody = statement.contains("role_permissions") || statement.starts_with("DELETE FROM roles");
        assert_eq!(here.has_changed("bob", before), concerns_everybody, "{statement}");
    }
    assert_ne!(version_now(&here).await, begin);
}

#[tokio::test]
async fn a_database_in_memory_is_always_asked() {
    let storage = Storage::in_memory().await.unwrap();
    assert_eq!(storage.changes().await.unwrap(), None);
    assert_eq!(storage.changes_if_known(), None);
}

fn change(number: i64, mark: &str, user_id: Option<&str>) -> Change {
    Change {
        number,
        mark: mark.to_owned(),
        user_id: user_id.map(str::to_owned),
    }
}

fn log() -> Log {
    Log {
        last: Some(change(7, "a", None)),
        ..Log::default()
    }
}

#[test]
fn a_change_concerns_its_user_or_everybody() {
    let mut log = log();
    let begin = log.version;
    assert!(log.apply(&[change(7, "a", None)]), "nothing new");
    assert_eq!(log.version, begin);
    assert!(log.apply(&[change(7, "a", None), change(8, "b", Some("ada"))]));
    let (is_ada, is_bob) = (log.has_changed("ada", begin), log.has_changed("bob", begin));
    assert!(is_ada && !is_bob && !log.has_changed("ada", log.version));
    let later = log.version;
    assert!(log.apply(&[change(8, "b", Some("ada")), change(9, "c", None)]));
    assert!(log.has_changed("ada", later) && log.has_changed("bob", later));
}

#[test]
fn a_log_that_does_not_continue_what_is_known_changes_everything() {
    let too_many: Vec<_> = (7..7 + MAX_CHANGES)
        .map(|number| change(number, "a", Some("x")))
        .collect();
    let cases: [(&str, &[Change]); 4] = [
        ("the known row is gone", &[change(8, "b", Some("ada"))]),
        (
            "another history has the same number",
            &[change(7, "other", None), change(8, "b", Some("ada"))],
        ),
        ("no row at all", &[]),
        ("more than are read at once", &too_many),
    ];
    for (case, rows) in cases {
        let mut log = log();
        let begin = log.version;
        assert!(!log.apply(rows), "{case}");
        assert!(log.has_changed("bob", begin), "{case}");
    }
}

#[test]
fn too_many_users_change_everything() {
    let mut log = log();
    let begin = log.version;
    for number in 0..=i64::try_from(MAX_USERS).unwrap() {
        let last = log.last.clone().unwrap();
        log.apply(&[last, change(number + 8, "a", Some(&number.to_string()))]);
    }
    assert!(log.users.is_empty() && log.has_changed("bob", begin));
}

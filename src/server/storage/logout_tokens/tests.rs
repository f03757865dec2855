use super::*;
use crate::{
    contract::audit::Action,
    server::{
        model::event::Event,
        storage::{
            new_identity::{LinkOutcome, NewIdentity},
            new_session::{NewBrowser, NewSession, Replaced},
            roles::UpdateOutcome,
            users::NewUser,
        },
    },
};

const ISSUER: &str = "https://id.example.org";

fn hash(name: &str) -> TokenHash {
    TokenHash::of(name.as_bytes())
}

async fn storage() -> Storage {
    let storage = Storage::in_memory().await.unwrap();
    let ada = NewUser {
        user_id: "ada",
        password_hash: "x",
        demo: false,
        roles: &[],
        link: None,
    };
    let added = storage.add_user(&ada, Timestamp(1), &[]).await.unwrap();
    assert_eq!(added, UpdateOutcome::Done);
    let identity = NewIdentity {
        id: "identity",
        issuer: ISSUER,
        subject: "subject",
        user_id: "ada",
        label: "",
        linked_by: "ada",
    };
    let event = Event::by_operator(Action::IdentityLinked);
    let linked = storage.link_identity(&identity, None, Timestamp(1), &event).await;
    assert_eq!(linked.unwrap(), LinkOutcome::Done);
    storage
}

/// Stores a session: named like its token, at a time in milliseconds, with the account or with the password.
async fn log_in(storage: &Storage, name: &str, at: i64, sid: Option<&str>, with_account: bool, is_remembered: bool) {
    let browser = is_remembered.then(|| NewBrowser {
        series: hash(name),
        token: hash("token"),
        expires_at: Timestamp(1_000_000),
        device: String::new(),
    });
    let sid = sid.map(hash);
    let session = NewSession {
        token: &hash(name),
        login_id: name,
        user_id: "ada",
        series: browser.as_ref().map(|browser| &browser.series),
        data: "{}",
        logged_in_at: Timestamp(at),
        ends_at: None,
        identity: with_account.then_some("identity"),
        sid: sid.as_ref(),
        address: "",
        user_changed_at: 1,
        browser: browser.as_ref(),
        replaced: &Replaced::default(),
        surplus: &Event::of_surplus("ada", ""),
    };
    let stored = storage.add_session(&session, 9, Timestamp(at)).await.unwrap();
    assert_eq!(stored, Some(0));
}

async fn log_out(storage: &Storage, jti: &str, subject: Option<&str>, sid: Option<&str>) -> Option<usize> {
    let sid = sid.map(hash);
    let logout = AnnouncedLogout {
        jti: &hash(jti),
        expires_at: Timestamp(900_000),
        issuer: ISSUER,
        subject,
        sid: sid.as_ref(),
        issued_at: Timestamp(20_000),
    };
    let ended = storage.end_logins_of_provider(&logout).await.unwrap()?;
    Some(ended.values().sum())
}

async fn sessions(storage: &Storage) -> Vec<String> {
    query_scalar("SELECT login_id FROM sessions ORDER BY login_id")
        .fetch_all(&storage.reader)
        .await
        .unwrap()
}

async fn log_in_all(storage: &Storage) {
    log_in(storage, "a", 10_000, Some("x"), true, false).await;
    log_in(storage, "b", 10_000, Some("y"), true, false).await;
    log_in(storage, "c", 10_000, None, true, true).await;
    log_in(storage, "late", 21_000, None, true, false).await;
    log_in(storage, "password", 10_000, None, false, false).await;
}

#[tokio::test]
async fn a_subject_ends_the_sessions_of_its_account_that_began_before() {
    let storage = storage().await;
    log_in_all(&storage).await;
    assert_eq!(log_out(&storage, "1", Some("other"), None).await, Some(0));
    // Three sessions and the remembered browser of one of them.
    assert_eq!(log_out(&storage, "2", Some("subject"), None).await, Some(4));
    assert_eq!(sessions(&storage).await, ["late", "password"]);
    assert!(storage.find_series(&hash("c")).await.unwrap().is_none());
    assert_eq!(log_out(&storage, "2", Some("subject"), None).await, None, "used before");
}

#[tokio::test]
async fn a_session_at_the_provider_ends_its_own_sessions_and_those_without_one() {
    let storage = storage().await;
    log_in_all(&storage).await;
    assert_eq!(log_out(&storage, "1", None, Some("unknown")).await, Some(0));
    assert_eq!(log_out(&storage, "other", Some("other"), Some("x")).await, Some(0));
    assert_eq!(log_out(&storage, "2", None, Some("x")).await, Some(1));
    assert_eq!(log_out(&storage, "3", Some("subject"), Some("z")).await, Some(2));
    assert_eq!(sessions(&storage).await, ["b", "late", "password"]);
    assert_eq!(storage.sweep_logout_tokens(Timestamp(900_000)).await.unwrap(), 4);
}

#[tokio::test]
async fn a_remembered_browser_ends_with_the_sessions_that_it_has_begun_since() {
    let storage = storage().await;
    log_in(&storage, "c", 10_000, None, true, true).await;
    query("UPDATE sessions SET logged_in_at = 500000")
        .execute(&storage.writer)
        .await
        .unwrap();
    assert_eq!(log_out(&storage, "1", Some("subject"), None).await, Some(2));
    assert!(sessions(&storage).await.is_empty());
}

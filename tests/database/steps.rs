//! What the tests share: nodes on one database, users and logins.

use std::path::Path;

use callgate::{
    contract::audit::Action,
    server::{
        config::{Database, DatabaseUrl, Settings},
        model::{clock::Timestamp, event::Event, token::TokenHash},
        storage::{
            OpenFor, Storage,
            new_session::{NewBrowser, NewSession, Replaced},
            roles::UpdateOutcome,
            users::NewUser,
        },
        telemetry::error::InternalError,
    },
};

use crate::support::postgres::{PostgresDatabase, PostgresServer};

pub const NOW: Timestamp = Timestamp(1_000_000_000_000);

/// The settings for a database at this address.
pub fn settings(url: &str) -> Database {
    Database {
        url: Some(DatabaseUrl::from(url.to_owned())),
        ..Settings::defaults().unwrap().database
    }
}

/// Opens a database as a node does.
pub async fn open(url: &str) -> Storage {
    loop {
        match Storage::open(Path::new(""), &settings(url), OpenFor::Serve, false).await {
            Ok(storage) => return storage,
            Err(error) => assert!(format!("{error:#}").contains("timed out"), "{error:#}"),
        }
    }
}

/// A new database of the shared server with several nodes on it.
pub async fn nodes<const N: usize>() -> (PostgresDatabase, [Storage; N]) {
    let database = PostgresServer::shared().await.create_database().await;
    let mut nodes = Vec::new();
    for _ in 0..N {
        nodes.push(open(&database.url()).await);
    }
    (database, nodes.try_into().unwrap())
}

pub fn hash(name: &str) -> TokenHash {
    TokenHash::of(name.as_bytes())
}

pub fn event() -> Event {
    Event::by_operator(Action::UserAdded)
}

/// Fails unless a call took too long, which happens on a busy machine.
pub fn assert_timed_out(error: &InternalError) {
    assert!(
        error.is_unavailable() && error.chain().contains("timed out"),
        "{}",
        error.chain()
    );
}

/// Calls until it does not time out.
pub async fn until_done<T>(call: impl AsyncFn() -> Result<T, InternalError>) -> T {
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) => assert_timed_out(&error),
        }
    }
}

/// Adds a user with a password.
pub async fn add_user(storage: &Storage, user_id: &str, roles: &[&str]) {
    let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
    let user = NewUser {
        user_id,
        password_hash: "x",
        roles: &roles,
        ..NewUser::default()
    };
    let added = until_done(async || storage.add_user(&user, NOW, &[]).await).await;
    // A call that timed out may have added the user.
    assert!(
        matches!(added, UpdateOutcome::Done | UpdateOutcome::Unchanged),
        "{added:?}"
    );
}

/// Logs a user in, who was last changed at `user_changed_at`. Returns whether the session was stored.
pub async fn log_in(
    storage: &Storage,
    user_id: &str,
    user_changed_at: i64,
    token: &str,
    series: Option<&str>,
    is_new_browser: bool,
) -> Result<bool, InternalError> {
    let series = series.map(hash);
    let browser = series.clone().filter(|_| is_new_browser).map(|series| NewBrowser {
        token: series.clone(),
        series,
        expires_at: Timestamp(i64::MAX),
        device: String::new(),
    });
    let session = NewSession {
        token: &hash(token),
        login_id: token,
        user_id,
        series: series.as_ref(),
        data: "{}",
        logged_in_at: NOW,
        ends_at: None,
        identity: None,
        sid: None,
        address: "",
        user_changed_at,
        browser: browser.as_ref(),
        replaced: &Replaced::default(),
        surplus: &Event::of_surplus(user_id, ""),
    };
    Ok(storage.add_session(&session, 100, NOW).await?.is_some())
}

/// Fails unless the database is away for now.
#[track_caller]
pub fn assert_unavailable<T>(result: Result<T, InternalError>, what: &str) {
    match result {
        Ok(_) => panic!("{what}: done"),
        Err(error) => assert!(error.is_unavailable(), "{what}: {}", error.chain()),
    }
}

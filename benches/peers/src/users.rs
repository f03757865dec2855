//! Users for axum-login, in SQLite. The database uses WAL mode, as Callgate's does.

use std::{convert::identity, error::Error};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};
use axum::{Json, http::StatusCode};
use axum_login::{AuthSession, AuthUser, AuthnBackend, UserId};
use moka::future::Cache;
use serde::Deserialize;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{Answer, Object, auth_func as answer};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct User {
    pub user_id: String,
    password_hash: String,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.user_id.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

/// The users in the database, with or without a cache in front.
#[derive(Clone)]
pub struct Users {
    database: SqlitePool,
    cache: Option<Cache<String, User>>,
}

/// The body of a login.
#[derive(Deserialize)]
pub struct Credentials {
    user_id: String,
    password: String,
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = sqlx::Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, sqlx::Error> {
        let Some(user) = self.get_user(&credentials.user_id).await? else {
            return Ok(None);
        };
        let verifying = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&user.password_hash).ok()?;
            let verified = Argon2::default().verify_password(credentials.password.as_bytes(), &hash);
            verified.is_ok().then_some(user)
        });
        Ok(verifying.await.ok().and_then(identity))
    }

    async fn get_user(&self, user_id: &UserId<Self>) -> Result<Option<User>, sqlx::Error> {
        if let Some(cache) = &self.cache
            && let Some(user) = cache.get(user_id).await
        {
            return Ok(Some(user));
        }
        let user: Option<User> = sqlx::query_as("SELECT user_id, password_hash FROM users WHERE user_id = ?")
            .bind(user_id)
            .fetch_optional(&self.database)
            .await?;
        if let (Some(cache), Some(user)) = (&self.cache, &user) {
            cache.insert(user_id.clone(), user.clone()).await;
        }
        Ok(user)
    }
}

impl Users {
    /// Looks users up in the database for each request.
    pub fn new(database: SqlitePool) -> Self {
        Self { database, cache: None }
    }

    /// Caches users in memory.
    pub fn cached(database: SqlitePool) -> Self {
        let cache = Some(Cache::new(10_000));
        Self { database, cache }
    }
}

/// Creates the database with `user01`.
pub async fn make_database(database: &str) -> Result<SqlitePool, Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE users (user_id TEXT PRIMARY KEY, password_hash TEXT NOT NULL)")
        .execute(&pool)
        .await?;
    let hash: PasswordHash = Argon2::default().hash_password(b"user_01")?;
    sqlx::query("INSERT INTO users VALUES ('user01', ?)")
        .bind(hash.to_string())
        .execute(&pool)
        .await?;
    Ok(pool)
}

/// `POST /api/login`.
pub async fn login(
    mut auth: AuthSession<Users>,
    Json(credentials): Json<Credentials>,
) -> Result<Json<Answer>, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let user = auth.authenticate(credentials).await.map_err(failed)?;
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user).await.map_err(failed)?;
    Ok(Json(Answer::new(format!("user <{}> logined", user.user_id))))
}

/// `POST /api/auth_func`, behind `login_required!`.
pub async fn auth_func(auth: AuthSession<Users>, Json(object): Json<Object>) -> Result<Json<Answer>, StatusCode> {
    let user = auth.user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(answer(&object, &user.user_id)))
}

//! What a Rust user would pick today: axum, axum-login, and the published SQLite store of tower-sessions, each as its
//! documentation shows it. The database is set up as Callgate's is, in WAL mode.

use std::convert::identity;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};
use axum::{Json, Router, http::StatusCode, routing::post};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId, login_required};
use callgate_peers::{Answer, Object, serve};
use serde::Deserialize;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tower_sessions::SessionManagerLayer;
use tower_sessions_sqlx_store::SqliteStore;

#[derive(Debug, Clone, sqlx::FromRow)]
struct User {
    user_id: String,
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

#[derive(Clone)]
struct Users(SqlitePool);

#[derive(Deserialize)]
struct Credentials {
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
        sqlx::query_as("SELECT user_id, password_hash FROM users WHERE user_id = ?")
            .bind(user_id)
            .fetch_optional(&self.0)
            .await
    }
}

async fn login(mut auth: AuthSession<Users>, Json(credentials): Json<Credentials>) -> Result<Json<Answer>, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let user = auth.authenticate(credentials).await.map_err(failed)?;
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user).await.map_err(failed)?;
    Ok(Json(Answer::new(format!("user <{}> logined", user.user_id))))
}

async fn auth_func(auth: AuthSession<Users>, Json(object): Json<Object>) -> Result<Json<Answer>, StatusCode> {
    let user = auth.user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(callgate_peers::auth_func(&object, &user.user_id)))
}

async fn users(database: &str) -> Result<SqlitePool, Box<dyn std::error::Error>> {
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

/// `axum_login <address> <certificate> <key> <database>`
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::args()
        .nth(4)
        .ok_or("the fourth argument is the database to make")?;
    let pool = users(&database).await?;
    let sessions = SqliteStore::new(pool.clone());
    sessions.migrate().await?;
    let auth = AuthManagerLayerBuilder::new(Users(pool), SessionManagerLayer::new(sessions)).build();
    let router = Router::new()
        .route("/api/auth_func", post(auth_func))
        .route_layer(login_required!(Users))
        .route("/api/login", post(login))
        .layer(auth);
    serve(router).await
}

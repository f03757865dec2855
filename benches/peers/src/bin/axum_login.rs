//! The usual choice in Rust today: axum, axum-login, and the published SQLite store of tower-sessions, each set up as
//! in its documentation.

use axum::{Router, routing::post};
use axum_login::{AuthManagerLayerBuilder, login_required};
use callgate_peers::{
    serve,
    users::{Users, auth_func, login, make_database},
};
use tower_sessions::SessionManagerLayer;
use tower_sessions_sqlx_store::SqliteStore;

/// `axum_login <address> <certificate> <key> <database>`
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::args()
        .nth(4)
        .ok_or("the fourth argument is the database to make")?;
    let pool = make_database(&database).await?;
    let sessions = SqliteStore::new(pool.clone());
    sessions.migrate().await?;
    let auth = AuthManagerLayerBuilder::new(Users::new(pool), SessionManagerLayer::new(sessions)).build();
    let router = Router::new()
        .route("/api/auth_func", post(auth_func))
        .route_layer(login_required!(Users))
        .route("/api/login", post(login))
        .layer(auth);
    serve(router).await
}

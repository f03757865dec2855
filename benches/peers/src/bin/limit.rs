//! The limit: what axum does on this machine with the same body, the same answer and the same TLS, and nothing else. No
//! session, no guard, no log, no limit, no header but those of HTTP itself.

use axum::{Json, Router, routing::post};
use callgate_peers::{Answer, Object, serve};

async fn auth_func(Json(object): Json<Object>) -> Json<Answer> {
    Json(callgate_peers::auth_func(&object, "user01"))
}

/// `limit <address> <certificate> <key>`
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    serve(Router::new().route("/api/auth_func", post(auth_func))).await
}

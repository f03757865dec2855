//! The upper limit: bare axum with the same body, reply and TLS. It has no sessions, guards, logs or limits, and adds
//! no headers beyond those of HTTP itself.

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

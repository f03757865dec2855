//! What an expert would assemble from crates for the same promises: axum-login with in-memory caches in front of
//! SQLite, tower-http layers for request ids, security headers, panics, timeouts and limits, an origin check, and a
//! call log written by a background task.

use std::time::{Duration, Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::post,
};
use axum_login::{AuthManagerLayerBuilder, AuthSession, login_required};
use callgate_peers::{
    serve,
    users::{Users, auth_func, login, make_database},
};
use sqlx::SqlitePool;
use tokio::sync::mpsc;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tower_sessions::{CachingSessionStore, SessionManagerLayer};
use tower_sessions_moka_store::MokaStore;
use tower_sessions_sqlx_store::SqliteStore;

/// The capacity of the queue of calls to write.
const MAX_WAITING: usize = 20_000;

/// A line of the call log.
struct Call {
    path: String,
    user_id: String,
    status: u16,
    took_us: i64,
}

async fn log_call(
    State(log): State<mpsc::Sender<Call>>,
    auth: AuthSession<Users>,
    request: Request,
    next: Next,
) -> Response {
    let (began, path) = (Instant::now(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let call = Call {
        path,
        user_id: auth.user.map(|user| user.user_id).unwrap_or_default(),
        status: response.status().as_u16(),
        took_us: i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
    };
    // If the queue is full, drop the line rather than delay the call.
    let _ = log.try_send(call);
    response
}

async fn write_calls(database: SqlitePool, mut calls: mpsc::Receiver<Call>) -> Result<(), sqlx::Error> {
    sqlx::query("CREATE TABLE calls (path TEXT, user_id TEXT, status INTEGER, calls INTEGER, took_us INTEGER)")
        .execute(&database)
        .await?;
    let mut batch = Vec::new();
    while calls.recv_many(&mut batch, MAX_WAITING).await > 0 {
        // Like Callgate: up to 100 rows one by one, the rest aggregated into one row.
        let mut transaction = database.begin().await?;
        let counted = batch.split_off(batch.len().min(100));
        for call in batch.drain(..) {
            sqlx::query("INSERT INTO calls VALUES (?, ?, ?, 1, ?)")
                .bind(call.path)
                .bind(call.user_id)
                .bind(call.status)
                .bind(call.took_us)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(first) = counted.first() {
            sqlx::query("INSERT INTO calls VALUES (?, ?, ?, ?, ?)")
                .bind(&first.path)
                .bind(&first.user_id)
                .bind(first.status)
                .bind(counted.len() as i64)
                .bind(first.took_us)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Refuses cross-site requests of browsers.
async fn check_origin(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = match (headers.get(header::ORIGIN), host) {
        (Some(origin), Some(host)) => {
            origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://")) == Some(host)
        }
        (Some(_), None) => false,
        (None, _) => headers.get("sec-fetch-site").is_none_or(|site| site != "cross-site"),
    };
    if is_own {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

fn security_header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// `assembly <address> <certificate> <key> <database>`
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::args()
        .nth(4)
        .ok_or("the fourth argument is the database to make")?;
    let pool = make_database(&database).await?;
    let stored = SqliteStore::new(pool.clone());
    stored.migrate().await?;
    let sessions = CachingSessionStore::new(MokaStore::new(Some(100_000)), stored);
    let auth = AuthManagerLayerBuilder::new(Users::cached(pool.clone()), SessionManagerLayer::new(sessions)).build();
    let (log, calls) = mpsc::channel(MAX_WAITING);
    tokio::spawn(async move { write_calls(pool, calls).await.expect("the call log is written") });
    let router = Router::new()
        .route("/api/auth_func", post(auth_func))
        .route_layer(login_required!(Users))
        .route("/api/login", post(login))
        .layer(from_fn_with_state(log, log_call))
        .layer(auth)
        .layer(DefaultBodyLimit::max(64 * 1024))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
                .layer(TraceLayer::new_for_http())
                .layer(PropagateRequestIdLayer::x_request_id())
                .layer(security_header("strict-transport-security", "max-age=31536000"))
                .layer(security_header(
                    "content-security-policy",
                    "default-src 'none'; frame-ancestors 'none'",
                ))
                .layer(security_header("x-content-type-options", "nosniff"))
                .layer(security_header("referrer-policy", "no-referrer"))
                .layer(security_header("cross-origin-resource-policy", "same-origin"))
                .layer(security_header("cross-origin-opener-policy", "same-origin"))
                .layer(security_header(
                    "permissions-policy",
                    "camera=(), geolocation=(), microphone=()",
                ))
                .layer(security_header("cache-control", "no-store"))
                .layer(CatchPanicLayer::new())
                .layer(TimeoutLayer::with_status_code(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Duration::from_secs(30),
                ))
                .layer(from_fn(check_origin)),
        );
    serve(router).await
}

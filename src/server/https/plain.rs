//! The plain HTTP listener: leads people to HTTPS and refuses programs.
//!
//! A page is redirected to the same path over HTTPS. A call is refused unread and never redirected, so that a client
//! with a wrong address is fixed instead of sending its secrets in the clear time and again (OWASP ASVS 4.1.2). Health is
//! told here as well, for load balancers that ask without TLS.

use std::{convert::Infallible, pin::pin, time::Duration};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{
        Method, StatusCode,
        header::{LOCATION, STRICT_TRANSPORT_SECURITY},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use axum_server::{Handle, Server};
use tower::service_fn;

use super::{
    connection::Connection,
    idle::IdleAcceptor,
    limit,
    listener::{Listener, Peer},
};
use crate::{
    contract::Refusal,
    server::{
        door::{entrance::Entrance, framing::refuse_ambiguous, health, json::is_for_programs, reply::refused},
        services::Services,
    },
};

/// Serves until `handle` stops it.
///
/// # Errors
/// A failure of the listener.
pub async fn serve(listener: Listener, services: &Services, handle: Handle<Peer>) -> anyhow::Result<()> {
    let settings = services.settings();
    let idle = Duration::from_secs(settings.https.idle_seconds);
    let app = Router::new()
        .fallback(lead)
        .with_state(settings.origin())
        .merge(health::routes(services.clone()))
        .layer(from_fn_with_state(Entrance::new(services), enter));
    let mut server = Server::from_listener(listener)
        .acceptor(IdleAcceptor::new(idle))
        .handle(handle);
    let header = Duration::from_secs(settings.https.header_seconds);
    limit(server.http_builder(), header);
    let for_each = service_fn(move |peer| {
        let app = app.clone().layer(Extension(Connection::new(peer)));
        async { Ok::<_, Infallible>(app) }
    });
    server.first_request_timeout(header).serve(for_each).await?;
    Ok(())
}

async fn enter(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let admitted = entrance.admit(connection.as_ref(), &request);
    let work = async {
        match refuse_ambiguous(&request) {
            Some(refused) => refused,
            None => next.run(request).await,
        }
    };
    let mut response = entrance.serve(admitted, pin!(work)).await;
    // It holds for HTTPS, and must not be said elsewhere (RFC 6797, section 7.2).
    response.headers_mut().remove(STRICT_TRANSPORT_SECURITY);
    response
}

async fn lead(State(origin): State<String>, request: Request) -> Response {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && !is_for_programs(request.uri().path());
    if !is_page {
        return refused(&Refusal::PlainHttp);
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    // Not every target is a path: `*` is none.
    let target = if target.starts_with('/') { target } else { "/" };
    // To our own address, whatever host the request names.
    (
        StatusCode::PERMANENT_REDIRECT,
        [(LOCATION, format!("{origin}{target}"))],
    )
        .into_response()
}

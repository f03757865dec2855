//! Carries the session through a request: cookie in, [`Caller`] for guards and functions, cookies out.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::header::{CACHE_CONTROL, SET_COOKIE, VARY},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use tower_sessions::{Session, session::Id};

use super::login_of;
use crate::{
    contract::Refusal,
    server::{
        caller::{Arrival, Caller},
        clock::Timestamp,
        cookies::{self, CookieName, SetCookie},
        door::reply::refused_at,
        fault::Fault,
        https::{connection::Connection, forwarded::client_address},
        services::Services,
    },
};

/// The middleware. Every door and every page stands behind it.
pub async fn carry(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let connection = request.extensions().get::<ConnectInfo<Connection>>().cloned();
    let (now, connection) = (Timestamp::now(), connection.map(|ConnectInfo(connection)| connection));
    let arrival = Arrival {
        address: connection
            .as_ref()
            .map(|connection| client_address(request.headers(), connection.address(), &services.settings().proxies)),
        at: now,
        last_told: connection.as_ref().map_or(now, Connection::last_told),
    };
    let sent = session_id(request.headers());
    let session = Session::new(sent, Arc::clone(services.sessions()), None);
    let caller = Caller::new(services, request.headers(), session, arrival);
    request.extensions_mut().insert(caller.clone());

    let mut response = next.run(request).await;

    if let Err(fault) = save(&caller, sent).await {
        caller.drop_cookies();
        response = refused_at(&path, &Refusal::from(fault));
    }
    let headers = response.headers_mut();
    for cookie in caller.set_cookie_headers() {
        headers.append(SET_COOKIE, cookie);
    }
    // What depends on who asks is never kept by anyone (OWASP ASVS 14.3.2).
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(VARY, HeaderValue::from_static("Cookie"));
    if let Some(connection) = connection {
        connection.tell(Timestamp::now());
    }
    response
}

/// The token that the browser sent. One that cannot be ours counts as none.
fn session_id(headers: &HeaderMap) -> Option<Id> {
    cookies::read(headers, CookieName::Session)?.parse().ok()
}

/// Stores what changed in the session, and sets its cookie where it has a new token. A session without a login is
/// neither stored nor given a cookie.
async fn save(caller: &Caller, sent: Option<Id>) -> Result<(), Fault> {
    let session = caller.session();
    if !session.is_modified() || login_of(&session).await?.is_none() {
        return Ok(());
    }
    session.save().await.map_err(super::fault)?;
    if let Some(id) = session.id().filter(|id| sent.as_ref() != Some(id)) {
        caller.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
    }
    Ok(())
}

//! Carries the session through a request: cookie in, [`Caller`] for guards and functions, cookies out.

use std::future::Future;

use axum::{
    extract::Request,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, SET_COOKIE, VARY},
    },
    response::Response,
};
use tower_sessions::Session;

use super::login_of;
use crate::{
    contract::Refusal,
    server::{
        caller::{Arrival, Caller},
        clock::Timestamp,
        cookies::{CookieName, SetCookie},
        door::{headers::NO_STORE, reply::refused_at},
        fault::Fault,
        https::{connection::Connection, forwarded::client_address},
        services::Services,
    },
};

const COOKIE: HeaderValue = HeaderValue::from_static("Cookie");

/// Takes a request to a door, as the call of somebody. Every function and every page stands behind it.
pub async fn carry<F: Future<Output = Response>>(
    services: &Services,
    connection: Option<&Connection>,
    request: Request,
    door: impl FnOnce(Caller, Request) -> F,
) -> Response {
    let uri = request.uri().clone();
    let now = Timestamp::now();
    let arrival = Arrival {
        address: connection
            .map(|connection| client_address(request.headers(), connection.address(), &services.settings().proxies)),
        at: now,
        last_told: connection.map_or(now, Connection::last_told),
    };
    let caller = Caller::new(services.clone(), request.headers(), arrival);

    let mut response = door(caller.clone(), request).await;

    if let Some(session) = caller.open_session()
        && let Err(fault) = Box::pin(save(&caller, session)).await
    {
        caller.drop_cookies();
        response = refused_at(uri.path(), &Refusal::from(fault));
    }
    let headers = response.headers_mut();
    for cookie in caller.set_cookie_headers() {
        headers.append(SET_COOKIE, cookie);
    }
    // What depends on who asks is never kept by anyone (OWASP ASVS 14.3.2).
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.append(VARY, COOKIE);
    if let Some(connection) = connection {
        connection.tell(Timestamp::now());
    }
    response
}

/// Stores what changed in the session, and sets its cookie where it has a new token. A session without a login is
/// neither stored nor given a cookie.
async fn save(caller: &Caller, session: Session) -> Result<(), Fault> {
    if !session.is_modified() || login_of(&session).await?.is_none() {
        return Ok(());
    }
    session.save().await.map_err(super::fault)?;
    if let Some(id) = session.id().filter(|id| caller.sent().as_ref() != Some(id)) {
        caller.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
    }
    Ok(())
}

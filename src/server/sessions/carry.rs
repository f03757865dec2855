//! Carries the session through a request: cookie in, [`Caller`] for guards and functions, cookies out.

use axum::{extract::Request, http::header::SET_COOKIE, response::Response};
use tower_sessions::Session;

use super::login_of;
use crate::{
    contract::Refusal,
    server::{
        caller::{Arrival, Caller},
        clock::Timestamp,
        cookies::{CookieName, SetCookie},
        door::{
            headers::depend_on_session,
            reply::{Reader, refused_to},
        },
        fault::Fault,
        https::{at_work::AtWork, connection::Connection, forwarded::client_address},
        services::Services,
    },
};

/// Who calls with a request. Every function and every page stands behind it.
pub fn bring_in(services: &Services, connection: Option<&Connection>, request: &Request) -> Caller {
    let now = Timestamp::now();
    let arrival = Arrival {
        address: connection
            .map(|connection| client_address(request.headers(), connection.address(), &services.settings().proxies)),
        at: now,
        last_told: connection.map_or(now, Connection::last_told),
    };
    let at_work = connection.map_or_else(AtWork::default, |connection| connection.at_work().clone());
    Caller::new(services.clone(), request.headers(), arrival, at_work)
}

/// Gives the answer to that caller what the session needs, and tells the client.
pub async fn take_out(
    caller: &Caller,
    connection: Option<&Connection>,
    reader: Reader,
    mut response: Response,
) -> Response {
    if let Some(session) = caller.open_session()
        && let Err(fault) = Box::pin(save(caller, session)).await
    {
        caller.drop_cookies();
        response = refused_to(reader, &Refusal::from(fault));
    }
    let headers = response.headers_mut();
    for cookie in caller.set_cookie_headers() {
        headers.append(SET_COOKIE, cookie);
    }
    depend_on_session(headers);
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

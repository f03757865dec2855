//! The session middleware: turns the cookies of a request into a [`Caller`], and adds `Set-Cookie` to the response.

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{CONTENT_LANGUAGE, SET_COOKIE},
    },
    middleware::Next,
    response::Response,
};
use tower_sessions::Session;

use super::security_headers::depend_on_session;
use crate::{
    contract::{Language, Refusal},
    platform,
    server::{
        auth::{
            caller::{Arrival, Caller},
            cookies::{CookieName, SetCookie},
        },
        http::response::{ResponseFormat, error_response},
        listener::connection::Connection,
        model::clock::Timestamp,
        sessions::{internal_error, login_of},
        state::AppState,
        telemetry::{error::InternalError, request::RequestContext},
    },
};

/// Adds the [`Caller`] to the request extensions. After the handler, saves a modified session and sets the cookies.
pub async fn load_and_save(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let format = ResponseFormat::of(request.uri().path());
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map(|info| info.0.clone());
    let zone = state.settings().site.time_zone.clone();
    let caller = caller_of(state, connection.as_ref(), request.headers());
    request.extensions_mut().insert(caller.clone());
    // A cached login costs nothing here. Otherwise its language is known once something asks for the login.
    let chosen = caller.known_login().and_then(|login| login.profile.language);
    let (language, theme) = (chosen.unwrap_or_else(|| caller.language()), caller.theme());
    let answering = platform::scope(zone, answer(caller, format, request, next));
    let response = platform::scope(theme, platform::scope(language, answering)).await;
    if let Some(connection) = connection {
        connection.mark_responded(Timestamp::now());
    }
    response
}

async fn answer(caller: Caller, format: ResponseFormat, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(session) = caller.open_session()
        && let Err(error) = save(&caller, session).await
    {
        caller.drop_cookies();
        response = error_response(format, &Refusal::from(error));
    }
    let headers = response.headers_mut();
    for cookie in caller.set_cookie_headers() {
        headers.append(SET_COOKIE, cookie);
    }
    // A handler may have changed it.
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(Language::current().tag()));
    depend_on_session(headers);
    response
}

fn caller_of(state: AppState, connection: Option<&Connection>, headers: &HeaderMap) -> Caller {
    let now = Timestamp::now();
    let arrival = Arrival {
        address: RequestContext::current().and_then(|context| context.address),
        at: now,
        last_response_at: connection.map_or(now, Connection::last_response_at),
    };
    let in_flight = connection.map(|connection| connection.in_flight.clone());
    Caller::new(state, headers, arrival, in_flight.unwrap_or_default())
}

/// Saves a modified session and sets its cookie if the token is new, but only for a session with a login.
async fn save(caller: &Caller, session: Session) -> Result<(), InternalError> {
    if !session.is_modified() || login_of(&session).await?.is_none() {
        return Ok(());
    }
    session.save().await.map_err(internal_error)?;
    if let Some(id) = session.id().filter(|id| caller.sent().as_ref() != Some(id)) {
        caller.set_cookie(SetCookie::until_closed(CookieName::Session, id.to_string()));
    }
    Ok(())
}

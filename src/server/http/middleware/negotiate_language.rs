//! Answers in the language that a request asks for by cookie and header. The session middleware adds what it knows of the
//! caller; a request that is refused before that is answered in this language.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{
    platform,
    server::{
        auth::{cookies::Cookies, language::requested},
        state::AppState,
    },
};

pub async fn negotiate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let cookies = Cookies::read(request.headers(), state.cookie_suffix());
    let language = requested(&cookies, request.headers(), state.settings().site.language);
    platform::scope(language, next.run(request)).await
}

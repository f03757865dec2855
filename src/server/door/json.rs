//! The JSON door: `POST /api/<name>`. What programs call, and what pages call after hydration.
//!
//! The order decides what a caller learns: the name, the method, the guard, and only then anything of the body.

use std::time::{Duration, Instant};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, header::CONTENT_TYPE},
    response::Response,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use leptos::{
    prelude::{Owner, provide_context},
    reactive::computed::ScopedFuture,
};

use super::{
    page::Pages,
    reply::{answered, refused},
};
use crate::{
    contract::{Refusal, function::Form},
    server::{
        caller::Caller,
        function::{self, Declaration},
        settings::Settings,
    },
};

/// After how long a wait for the body the session is looked up again before the function asks its guard.
const STALE_AFTER: Duration = Duration::from_millis(500);

/// The handler of everything under `/api/`.
pub async fn call(State(pages): State<Pages>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    match try_call(pages.services().settings(), caller, request).await {
        Ok(body) => answered(body),
        Err(refusal) => refused(&refusal),
    }
}

async fn try_call(settings: &Settings, caller: Caller, request: Request) -> Result<String, Refusal> {
    let name = request.uri().path().strip_prefix("/api/").unwrap_or_default();
    let declaration = function::find(name).ok_or(Refusal::UnknownFunction)?;
    if request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    declaration.admit(&caller).await?;
    let is_json = is_json(request.headers());
    let takes_nothing = declaration.form() == Form::Nothing;
    if !is_json && !takes_nothing {
        return Err(Refusal::NotJson);
    }
    let asked = Instant::now();
    let body = read(request.into_body(), settings).await?;
    if asked.elapsed() >= STALE_AFTER {
        caller.look_again().await?;
    }
    let body = match body.is_empty() && takes_nothing {
        true => "{}".to_owned(),
        false if is_json => body,
        false => return Err(Refusal::NotJson),
    };
    run(declaration, caller, body).await
}

/// Calls a function with a body, in the Leptos context that its guard asks for the caller.
///
/// # Errors
/// The function's refusal.
pub async fn run(declaration: &'static Declaration, caller: Caller, body: String) -> Result<String, Refusal> {
    let owner = Owner::new();
    owner
        .with(|| {
            ScopedFuture::new(async move {
                provide_context(caller);
                declaration.call(body).await
            })
        })
        .await
}

/// Reads a whole body, as text.
///
/// # Errors
/// A body that is larger, slower or stranger than allowed.
pub async fn read(body: Body, settings: &Settings) -> Result<String, Refusal> {
    let limit = settings.limits.body_bytes;
    if http_body::Body::size_hint(&body).lower() > limit {
        return Err(Refusal::TooLarge { limit });
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let read = tokio::time::timeout(Duration::from_secs(settings.https.body_seconds), limited.collect())
        .await
        .map_err(|_| Refusal::TooSlow)?
        .map_err(|error| match error.is::<LengthLimitError>() {
            true => Refusal::TooLarge { limit },
            false => Refusal::Malformed("it broke off".to_owned()),
        })?;
    String::from_utf8(read.to_bytes().into())
        .map_err(|error| Refusal::Malformed(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))
}

/// Whether the body is declared as JSON (RFC 8259), in whatever case and with whatever parameters.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

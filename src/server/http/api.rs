//! The JSON door: `POST /api/<name>`. What programs call, and what a page calls in place.
//!
//! The order decides what a caller learns: the name, the method, the guard, and only then anything of the body.

use axum::{
    Extension,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, Version,
        header::{CONNECTION, CONTENT_TYPE},
    },
    response::Response,
};

use super::{
    body::{drain, read},
    response::{json_error, json_response},
};
use crate::{
    contract::{Refusal, form_data::SHOWN_TO},
    server::{
        auth::caller::Caller,
        config::Settings,
        http::paths::PREFIX,
        registry::{self, Function, call_log::RunningCall, pending_calls},
    },
};

/// Calls a function.
pub async fn call(Extension(caller): Extension<Caller>, mut request: Request) -> Response {
    match try_call(caller.state().settings(), &caller, &mut request).await {
        Ok(reply) => json_response(reply),
        Err(refusal) => {
            let is_drained = drain(&mut request).await;
            let mut response = json_error(&refusal);
            // The connection ends with this answer. (HTTP/2 goes on without the rest.)
            if !is_drained && request.version() <= Version::HTTP_11 {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

async fn try_call(settings: &Settings, caller: &Caller, request: &mut Request) -> Result<String, Refusal> {
    let name = request
        .uri()
        .path()
        .strip_prefix(PREFIX)
        .and_then(|name| name.strip_prefix('/'));
    let function = name.and_then(registry::find).ok_or(Refusal::UnknownFunction)?;
    if *request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let running = RunningCall::new(caller, function.name());
    let result = call_over_http(function, settings, caller, request).await;
    running.finish(&result);
    let reply = result?;
    if caller.pending_call_cookie().is_some() {
        pending_calls::delete_after_call(caller, function.name()).await;
    }
    Ok(reply)
}

async fn call_over_http(
    function: &'static Function,
    settings: &Settings,
    caller: &Caller,
    request: &mut Request,
) -> Result<String, Refusal> {
    // A name of ours is visible ASCII: what is not, names nobody.
    let shown_to = request
        .headers()
        .get(SHOWN_TO)
        .map(|user_id| user_id.to_str().unwrap_or("?"));
    caller.require_shown_to(shown_to).await?;
    let admitted = function.admit(caller).await?;
    let is_json = is_declared(request.headers(), "application/json");
    let takes_nothing = function.shape().is_nothing();
    if !is_json && !takes_nothing {
        return Err(Refusal::NotJson);
    }
    let mut text = read(request, settings).await?;
    // A byte order mark, as files bring along (RFC 8259, section 8.1).
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    let text = match text.is_empty() && takes_nothing {
        true => "{}".to_owned(),
        false if is_json => text,
        false => return Err(Refusal::NotJson),
    };
    admitted.call(text).await
}

/// Calls a function with a body, for a caller, and notes the call.
///
/// # Errors
/// The refusal of its guard or its own.
pub async fn run_and_note(function: &'static Function, caller: Caller, body: String) -> Result<String, Refusal> {
    let running = RunningCall::new(&caller, function.name());
    let result = match function.admit(&caller).await {
        Ok(admitted) => admitted.call(body).await,
        Err(refusal) => Err(refusal),
    };
    running.finish(&result);
    result
}

/// Whether the body is declared as that, in whatever case and with whatever parameters (RFC 9110, section 8.3.1).
pub fn is_declared(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

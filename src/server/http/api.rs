//! The JSON API: `POST /api/<name>`, for programs and for scripts of pages.
//!
//! The order of the checks is part of the contract: name, method, guard, and only then the body. A caller whom the
//! guard refuses learns nothing about the arguments.

use axum::{
    Extension,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{
        HeaderMap, Method, Version,
        header::{ALLOW, CONNECTION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    body::{drain, read},
    pages::Pages,
    response::{json_error, json_response},
};
use crate::{
    contract::{Language, Refusal, form_data::SHOWN_TO},
    platform,
    server::{
        auth::caller::Caller,
        registry::{self, Function, call_log::RunningCall, pending_calls},
    },
};

pub async fn call(Extension(caller): Extension<Caller>, mut request: Request) -> Response {
    match try_call(&caller, &mut request).await {
        Ok(reply) => json_response(reply),
        Err(refusal) => {
            let is_drained = drain(&mut request).await;
            let response = json_error(&refusal);
            // The unread rest makes the connection unusable. Over HTTP/2 only the stream ends.
            if !is_drained && request.version() <= Version::HTTP_11 {
                return ([(CONNECTION, "close")], response).into_response();
            }
            response
        }
    }
}

async fn try_call(caller: &Caller, request: &mut Request) -> Result<String, Refusal> {
    let name = request.uri().path().strip_prefix("/api/");
    let function = name.and_then(registry::find).ok_or(Refusal::UnknownFunction)?;
    if *request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let running = RunningCall::new(caller, function.name());
    let result = call_over_http(function, caller, request).await;
    running.finish(&result);
    let reply = result?;
    if caller.pending_call_cookie().is_some() {
        pending_calls::delete_after_call(caller, function.name()).await;
    }
    Ok(reply)
}

async fn call_over_http(
    function: &'static Function,
    caller: &Caller,
    request: &mut Request,
) -> Result<String, Refusal> {
    // User ids are visible ASCII. Any other value matches no user.
    let shown_to = request
        .headers()
        .get(SHOWN_TO)
        .map(|user_id| user_id.to_str().unwrap_or("?"));
    caller.require_shown_to(shown_to).await?;
    let authorized = function.authorize(caller).await?;
    let is_json = has_content_type(request.headers(), "application/json");
    let has_no_arguments = function.shape().is_nothing();
    if !is_json && !has_no_arguments {
        return Err(Refusal::NotJson);
    }
    let mut text = read(request, caller.state().settings()).await?;
    // Skip a byte order mark, with which some editors start files (RFC 8259, section 8.1).
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    let text = if text.is_empty() && has_no_arguments {
        "{}".to_owned()
    } else if is_json {
        text
    } else {
        return Err(Refusal::NotJson);
    };
    authorized.call(text).await
}

/// Checks the guard of a function, calls it with `body`, and records the call in the call log.
pub async fn run_and_record(function: &'static Function, caller: Caller, body: String) -> Result<String, Refusal> {
    let running = RunningCall::new(&caller, function.name());
    let result = match function.authorize(&caller).await {
        Ok(authorized) => authorized.call(body).await,
        Err(refusal) => Err(refusal),
    };
    running.finish(&result);
    result
}

#[derive(Deserialize)]
pub struct OpenapiQuery {
    language: Option<Language>,
}

/// `GET /api/openapi.json`: the OpenAPI document. `?language=` is for tools that cannot send `Accept-Language`.
pub async fn openapi(State(pages): State<Pages>, query: Result<Query<OpenapiQuery>, QueryRejection>) -> Response {
    // An unknown language counts as none, as in the header.
    if let Ok(Query(OpenapiQuery {
        language: Some(language),
    })) = query
    {
        platform::set_current(language);
    }
    json_response(pages.openapi().to_owned())
}

/// Answers any other method on that path. The header replaces the `Allow: POST` of the refusal.
pub async fn only_get() -> impl IntoResponse {
    ([(ALLOW, "GET, HEAD")], json_error(&Refusal::MethodNotAllowed))
}

/// Whether `Content-Type` is `media_type`, in any case and with any parameters (RFC 9110, section 8.3.1).
pub fn has_content_type(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

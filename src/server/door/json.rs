//! The JSON door: `POST /api/<name>`. What programs call, and what a page calls in place.
//!
//! The order decides what a caller learns: the name, the method, the guard, and only then anything of the body.

use std::{
    mem,
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, Version,
        header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT},
    },
    response::Response,
};
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{
    openapi,
    reply::{answered, refused},
};
use crate::{
    contract::Refusal,
    server::{
        audit::CallUnderWay,
        caller::Caller,
        function::{self, Function},
        kept_calls,
        patience::within,
        services::Services,
        settings::Settings,
    },
};

/// What the paths of functions begin with.
const PREFIX: &str = "/api";

/// After how long a wait, for the body mostly, the session is looked up again before the function asks its guard.
const STALE_AFTER: Duration = Duration::from_millis(500);

/// How much of a refused body is taken off the line, and for how long.
const DRAINED_BYTES: usize = 2 * 1024 * 1024;
const DRAINED_FOR: Duration = Duration::from_secs(2);

/// Whether a path is for programs: that of a function, be it one that is not there, or of their description.
pub fn is_for_programs(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is that of a function, be it one that is not there.
pub fn is_for(path: &str) -> bool {
    is_for_programs(path) && path != openapi::PATH
}

/// Calls a function.
pub async fn call(services: &Services, caller: &Caller, request: &mut Request) -> Response {
    match try_call(services.settings(), caller, request).await {
        Ok(reply) => answered(reply),
        Err(refusal) => {
            let is_drained = Box::pin(drain(request)).await;
            let mut response = refused(&refusal);
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
    let function = name.and_then(function::find).ok_or(Refusal::UnknownFunction)?;
    if *request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let under_way = CallUnderWay::new(caller, function.name());
    let result = call_over_http(function, settings, caller, request, under_way.began()).await;
    under_way.over(&result);
    let reply = result?;
    if caller.kept_call_cookie().is_some() {
        Box::pin(kept_calls::replace_by_call(caller, function.name())).await;
    }
    Ok(reply)
}

async fn call_over_http(
    function: &'static Function,
    settings: &Settings,
    caller: &Caller,
    request: &mut Request,
    began: Instant,
) -> Result<String, Refusal> {
    function.admit(caller).await?;
    let is_json = is_declared(request.headers(), "application/json");
    let takes_nothing = function.shape().is_nothing();
    if !is_json && !takes_nothing {
        return Err(Refusal::NotJson);
    }
    let text = read(request, settings).await?;
    if began.elapsed() >= STALE_AFTER {
        Box::pin(caller.look_again()).await?;
    }
    let text = match text.is_empty() && takes_nothing {
        true => "{}".to_owned(),
        false if is_json => text,
        false => return Err(Refusal::NotJson),
    };
    run(function, caller.clone(), text).await
}

/// Calls a function as [`run`] does, and notes the call.
///
/// # Errors
/// The function's refusal.
pub async fn run_and_note(function: &'static Function, caller: Caller, body: String) -> Result<String, Refusal> {
    let under_way = CallUnderWay::new(&caller, function.name());
    let result = run(function, caller.clone(), body).await;
    under_way.over(&result);
    result
}

/// Calls a function with a body, for a caller.
///
/// # Errors
/// The function's refusal.
pub async fn run(function: &'static Function, caller: Caller, body: String) -> Result<String, Refusal> {
    caller.over(async { function.call(body).await }).await
}

/// Reads a whole body, as text.
///
/// # Errors
/// A body that is larger, slower or stranger than allowed. Nothing is unpacked: a few bytes could become any number.
pub async fn read(request: &mut Request, settings: &Settings) -> Result<String, Refusal> {
    if request
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoded);
    }
    let limit = settings.limits.body_bytes;
    if http_body::Body::size_hint(request.body()).lower() > limit {
        return Err(Refusal::TooLarge { limit });
    }
    // From here on the client is asked for the body, and waits no more.
    request.headers_mut().remove(EXPECT);
    let body = request.body_mut();
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let read = within(Duration::from_secs(settings.https.body_seconds), limited.collect())
        .await
        .ok_or(Refusal::TooSlow)?
        .map_err(|error| match error.is::<LengthLimitError>() {
            true => Refusal::TooLarge { limit },
            false => Refusal::Malformed("it broke off".to_owned()),
        })?;
    String::from_utf8(read.to_bytes().into())
        .map_err(|error| Refusal::Malformed(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))
}

/// Takes what is left of a refused body off the line, unread and within bounds: a client that is still sending when the
/// connection closes finds a broken connection instead of the refusal. `false` where something of it is left.
pub async fn drain(request: &mut Request) -> bool {
    // This client waits for an answer before it sends anything.
    if request.headers().contains_key(EXPECT) {
        return http_body::Body::is_end_stream(request.body());
    }
    let mut left = DRAINED_BYTES;
    let mut body = mem::take(request.body_mut()).into_data_stream();
    let draining = async {
        loop {
            match body.next().await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(chunk)) => left = left.saturating_sub(chunk.len()),
            }
            if left == 0 {
                return false;
            }
        }
    };
    tokio::time::timeout(DRAINED_FOR, draining).await.unwrap_or_default()
}

/// Whether the body is declared as that, in whatever case and with whatever parameters (RFC 9110, section 8.3.1).
pub fn is_declared(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

//! The bodies of HTML forms.

use axum::extract::Request;

use super::{
    api::has_content_type,
    body::{drain, read},
};
use crate::{
    contract::{Refusal, form_data::Typed},
    server::config::Settings,
};

/// Reads a URL-encoded form. A refused body is drained.
pub async fn read_form(mut request: Request, settings: &Settings) -> Result<Typed, Refusal> {
    let read = if has_content_type(request.headers(), "application/x-www-form-urlencoded") {
        read(&mut request, settings).await
    } else {
        Err(Refusal::NotAForm)
    };
    let body = match read {
        Ok(text) => text,
        Err(refusal) => {
            drain(&mut request).await;
            return Err(match refusal {
                Refusal::Malformed(reason) => Refusal::MalformedForm(reason),
                other => other,
            });
        }
    };
    serde_urlencoded::from_str(&body)
        .map(Typed::new)
        .map_err(|error| Refusal::MalformedForm(error.to_string().into()))
}

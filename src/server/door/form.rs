//! The doors for forms without script. Each answers with a redirect, so that a reload sends nothing twice.
//!
//! They call the same declared functions as the JSON door, with the form written as JSON.

use std::time::Instant;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{
    json::{drain, read, run},
    page::Pages,
    reply::{add_headers, body_of, refused_person},
};
use crate::{
    contract::{
        Refusal,
        function::{FieldKind, Form},
        kept_call::{KeptCall, Outcome},
        next::OwnPage,
        page::{PageFacts, RefusedLogin},
    },
    server::{
        caller::Caller,
        function::{self, Declaration},
        kept_calls,
        settings::Settings,
    },
};

/// `POST /functions/<name>`: calls a function and shows on its page what came of it.
pub async fn call(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(declaration) = function::find(&name) else {
        return super::page::not_found(State(pages), request).await;
    };
    let settings = pages.services().settings();
    match try_call(settings, declaration, caller, request).await {
        Ok(next) => see_other(&next),
        Err(refusal) => refused_person(&refusal),
    }
}

/// Calls the function, keeps what came of it, and says where to go.
async fn try_call(
    settings: &Settings,
    declaration: &'static Declaration,
    caller: Caller,
    request: Request,
) -> Result<String, Refusal> {
    let started = Instant::now();
    let form = Fields::read(request, settings).await?;
    let page = format!("/functions/{}", declaration.name());
    let (arguments, body) = form.arguments_of(&declaration.form());
    // Before anything of the arguments is looked at, as at the other door.
    let result = match declaration.admit(&caller).await {
        Ok(()) => run(declaration, caller.clone(), body).await,
        Err(refusal) => Err(refusal),
    };
    let is_logged_out = matches!(result, Err(Refusal::NotLoggedIn));
    let outcome = (!is_logged_out).then(|| outcome_of(result, started));
    let call = KeptCall {
        function: declaration.name().to_owned(),
        arguments,
        outcome,
    };
    kept_calls::keep(&caller, &call).await?;
    Ok(match is_logged_out {
        true => format!("/login?next={page}"),
        false => page,
    })
}

fn outcome_of(result: Result<String, Refusal>, started: Instant) -> Outcome {
    let (status, body) = match result {
        Ok(body) if body.len() > kept_calls::MAX_REPLY => {
            let note = "The function was called. Its reply is too long for this page: call it as JSON to read it.";
            (200, json!({ "ok": true, "msg": note }).to_string())
        }
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status(), body_of(&refusal)),
    };
    Outcome {
        status,
        body,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// `POST /login`: logs in and leads to where the person wanted to go, or shows the form again with the reason.
pub async fn login(State(pages): State<Pages>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let form = match Fields::read(request, pages.services().settings()).await {
        Ok(form) => form,
        Err(refusal) => return refused_person(&refusal),
    };
    let next = OwnPage::or_home(form.get("next"));
    let user_id = form.get("user_id").unwrap_or_default().to_owned();
    let remember = form.get("remember").is_some();
    let body = json!({
        "user_id": user_id,
        "password": form.get("password").unwrap_or_default(),
        "remember": remember,
    });
    let Some(declaration) = function::find("login") else {
        return refused_person(&Refusal::UnknownFunction);
    };
    match run(declaration, caller.clone(), body.to_string()).await {
        Ok(_) => see_other(next.as_str()),
        Err(refusal) => {
            let facts = PageFacts {
                refused_login: Some(RefusedLogin {
                    user_id,
                    remember,
                    error: refusal.message(),
                }),
                ..PageFacts::default()
            };
            let target = format!("/login?next={}", escaped(next.as_str()));
            let mut response = pages.render(caller, &target, facts, refusal.status()).await;
            add_headers(&mut response, &refusal);
            response
        }
    }
}

/// `POST /logout`: logs out and leads home. Who is logged out already is led there, too.
pub async fn logout(Extension(caller): Extension<Caller>) -> Response {
    let Some(declaration) = function::find("logout") else {
        return refused_person(&Refusal::UnknownFunction);
    };
    match run(declaration, caller, "{}".to_owned()).await {
        Ok(_) | Err(Refusal::NotLoggedIn) => see_other("/"),
        Err(refusal) => refused_person(&refusal),
    }
}

/// The fields of a form that was sent.
struct Fields(Vec<(String, String)>);

impl Fields {
    async fn read(request: Request, settings: &Settings) -> Result<Self, Refusal> {
        let (head, mut body) = request.into_parts();
        let body = match read(&mut body, settings).await {
            Ok(text) => text,
            Err(refusal) => {
                drain(&head.headers, body).await;
                return Err(refusal);
            }
        };
        serde_urlencoded::from_str(&body)
            .map(Self)
            .map_err(|error| Refusal::Malformed(format!("the form cannot be read: {error}")))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// What to keep of the arguments, and the arguments as the body of a call. Passwords are never kept.
    fn arguments_of(&self, form: &Form) -> (String, String) {
        match form {
            Form::Nothing => (String::new(), "{}".to_owned()),
            Form::Json { .. } => {
                let text = self.get("arguments").unwrap_or_default().to_owned();
                (text.clone(), text)
            }
            Form::Fields(fields) => {
                let arguments: Map<String, Value> = fields
                    .iter()
                    .map(|field| {
                        let typed = self.get(&field.name);
                        let value = match field.kind {
                            FieldKind::Tick => Value::Bool(typed.is_some()),
                            FieldKind::UserName | FieldKind::Password => typed.unwrap_or_default().into(),
                        };
                        (field.name.clone(), value)
                    })
                    .collect();
                (String::new(), Value::Object(arguments).to_string())
            }
        }
    }
}

fn escaped(text: &str) -> String {
    serde_urlencoded::to_string([("", text)])
        .map(|pair| pair.trim_start_matches('=').to_owned())
        .unwrap_or_default()
}

fn see_other(target: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
}

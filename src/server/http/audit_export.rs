//! `GET /audit/events.jsonl`: exports the audit log as JSON lines. Needs the permission to read it.

use std::io;

use axum::{
    Extension,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use serde::Deserialize;

use super::{pages::Pages, response::ErrorPage};
use crate::{
    contract::{
        Refusal, TimeZone,
        audit::{Action, Outcome},
        query,
    },
    server::{
        audit::view::{self, days},
        auth::{
            caller::Caller,
            guard::{
                check,
                kinds::{Permission, ReadAudit},
            },
        },
        storage::events::EventFilter,
    },
};

/// The name of this operation in the log.
const OPERATION: &str = "the export of the audit log";

/// The filter. Empty fields are ignored, because a form sends all its fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExportQuery {
    user: String,
    action: String,
    outcome: String,
    since: String,
    until: String,
}

pub async fn events(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    params: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Response, ErrorPage> {
    let checking = check::<Permission<ReadAudit>>(&caller, OPERATION);
    caller.with_deadline(OPERATION, checking).await?;
    let Query(params) = params.map_err(|error| Refusal::MalformedForm(error.body_text().into()))?;
    let user = query::text::<1, 64>("user", &params.user)?;
    let action = query::one::<Action>("action", &params.action)?;
    let outcome = query::one::<Outcome>("outcome", &params.outcome)?;
    let since = query::day("since", &params.since)?;
    let until = query::day("until", &params.until)?;
    // As on the page, whose form leads here.
    let (since, until) = days(since, until, &TimeZone::current())?;
    // Once the response headers are sent, cookies are lost. A browser that remember-me logged in again now would not get
    // its new token, and its next visit with the old token would look like theft.
    caller.disable_remember();
    let storage = pages.state().storage().clone();
    let lines = stream::try_unfold(0, move |after| {
        let (storage, caller, user) = (storage.clone(), caller.clone(), user.clone());
        async move {
            let next = async {
                if after > 0 {
                    // An export can take long, so the session and the permission are checked again for each batch.
                    caller.refresh().await?;
                    check::<Permission<ReadAudit>>(&caller, OPERATION).await?;
                }
                let filter = EventFilter {
                    user: user.as_deref(),
                    action: action.map(Action::name),
                    outcome: outcome.map(Outcome::name),
                    since,
                    until,
                    after: Some(after),
                    ..EventFilter::default()
                };
                let (lines, last) = view::lines(&storage, &filter).await?;
                Ok::<_, Refusal>((!lines.is_empty()).then_some((lines, last)))
            };
            // An error aborts the response, so a partial export cannot be mistaken for a complete one.
            next.await.map_err(|refusal| io::Error::other(refusal.code()))
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"callgate-events.jsonl\""),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::{
        contract::login::{LoginArguments, Password},
        server::{
            accounts::login::log_in,
            auth::caller::Arrival,
            config::Settings,
            http::embedded_assets::Site,
            model::{clock::Timestamp, event::Event},
            runtime::in_flight::InFlight,
            sessions,
            state::AppState,
            storage::{
                roles::{ADMIN, UpdateOutcome},
                users::NewUser,
            },
        },
    };

    fn caller(state: &AppState, headers: &HeaderMap) -> Caller {
        let now = Timestamp::now();
        let arrival = Arrival {
            address: None,
            at: now,
            last_response_at: now,
        };
        Caller::new(state.clone(), headers, arrival, InFlight::default())
    }

    #[tokio::test]
    async fn the_end_of_the_session_aborts_the_export_and_the_browser_stays_remembered() {
        let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
        let storage = state.storage();
        let password = || Password::new("five brown foxes".to_owned());
        let user = NewUser {
            user_id: "ada",
            password_hash: &state.passwords().hash(password()).await.unwrap(),
            demo: false,
            roles: &[ADMIN.to_owned()],
            link: None,
        };
        let added = storage.add_user(&user, Timestamp::now(), &[]).await.unwrap();
        assert_eq!(added, UpdateOutcome::Done);
        let event = Event::by_operator(Action::UserAdded);
        storage.add_events(&[event], &[]).await.unwrap();
        let arguments = LoginArguments {
            user_id: "ada".to_owned(),
            password: password(),
            remember: true,
        };
        let login = caller(&state, &HeaderMap::new());
        log_in(&login, arguments).await.unwrap();
        let set = login.set_cookie_headers();
        let pairs: Vec<&str> = set
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .collect();
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(pairs.join("; ")).unwrap())]);

        let pages = Pages::new(state.clone(), Site::Folder("nowhere".into()).program());
        let export = caller(&state, &headers);
        let response = events(State(pages), Extension(export), Ok(Query(ExportQuery::default()))).await;
        let mut body = response.into_response().into_body();
        assert!(body.frame().await.unwrap().is_ok());
        sessions::end(&login.session()).await.unwrap();
        assert!(body.frame().await.unwrap().is_err());
        let next = caller(&state, &headers).login().await.unwrap();
        assert_eq!(next.unwrap().user_id, "ada");
    }
}

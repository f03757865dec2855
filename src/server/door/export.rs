//! The audit trail as JSON lines: `GET /audit/events.jsonl`, for who may read it.

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

use super::{page::Pages, reply::refused_person};
use crate::{
    contract::{
        Refusal, asked,
        audit::{Action, Outcome},
    },
    server::{
        audit::view::{self, days},
        caller::Caller,
        guard::{
            ask,
            kinds::{Permission, ReadAudit},
        },
        storage::events::EventFilter,
    },
};

/// What is exported, in words.
const WHAT: &str = "the export of the audit trail";

/// Which events. What is empty does not matter: a form sends all its fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    user: String,
    action: String,
    outcome: String,
    since: String,
    until: String,
}

/// The handler.
pub async fn events(
    State(pages): State<Pages>,
    Extension(caller): Extension<Caller>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let lines = async {
        caller.work(WHAT, ask::<Permission<ReadAudit>>(&caller, WHAT)).await?;
        let Query(wanted) = wanted.map_err(|error| Refusal::MalformedForm(error.body_text()))?;
        let user = asked::text::<1, 64>("user", &wanted.user)?;
        let action = asked::one("action", &wanted.action, Action::named)?;
        let outcome = asked::one("outcome", &wanted.outcome, Outcome::named)?;
        let since = asked::day("since", &wanted.since)?;
        let days = days(since, asked::day("until", &wanted.until)?)?;
        Ok::<_, Refusal>((user, action, outcome, days))
    };
    let (user, action, outcome, (since, until)) = match lines.await {
        Ok(found) => found,
        Err(refusal) => return refused_person(&refusal),
    };
    let storage = pages.services().storage().clone();
    let lines = stream::try_unfold(0, move |after| {
        let (storage, caller, user) = (storage.clone(), caller.clone(), user.clone());
        async move {
            let next = async {
                if after > 0 {
                    // It may last for long: whoever has lost the permission meanwhile, or the session, gets no more of it.
                    caller.look_again().await?;
                    ask::<Permission<ReadAudit>>(&caller, WHAT).await?;
                }
                let filter = EventFilter {
                    user: user.as_deref(),
                    only_present_user: false,
                    action: action.map(Action::name),
                    outcome: outcome.map(Outcome::name),
                    since,
                    until,
                    before: None,
                    after: Some(after),
                };
                let (lines, last) = view::lines(&storage, &filter).await?;
                Ok::<_, Refusal>((!lines.is_empty()).then_some((lines, last)))
            };
            // It breaks the answer off, so that nobody takes a part for the whole.
            next.await.map_err(|refusal| io::Error::other(refusal.code()))
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"callgate-events.jsonl\""),
    ];
    (headers, Body::from_stream(lines)).into_response()
}

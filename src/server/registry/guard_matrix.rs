//! The matrix of functions and kinds of caller: who may call what.
//!
//! The matrix is computed. Each guard checks a sample caller of each kind, on an in-memory database.

use super::Function;
use crate::{
    contract::Refusal,
    server::{
        auth::{
            caller::Caller,
            sample_caller::{PasswordGiven, logged_in, nobody},
        },
        config::Settings,
        model::clock::Timestamp,
        registry,
        state::AppState,
        storage::{
            roles::{ADMIN, UpdateOutcome},
            users::NewUser,
        },
    },
};

pub(super) const ALLOWED: &str = "yes";

/// A sample user without roles.
const SOMEBODY: &str = "somebody";
/// A sample user with the role that has every permission.
const ADMINISTRATOR: &str = "administrator";

/// The kinds of caller: the column title, the user if one is logged in, and when the user entered the password.
const KINDS: [(&str, Option<(&str, PasswordGiven)>); 5] = [
    ("NOBODY", None),
    ("REMEMBERED", Some((SOMEBODY, PasswordGiven::Never))),
    ("LOGGED IN", Some((SOMEBODY, PasswordGiven::Earlier))),
    ("JUST LOGGED IN", Some((SOMEBODY, PasswordGiven::JustNow))),
    ("ADMIN", Some((ADMINISTRATOR, PasswordGiven::JustNow))),
];

/// The rows of the matrix, starting with the column titles. A cell is "yes" or the code of the refusal.
pub async fn rows() -> anyhow::Result<Vec<Vec<String>>> {
    let state = AppState::in_memory(Settings::defaults()?).await?;
    let administrator = NewUser {
        user_id: ADMINISTRATOR,
        roles: &[ADMIN.to_owned()],
        ..NewUser::default()
    };
    let added = state.storage().add_user(&administrator, Timestamp::now(), &[]).await?;
    debug_assert_eq!(added, UpdateOutcome::Done, "this database is new");
    let mut titles = vec!["FUNCTION".to_owned(), "GUARD".to_owned()];
    titles.extend(KINDS.map(|(kind, _)| kind.to_owned()));
    let mut rows = vec![titles];
    for function in registry::all() {
        let mut row = vec![function.name().to_owned(), function.rule.name.clone()];
        for (_, user) in KINDS {
            let caller = match user {
                Some((user_id, given)) => logged_in(&state, user_id, given).await?,
                None => nobody(&state),
            };
            let failed = |failure: Refusal| anyhow::anyhow!("cannot check a guard: {}", failure.message().english());
            row.push(decision(function, &caller).await.map_err(failed)?);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The decision of the guard of a function about a caller: [`ALLOWED`] or the code of the refusal.
/// A failure to check the guard is an error, never a decision.
pub(super) async fn decision(function: &Function, caller: &Caller) -> Result<String, Refusal> {
    match function.check(caller).await {
        Ok(()) => Ok(ALLOWED.to_owned()),
        Err(failure) if failure.is_failure() => Err(failure),
        Err(refusal) => Ok(refusal.code().to_owned()),
    }
}

//! Functions × kinds of caller: who is let in where.
//!
//! Nothing of it is written down by hand: for each kind a caller is made up, on a database in memory, and each guard is
//! really asked.

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

/// What a guard that lets somebody pass says.
pub(super) const YES: &str = "yes";

/// A user who is made up, and has no role.
const SOMEBODY: &str = "somebody";
/// A user who is made up, and has the role that holds every permission.
const ADMINISTRATOR: &str = "administrator";

/// The kinds of caller: the name of the column, who it is, and when the password was given. `None` is nobody.
const KINDS: [(&str, Option<(&str, PasswordGiven)>); 5] = [
    ("NOBODY", None),
    ("REMEMBERED", Some((SOMEBODY, PasswordGiven::Never))),
    ("LOGGED IN", Some((SOMEBODY, PasswordGiven::Earlier))),
    ("JUST LOGGED IN", Some((SOMEBODY, PasswordGiven::JustNow))),
    ("ADMIN", Some((ADMINISTRATOR, PasswordGiven::JustNow))),
];

/// The table, with its head: "yes", or the code of the refusal.
///
/// # Errors
/// Where the guards cannot be asked.
pub async fn rows() -> anyhow::Result<Vec<Vec<String>>> {
    let state = AppState::in_memory(Settings::defaults()?).await?;
    let administrator = NewUser {
        user_id: ADMINISTRATOR,
        password_hash: "",
        demo: false,
        roles: &[ADMIN.to_owned()],
        link: None,
    };
    let added = state.storage().add_user(&administrator, Timestamp::now(), &[]).await?;
    debug_assert_eq!(added, UpdateOutcome::Done, "this database is new");
    let mut head = vec!["FUNCTION".to_owned(), "GUARD".to_owned()];
    head.extend(KINDS.map(|(kind, _)| kind.to_owned()));
    let mut rows = vec![head];
    for function in registry::all() {
        let mut row = vec![function.name().to_owned(), function.rule().name.clone()];
        for (_, who) in KINDS {
            let caller = match who {
                Some((user_id, given)) => logged_in(&state, user_id, given).await?,
                None => nobody(&state),
            };
            let answer = answer(function, &caller).await;
            row.push(answer.map_err(|failure| anyhow::anyhow!("a guard could not be asked: {}", failure.message()))?);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What the guard of a function says to a caller: [`YES`], or the code of the refusal.
///
/// # Errors
/// The failure, where it could not be asked.
pub(super) async fn answer(function: &Function, caller: &Caller) -> Result<String, Refusal> {
    match function.check(caller).await {
        Ok(()) => Ok(YES.to_owned()),
        Err(failure) if failure.is_failure() => Err(failure),
        Err(refusal) => Ok(refusal.code().to_owned()),
    }
}

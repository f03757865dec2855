//! Who may call what, and why: the answers of the guards themselves, asked for callers who are made up.
//!
//! Nothing of it is written down by hand, and nothing of it is done: no function is called, only its guard.

use super::{Function, guard_matrix};
use crate::{
    contract::{
        Refusal,
        audit::Action,
        role::{AccessByRole, AccessRow, Explanation},
        user::UserState,
    },
    server::{
        auth::{
            caller::Caller,
            guard::granted::Permissions,
            sample_caller::{self, PasswordGiven},
        },
        model::{clock::Timestamp, event::Event},
        registry,
        state::AppState,
        storage::{
            Storage,
            roles::{ADMIN, Precondition, PutOutcome, UpdateOutcome},
            users::NewUser,
        },
        telemetry::error::InternalError,
    },
};

/// Functions × kinds of caller: nobody, somebody without a role, and each role, all of them just logged in.
///
/// # Errors
/// A fault where the guards cannot be asked.
pub async fn table(state: &AppState) -> Result<AccessByRole, Refusal> {
    let stored = state.storage().list_roles().await?;
    let roles: Vec<String> = stored.into_iter().map(|role| role.role).collect();
    let made_up = with_a_user_for_each(state, &roles).await?;
    let mut callers = vec![sample_caller::nobody(&made_up)];
    for user in 0..=roles.len() {
        callers.push(sample_caller::logged_in(&made_up, &user.to_string(), PasswordGiven::JustNow).await?);
    }
    let mut functions = Vec::new();
    for function in registry::all() {
        let mut answers = Vec::new();
        for caller in &callers {
            answers.push(guard_matrix::answer(function, caller).await?);
        }
        functions.push(AccessRow {
            function: function.name().to_owned(),
            guard: function.rule().name.clone(),
            answers,
        });
    }
    let kinds = ["nobody", "no role"].map(str::to_owned).into_iter();
    Ok(AccessByRole {
        callers: kinds.chain(roles).collect(),
        functions,
    })
}

/// The roles in a database of their own, where user 0 has none of them, user 1 the first, and so on.
async fn with_a_user_for_each(state: &AppState, roles: &[String]) -> Result<AppState, Refusal> {
    let failed = |error: anyhow::Error| InternalError::new("copying the roles", error);
    let copy = Storage::in_memory().await.map_err(failed)?;
    let event = Event::by_operator(Action::RoleChanged);
    for (number, role) in (1..).zip(roles) {
        if role != ADMIN {
            let permissions = state.storage().permissions_of(role).await?;
            let put = copy
                .put_role(role, "", &permissions, Precondition::Nothing, &[], &event)
                .await?;
            debug_assert_eq!(put, PutOutcome::Done, "this database is new");
        }
        let user = NewUser {
            user_id: &i32::to_string(&number),
            password_hash: "",
            demo: false,
            roles: std::slice::from_ref(role),
            link: None,
        };
        let added = copy.add_user(&user, Timestamp::now(), &[]).await?;
        debug_assert_eq!(added, UpdateOutcome::Done, "this database is new");
    }
    Ok(state.with_storage(copy))
}

/// Why a user can, or cannot, call a function: what its guard says to that user, just logged in.
///
/// # Errors
/// [`Refusal::NotFound`] for the user or the function.
pub async fn explain(state: &AppState, user_id: &str, name: &str) -> Result<Explanation, Refusal> {
    let storage = state.storage();
    let user = storage
        .find_listed(user_id)
        .await?
        .ok_or_else(|| Refusal::NotFound("user".to_owned()))?;
    let function = registry::find(name).ok_or_else(|| Refusal::NotFound("function".to_owned()))?;
    let roles = storage.roles_of(user_id).await?;
    let fresh = sample_caller::logged_in(state, user_id, PasswordGiven::JustNow).await?;
    let answer = guard_matrix::answer(function, &fresh).await?;
    let remembered = sample_caller::logged_in(state, user_id, PasswordGiven::Never).await?;
    let without_password = guard_matrix::answer(function, &remembered).await?;
    let is_open = function.rule().refusals.is_empty();
    let allowed = answer == guard_matrix::YES && (is_open || user.state() == UserState::Active);

    let mut reasons = vec![format!(
        "{name} is guarded by {}: {}.",
        function.rule().name,
        function.rule().words
    )];
    match user.state() {
        UserState::Active => {}
        _ if is_open => {}
        UserState::Disabled => reasons.push(format!("{user_id} is disabled and cannot log in.")),
        UserState::Invited => reasons.push(format!("{user_id} has no password yet, and must choose one to log in.")),
    }
    reasons.push(holding(state, user_id, &roles).await?);
    reasons.push(match answer.as_str() {
        guard_matrix::YES => format!("The guard lets {user_id} in."),
        code => lacking(function, user_id, code, state, &fresh).await?,
    });
    if answer == guard_matrix::YES && without_password != guard_matrix::YES {
        reasons.push(format!(
            "The password must have been entered within the last {} seconds.",
            state.settings().sessions.fresh().as_secs()
        ));
    }
    Ok(Explanation {
        user_id: user_id.to_owned(),
        function: name.to_owned(),
        allowed,
        reasons,
    })
}

/// What a user holds, in a sentence.
async fn holding(state: &AppState, user_id: &str, roles: &[String]) -> Result<String, Refusal> {
    let held = Permissions::by_roles(state.storage(), roles).await?.names();
    Ok(match roles {
        [] => format!("{user_id} has no roles, and so no permissions."),
        roles if roles.iter().any(|role| role == ADMIN) => {
            format!("{user_id} has the role {ADMIN}, which has every permission.")
        }
        roles if held.is_empty() => format!("Roles of {user_id}: {}. They have no permissions.", roles.join(", ")),
        roles => format!(
            "Roles of {user_id}: {}. Their permissions: {}.",
            roles.join(", "),
            held.join(", ")
        ),
    })
}

/// What is missing, and who has it, in a sentence.
async fn lacking(
    function: &Function,
    user_id: &str,
    code: &str,
    state: &AppState,
    caller: &Caller,
) -> Result<String, Refusal> {
    let Err(Refusal::PermissionRequired(missing)) = function.check(caller).await else {
        return Ok(format!("The guard refuses {user_id} with {code}."));
    };
    let storage = state.storage();
    let needed = format!("{user_id} needs {missing}.");
    if missing.names().all(|name| name.starts_with("role:")) {
        return Ok(needed);
    }
    let mut giving = vec![ADMIN.to_owned()];
    for role in storage.list_roles().await? {
        let permissions = storage.permissions_of(&role.role).await?;
        let would_do = |name: &str| match name.strip_prefix("role:") {
            Some(wanted) => wanted == role.role,
            None => permissions.iter().any(|permission| permission == name),
        };
        if role.role != ADMIN && missing.names().any(would_do) {
            giving.push(role.role);
        }
    }
    Ok(format!("{needed} Roles that have it: {}.", giving.join(", ")))
}
